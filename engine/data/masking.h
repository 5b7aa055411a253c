#pragma once
#include "engine/data/batches.h"

namespace sweetspot {

/// What a chosen token becomes.
enum class MaskStyle {
    plain,     ///< <mask>, always
    study,     ///< 80 % <mask>, then half of the rest another letter, the other half as it was
    bernoulli, ///< the same shares, but each letter is chosen, and becomes what it does, by itself
};

/// Which tokens are hidden from a masked language model, as the ESM-2 study chose them: of each row
/// floor(fraction · letters), at least one, uniformly without replacement; never special tokens.
/// Of `study`, floor(0.8 · chosen) become <mask> and floor(half of the rest) random letters. With
/// `bernoulli` (the collator of Hugging Face's, which the HyperPod study used) a row may have none.
struct MaskRule {
    double fraction = 0.15;
    MaskStyle style = MaskStyle::plain;
    std::int64_t seed = 1;
    std::int32_t first_letter = 4, last_letter = 23; ///< random letters: ESM-2's 20 residues
    /// What each row is among the data: its choice then depends on this and the seed. Empty: on its
    /// tokens and the seed. Not owned.
    std::span<const std::size_t> records{};
};

/// Marks a position that is not scored; kernels ignore any negative target.
constexpr std::int32_t no_label = -1;

struct MaskedBatch {
    Batch batch{};                ///< with the chosen tokens replaced
    std::vector<Tokens> labels{}; ///< as long as the rows: the original id where chosen, else
                                  ///< no_label
    std::int64_t chosen = 0;
};

/// How many of so many letters are chosen.
std::int64_t chosen_of(std::int64_t letters, double fraction);
/// The same of one row of a batch by a rule with records, without its tokens.
std::int64_t chosen_of(std::int64_t letters, const MaskRule&, std::size_t row);

/// Masks a batch. A row's choice depends on the seed and on its own tokens or record only, so that
/// every layout and every order of rows is scored on the same positions.
/// Throws Error(bad_input) if `ids` has no mask, or fraction is not in (0, 1].
MaskedBatch mask(const Batch& batch, const SpecialIds& ids, const MaskRule& rule);

/// For pseudo-perplexity: one row for each letter of `row`, with that letter masked and scored.
/// Rows have special tokens where `row` has. Throws as mask() does.
MaskedBatch mask_each_letter(const Tokens& row, int specials_per_row, const SpecialIds& ids);

} // namespace sweetspot

#include "engine/data/masking.h"
#include "engine/config/fields.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cmath>

namespace sweetspot {

namespace {
bool is_special(std::int32_t id, const SpecialIds& ids) {
    return id == ids.bos || id == ids.eos || id == ids.pad || id == ids.mask;
}

std::vector<std::size_t> letter_positions(const Tokens& row, const SpecialIds& ids) {
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < row.size(); ++i)
        if (!is_special(row[i], ids)) positions.push_back(i);
    return positions;
}

/// A seed of the row's own: FNV-1a of its tokens, begun with the rule's seed.
std::uint64_t seed_of(const Tokens& row, std::int64_t seed) {
    std::uint64_t hash = 0xcbf29ce484222325 ^ std::uint64_t(seed);
    for (const auto id : row) hash = (hash ^ std::uint32_t(id)) * 0x100000001b3;
    return hash;
}

void require_mask(const SpecialIds& ids) {
    require(ids.mask >= 0, Failure::bad_input, "masked perplexity needs a vocabulary with <mask>");
}

/// Masks one row in place; returns its labels.
Tokens mask_row(Tokens& row, const SpecialIds& ids, const MaskRule& rule) {
    Tokens labels(row.size(), no_label);
    Random random(seed_of(row, rule.seed));
    auto positions = letter_positions(row, ids);
    if (positions.empty()) return labels;
    const auto chosen = std::size_t(chosen_of(std::int64_t(positions.size()), rule.fraction));
    const auto masked =
        rule.style == MaskStyle::plain ? chosen : std::size_t(std::floor(0.8 * double(chosen)));
    const auto replaced = (chosen - masked) / 2;
    for (std::size_t i = 0; i < chosen; ++i) {
        std::swap(positions[i], positions[i + random.below(positions.size() - i)]);
        auto& token = row[positions[i]];
        labels[positions[i]] = token;
        if (i < masked)
            token = ids.mask;
        else if (i < masked + replaced)
            token =
                rule.first_letter +
                std::int32_t(random.below(std::uint64_t(rule.last_letter - rule.first_letter) + 1));
    }
    return labels;
}
} // namespace

std::int64_t chosen_of(std::int64_t letters, double fraction) {
    const auto share = std::int64_t(std::floor(fraction * double(letters)));
    return std::min(letters, std::max<std::int64_t>(1, share));
}

MaskedBatch mask(const Batch& batch, const SpecialIds& ids, const MaskRule& rule) {
    require_mask(ids);
    if (!(rule.fraction > 0 && rule.fraction <= 1))
        throw Error(Failure::bad_input, "mask_fraction = " + to_text(rule.fraction) +
                                            ", but must be above 0 and at most 1");
    require(rule.first_letter <= rule.last_letter, Failure::bad_input,
            "masking has letters to choose from");
    MaskedBatch masked{.batch = batch};
    for (auto& row : masked.batch.rows) {
        masked.labels.push_back(mask_row(row, ids, rule));
        for (const auto label : masked.labels.back()) masked.chosen += label != no_label;
    }
    return masked;
}

MaskedBatch mask_each_letter(const Tokens& row, int specials_per_row, const SpecialIds& ids) {
    require_mask(ids);
    MaskedBatch masked{.batch = {.specials_per_row = specials_per_row}};
    for (const auto position : letter_positions(row, ids)) {
        masked.batch.rows.push_back(row);
        masked.batch.rows.back()[position] = ids.mask;
        masked.labels.emplace_back(row.size(), no_label);
        masked.labels.back()[position] = row[position];
        ++masked.chosen;
    }
    return masked;
}

} // namespace sweetspot

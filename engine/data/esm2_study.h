#pragma once
#include "engine/data/batches.h"
#include <random>

namespace sweetspot {

/// numpy's legacy generator, RandomState(seed), as far as the ESM-2 study used it: MT19937 seeded
/// by init_genrand, integers by masked rejection.
class NumpyRandom {
public:
    explicit NumpyRandom(std::uint32_t seed) : engine_(seed) {}

    /// randint(low, high): uniform in [low, high); no number is consumed if only one is possible.
    std::int64_t randint(std::int64_t low, std::int64_t high);

private:
    std::mt19937 engine_; ///< the standard fixes its seeding and numbers; they are numpy's
};

/// Whether the letters come from the same stream as the lengths: so in the study's inference
/// experiments, not in its training, where other processes drew them.
enum class StudyStream { shared, lengths_only };

/// The lengths, in residues, of batches as the study drew them: uniform in [1, residues left],
/// cut at `longest`, until `residues_per_batch` is used up; seed 1. With a shared stream the
/// first batch, which the study drew and did not measure, is left out.
std::vector<std::vector<int>> esm2_study_lengths(int batches, std::int64_t residues_per_batch,
                                                 int longest, StudyStream stream);

/// Residues of a batch: `token_budget`, or 2,560 as the study's smallest.
std::int64_t esm2_study_residues(const RunConfig& config);

/// The batches of the study's inference experiments with their letters: esm2_study_residues a
/// batch, no sequence longer than `sequence` residues. `seed` and `batch` are not used: the study
/// fixes them. Of another vocabulary than ESM-2's the first 25 ids from `tokens.first` are taken.
/// Throws Error(bad_input) for sizes below 1 and a vocabulary below 25.
template <class Row = Tokens>
std::vector<BatchOf<Row>> esm2_study_batches(const RunConfig& config, const RandomTokens& tokens);

} // namespace sweetspot

#include "engine/data/esm2_study.h"
#include "kernels/core/error.h"
#include <algorithm>

namespace sweetspot {

namespace {
constexpr std::uint32_t study_seed = 1;
constexpr int letters_of_study = 25; // LAGVSERTIDPKQNFYMHWCXBUZO, ids 4 to 28 in this order

std::vector<int> draw_lengths(NumpyRandom& random, std::int64_t residues, int longest) {
    std::vector<int> lengths;
    while (residues > 0) {
        const auto drawn = random.randint(1, residues + 1);
        lengths.push_back(int(std::min<std::int64_t>(drawn, longest)));
        residues -= lengths.back();
    }
    return lengths;
}

void draw_row(Tokens& row, int length, NumpyRandom& random, const RandomTokens& tokens) {
    if (tokens.specials.begin) row.push_back(tokens.ids.bos);
    for (int i = 0; i < length; ++i)
        row.push_back(tokens.first + std::int32_t(random.randint(0, letters_of_study)));
    if (tokens.specials.end) row.push_back(tokens.ids.eos);
}
/// Counts the row; its letters are drawn and forgotten, because lengths follow in the same stream.
void draw_row(std::int32_t& row, int length, NumpyRandom& random, const RandomTokens& tokens) {
    for (int i = 0; i < length; ++i) random.randint(0, letters_of_study);
    row = length + tokens.specials_per_row();
}

/// The study's generator of a batch: all lengths first, then the letters of each sequence.
template <class Row>
BatchOf<Row> draw_batch(NumpyRandom& random, std::int64_t residues, int longest,
                        const RandomTokens& tokens) {
    BatchOf<Row> batch{.specials_per_row = tokens.specials_per_row()};
    for (const int length : draw_lengths(random, residues, longest))
        draw_row(batch.rows.emplace_back(), length, random, tokens);
    return batch;
}

void check(std::int64_t batches, std::int64_t residues, int longest) {
    if (batches < 1 || residues < 1 || residues >= std::int64_t(1) << 31 || longest < 1)
        throw Error(Failure::bad_input,
                    "the batches of the ESM-2 study need batches, token_budget and sequence of at "
                    "least 1, and less than 2^31 tokens a batch");
}
} // namespace

std::int64_t NumpyRandom::randint(std::int64_t low, std::int64_t high) {
    require(low < high && high - low <= std::int64_t(1) << 32, Failure::bad_input,
            "randint has numbers to choose from, at most 2^32");
    const auto most = std::uint32_t(high - low - 1);
    if (most == 0) return low;
    std::uint32_t mask = most;
    for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    for (;;)
        if (const auto value = std::uint32_t(engine_()) & mask; value <= most) return low + value;
}

std::vector<std::vector<int>> esm2_study_lengths(int batches, std::int64_t residues_per_batch,
                                                 int longest, StudyStream stream) {
    check(batches, residues_per_batch, longest);
    NumpyRandom random(study_seed);
    std::vector<std::vector<int>> lengths;
    if (stream == StudyStream::lengths_only) {
        for (int i = 0; i < batches; ++i)
            lengths.push_back(draw_lengths(random, residues_per_batch, longest));
        return lengths;
    }
    draw_batch<std::int32_t>(random, residues_per_batch, longest, random_residues());
    for (int i = 0; i < batches; ++i) {
        const auto batch =
            draw_batch<std::int32_t>(random, residues_per_batch, longest, random_residues());
        lengths.emplace_back();
        for (const auto row : batch.rows) lengths.back().push_back(row - batch.specials_per_row);
    }
    return lengths;
}

std::int64_t esm2_study_residues(const RunConfig& config) {
    return config.token_budget ? config.token_budget : 2560;
}

template <class Row>
std::vector<BatchOf<Row>> esm2_study_batches(const RunConfig& config, const RandomTokens& tokens) {
    const std::int64_t residues = esm2_study_residues(config);
    require(tokens.last - tokens.first + 1 >= letters_of_study, Failure::bad_input,
            "the ESM-2 study's batches need a vocabulary of 25 letters or more");
    check(config.batches, residues, config.sequence);
    NumpyRandom random(study_seed);
    draw_batch<std::int32_t>(random, residues, config.sequence, tokens); // but not measured
    std::vector<BatchOf<Row>> batches;
    for (int i = 0; i < config.batches; ++i)
        batches.push_back(draw_batch<Row>(random, residues, config.sequence, tokens));
    return batches;
}
template std::vector<Batch> esm2_study_batches(const RunConfig&, const RandomTokens&);
template std::vector<BatchShape> esm2_study_batches(const RunConfig&, const RandomTokens&);

} // namespace sweetspot

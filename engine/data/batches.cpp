#include "engine/data/batches.h"
#include "engine/data/esm2_study.h"
#include "kernels/core/error.h"
#include <algorithm>

namespace sweetspot {

namespace {
std::int64_t letters_of(const Batch& batch, const Tokens& row) {
    return std::int64_t(row.size()) - batch.specials_per_row;
}

Tokens framed(std::span<const std::int32_t> letters, Specials specials, const SpecialIds& ids) {
    Tokens row;
    row.reserve(letters.size() + 2);
    if (specials.begin) row.push_back(ids.bos);
    row.insert(row.end(), letters.begin(), letters.end());
    if (specials.end) row.push_back(ids.eos);
    return row;
}

/// Bucketing looks at all the rows of a run: they are its window.
void arrange(Batch& all, Layout layout) {
    if (layout == Layout::bucketed) sort_within_windows(all, all.rows.size());
}

/// Lengths for the run's batches, which split() then finds again.
std::vector<int> lengths_for(const RunConfig& config, LengthSource& source) {
    std::vector<int> lengths;
    if (config.token_budget == 0) {
        for (std::int64_t row = 0; row < std::int64_t(config.batch) * config.batches; ++row)
            lengths.push_back(source.next());
        return lengths;
    }
    std::int64_t left = 0;
    for (int begun = 0;;) {
        const int length = source.next();
        if (begun == 0 || length > left) {
            if (begun++ == config.batches) return lengths;
            left = config.token_budget;
        }
        lengths.push_back(length);
        left -= length;
    }
}

std::vector<Batch> split(const RunConfig& config, const Batch& all) {
    return config.token_budget ? split_by_letters(all, config.token_budget)
                               : split_by_rows(all, std::size_t(config.batch));
}

Batch joined(std::span<const Batch> batches, int specials_per_row) {
    Batch all{.specials_per_row = specials_per_row};
    for (const auto& batch : batches)
        all.rows.insert(all.rows.end(), batch.rows.begin(), batch.rows.end());
    return all;
}
} // namespace

std::size_t Batch::longest() const {
    std::size_t longest = 0;
    for (const auto& row : rows) longest = std::max(longest, row.size());
    return longest;
}

std::vector<int> Batch::lengths() const {
    std::vector<int> lengths;
    for (const auto& row : rows) lengths.push_back(int(row.size()));
    return lengths;
}

BatchTokens& BatchTokens::operator+=(const BatchTokens& other) {
    letters += other.letters;
    real += other.real;
    padded += other.padded;
    return *this;
}

BatchTokens count_tokens(const Batch& batch) {
    BatchTokens counts;
    for (const auto& row : batch.rows) {
        counts.letters += letters_of(batch, row);
        counts.real += std::int64_t(row.size());
    }
    counts.padded = std::int64_t(batch.rows.size() * batch.longest());
    return counts;
}

BatchTokens count_tokens(std::span<const Batch> batches) {
    BatchTokens counts;
    for (const auto& batch : batches) counts += count_tokens(batch);
    return counts;
}

RowEncoder::RowEncoder(const Tokenizer& tokenizer, int longest, Overlong overlong)
    : tokenizer_(tokenizer), specials_(tokenizer.usual_specials()), overlong_(overlong) {
    const int specials = specials_.begin + specials_.end;
    rows_.all.specials_per_row = specials;
    if (longest <= specials)
        throw Error(Failure::bad_input, "sequence = " + std::to_string(longest) +
                                            " leaves no room beside the " +
                                            std::to_string(specials) +
                                            " special tokens of the tokenizer " + tokenizer.name());
    room_ = std::size_t(longest - specials);
}

void RowEncoder::add(const Sequence& sequence) {
    const Tokens tokens = tokenizer_.encode(sequence.letters, {}, sequence.name);
    rows_.letters += std::int64_t(sequence.letters.size());
    for (const auto& [letter, count] : tokenizer_.unknown_letters(sequence.letters))
        rows_.replaced[letter] += count;
    rows_.overlong += tokens.size() > room_;
    std::span<const std::int32_t> rest = tokens;
    do {
        const auto letters = rest.first(std::min(rest.size(), room_));
        rows_.all.rows.push_back(framed(letters, specials_, tokenizer_.ids()));
        rest = rest.subspan(letters.size());
    } while (overlong_ == Overlong::split && !rest.empty());
}

EncodedRows RowEncoder::finish(const std::string& what) {
    std::int64_t unknown = 0;
    for (const auto& [letter, count] : rows_.replaced)
        unknown += std::int64_t(letter.size()) * count;
    if (unknown > 0 && unknown >= rows_.letters)
        throw Error(Failure::bad_input,
                    what + ": the tokenizer " + tokenizer_.name() + " knows none of its letters");
    return std::move(rows_);
}

EncodedRows encode_rows(const SequenceSet& sequences, const Tokenizer& tokenizer, int longest,
                        Overlong overlong) {
    RowEncoder encoder(tokenizer, longest, overlong);
    for (const auto& sequence : sequences.items) encoder.add(sequence);
    return encoder.finish();
}

RandomTokens random_residues() {
    return {.first = 4,
            .last = 28,
            .specials = {.begin = true, .end = true},
            .ids = {.bos = 0, .eos = 2, .pad = 1, .unk = 3, .mask = 32}};
}

RandomTokens random_ids(int vocabulary, std::int32_t first, std::int32_t bos) {
    return {.first = first,
            .last = vocabulary - 1,
            .specials = {.begin = bos >= 0},
            .ids = {.bos = bos}};
}

Batch random_rows(std::span<const int> lengths, const RandomTokens& tokens, std::uint64_t seed) {
    require(tokens.first >= 0 && tokens.first <= tokens.last, Failure::bad_input,
            "the vocabulary has ids to draw from");
    Random random(seed);
    Batch all{.specials_per_row = tokens.specials_per_row()};
    const auto choices = std::uint64_t(tokens.last - tokens.first) + 1;
    for (const int length : lengths) {
        Tokens letters(std::size_t(length), 0);
        for (auto& id : letters) id = tokens.first + std::int32_t(random.below(choices));
        all.rows.push_back(framed(letters, tokens.specials, tokens.ids));
    }
    return all;
}

void sort_within_windows(Batch& all, std::size_t window) {
    require(window > 0 || all.rows.empty(), Failure::bad_input, "a window has rows");
    for (std::size_t begin = 0; begin < all.rows.size(); begin += window) {
        const auto end = std::min(begin + window, all.rows.size());
        std::stable_sort(all.rows.begin() + std::ptrdiff_t(begin),
                         all.rows.begin() + std::ptrdiff_t(end),
                         [](const Tokens& a, const Tokens& b) { return a.size() > b.size(); });
    }
}

std::vector<Batch> split_by_rows(const Batch& all, std::size_t rows_per_batch) {
    require(rows_per_batch > 0, Failure::bad_input, "a batch has rows");
    std::vector<Batch> batches;
    for (std::size_t row = 0; row < all.rows.size(); ++row) {
        if (row % rows_per_batch == 0)
            batches.push_back({.specials_per_row = all.specials_per_row});
        batches.back().rows.push_back(all.rows[row]);
    }
    return batches;
}

std::vector<Batch> split_by_letters(const Batch& all, std::int64_t letters_per_batch) {
    std::vector<Batch> batches;
    std::int64_t left = 0;
    for (const auto& row : all.rows) {
        const auto letters = letters_of(all, row);
        if (batches.empty() || letters > left) {
            batches.push_back({.specials_per_row = all.specials_per_row});
            left = letters_per_batch;
        }
        batches.back().rows.push_back(row);
        left -= letters;
    }
    return batches;
}

std::vector<Batch> random_batches(const RunConfig& config, const RandomTokens& tokens) {
    each_field_of<DataChoice>([&](const Field& field, auto member) {
        if (const auto wrong = out_of_range(field, config.*member); !wrong.empty())
            throw Error(Failure::bad_input, wrong);
    });
    if (config.lengths == "esm2-study") {
        auto batches = esm2_study_batches(config, tokens);
        if (config.layout != Layout::bucketed) return batches;
        Batch all = joined(batches, tokens.specials_per_row());
        arrange(all, config.layout);
        return split_by_letters(all, esm2_study_residues(config));
    }
    LengthSource source(config.lengths, config.sequence - tokens.specials_per_row(),
                        std::uint64_t(config.seed));
    // Another stream than the lengths', so that another rule does not change the first letters.
    const std::uint64_t letters_seed = Random(std::uint64_t(config.seed)).next();
    Batch all = random_rows(lengths_for(config, source), tokens, letters_seed);
    arrange(all, config.layout);
    return split(config, all);
}

std::vector<Batch> batches_of(const RunConfig& config, const EncodedRows& rows) {
    auto batches = split(config, rows.all);
    if (batches.size() > std::size_t(config.batches)) batches.resize(std::size_t(config.batches));
    // The rows are chosen before they are sorted: every layout works on the same ones.
    Batch all = joined(batches, rows.all.specials_per_row);
    arrange(all, config.layout);
    return split(config, all);
}

} // namespace sweetspot

#include "engine/data/batches.h"
#include "engine/data/esm2_study.h"
#include "engine/data/spilled_rows.h"
#include "engine/data/tokenizers.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <numeric>

namespace sweetspot {

namespace {
std::int64_t tokens_in(const Tokens& row) {
    return std::int64_t(row.size());
}
std::int64_t tokens_in(const TokenRow& row) {
    return std::int64_t(row.size());
}
std::int64_t tokens_in(std::int32_t length) {
    return length;
}

template <class Row>
std::int64_t letters_of(const BatchOf<Row>& batch, const Row& row) {
    return tokens_in(row) - batch.specials_per_row;
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
template <class Row>
void arrange(BatchOf<Row>& all, Layout layout) {
    if (layout == Layout::bucketed) sort_within_windows(all, all.rows.size());
}

/// Even lengths alone take memory.
void require_few(std::int64_t rows) {
    constexpr std::int64_t most = 1 << 24;
    if (rows > most)
        throw Error(Failure::bad_input, "a step would go through more than " +
                                            std::to_string(most) +
                                            " sequences; batch, batches or token_budget must be "
                                            "less");
}

/// Lengths for the run's batches, which split() then finds again.
std::vector<int> lengths_for(const RunConfig& config, LengthSource& source) {
    std::vector<int> lengths;
    if (config.token_budget == 0) {
        const auto rows = std::int64_t(config.batch) * config.batches;
        require_few(rows);
        lengths.reserve(std::size_t(rows));
        while (std::int64_t(lengths.size()) < rows) lengths.push_back(source.next());
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
        require_few(std::int64_t(lengths.size()));
        left -= length;
    }
}

template <class Row>
std::vector<BatchOf<Row>> split(const RunConfig& config, const BatchOf<Row>& all) {
    return config.token_budget ? split_by_letters(all, config.token_budget)
                               : split_by_rows(all, std::size_t(config.batch));
}

template <class Row>
BatchOf<Row> joined(const std::vector<BatchOf<Row>>& batches, int specials_per_row) {
    BatchOf<Row> all{.specials_per_row = specials_per_row};
    for (const auto& batch : batches)
        all.rows.insert(all.rows.end(), batch.rows.begin(), batch.rows.end());
    return all;
}
} // namespace

template <class Row>
std::size_t BatchOf<Row>::longest() const {
    std::int64_t longest = 0;
    for (const auto& row : rows) longest = std::max(longest, tokens_in(row));
    return std::size_t(longest);
}

template <class Row>
std::vector<int> BatchOf<Row>::lengths() const {
    std::vector<int> lengths;
    for (const auto& row : rows) lengths.push_back(int(tokens_in(row)));
    return lengths;
}

BatchShape shape_of(const Batch& batch) {
    return {.rows = batch.lengths(), .specials_per_row = batch.specials_per_row};
}

BatchTokens& BatchTokens::operator+=(const BatchTokens& other) {
    letters += other.letters;
    real += other.real;
    padded += other.padded;
    return *this;
}

template <class Row>
BatchTokens count_tokens(const BatchOf<Row>& batch) {
    BatchTokens counts;
    for (const auto& row : batch.rows) {
        counts.letters += letters_of(batch, row);
        counts.real += tokens_in(row);
    }
    counts.padded = std::int64_t(batch.rows.size() * batch.longest());
    return counts;
}

template <class Row>
static BatchTokens count_all(std::span<const BatchOf<Row>> batches) {
    BatchTokens counts;
    for (const auto& batch : batches) counts += count_tokens(batch);
    return counts;
}
BatchTokens count_tokens(std::span<const Batch> batches) {
    return count_all(batches);
}
BatchTokens count_tokens(std::span<const BatchShape> batches) {
    return count_all(batches);
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
    const bool ends = !sequence.goes_on;
    if (!cut_off_.empty()) cut_off_ += sequence.letters;
    std::string_view rest = cut_off_.empty() ? sequence.letters : cut_off_;
    for (std::size_t some = at_once; !rest.empty();) {
        const bool last = ends && rest.size() <= some;
        const TextCut cut =
            last ? TextCut{rest.size(), rest.size()} : tokenizer_.cut(rest.substr(0, some));
        if (cut.next > 0) {
            add_text(rest.substr(0, cut.end), sequence.name);
            rows_.letters += std::int64_t(cut.next - cut.end);
            rest.remove_prefix(cut.next);
            some = at_once;
        } else if (some >= most_uncut && rest.size() > most_uncut) {
            throw Error(Failure::bad_input,
                        sequence.name + ": the tokenizer " + tokenizer_.name() +
                            " reads a text as a whole where it is not known to begin anew, and at "
                            "most " +
                            std::to_string(most_uncut >> 20) +
                            " MiB of it; divide it into records (JSON Lines, or .lines)");
        } else if (some >= rest.size()) {
            break; // more of it may come
        } else {
            some *= 2;
        }
    }
    rows_.overlong += ends && end_row();
    if (cut_off_.empty())
        cut_off_ = rest;
    else
        cut_off_.erase(0, cut_off_.size() - rest.size());
}

void RowEncoder::add_text(std::string_view text, const std::string& name) {
    const Tokens more = tokenizer_.encode(text, {}, name);
    waiting_.insert(waiting_.end(), more.begin(), more.end());
    rows_.letters += std::int64_t(text.size());
    for (const auto& [letter, count] : tokenizer_.unknown_letters(text))
        rows_.replaced[letter] += count;
    std::size_t given = 0;
    for (; waiting_.size() - given > room_ && (overlong_ == Overlong::split || !full_);
         full_ = true)
        give(std::span(waiting_).subspan(given, room_)), given += room_;
    if (full_ && overlong_ == Overlong::cut) given = waiting_.size(); // nobody wants the rest
    waiting_.erase(waiting_.begin(), waiting_.begin() + std::ptrdiff_t(given));
}

void RowEncoder::give(std::span<const std::int32_t> letters) {
    rows_.all.rows.push_back(framed(letters, specials_, tokenizer_.ids()));
}

bool RowEncoder::end_row() {
    if (overlong_ == Overlong::split || !full_) give(waiting_);
    waiting_.clear();
    return std::exchange(full_, false);
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
    const auto esm = make_esm_tokenizer(UnknownLetters::unk);
    const auto letters = esm->encode("LO"); // the first and the last of them
    return {.first = letters.front(),
            .last = letters.back(),
            .specials = esm->usual_specials(),
            .ids = esm->ids()};
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

template <class Row>
void sort_within_windows(BatchOf<Row>& all, std::size_t window) {
    require(window > 0 || all.rows.empty(), Failure::bad_input, "a window has rows");
    for (std::size_t begin = 0; begin < all.rows.size(); begin += window) {
        const auto end = std::min(begin + window, all.rows.size());
        std::stable_sort(all.rows.begin() + std::ptrdiff_t(begin),
                         all.rows.begin() + std::ptrdiff_t(end),
                         [](const Row& a, const Row& b) { return tokens_in(a) > tokens_in(b); });
    }
}

template <class Row>
std::vector<std::size_t> places_in(Layout layout, const BatchOf<Row>& rows) {
    std::vector<std::size_t> places(rows.rows.size());
    std::iota(places.begin(), places.end(), std::size_t(0));
    if (layout == Layout::bucketed)
        std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
            return tokens_in(rows.rows[a]) > tokens_in(rows.rows[b]);
        });
    return places;
}

template <class Row>
std::vector<BatchOf<Row>> split_by_rows(const BatchOf<Row>& all, std::size_t rows_per_batch) {
    require(rows_per_batch > 0, Failure::bad_input, "a batch has rows");
    std::vector<BatchOf<Row>> batches;
    for (std::size_t row = 0; row < all.rows.size(); ++row) {
        if (row % rows_per_batch == 0)
            batches.push_back({.specials_per_row = all.specials_per_row});
        batches.back().rows.push_back(all.rows[row]);
    }
    return batches;
}

template <class Row>
std::vector<BatchOf<Row>> split_by_letters(const BatchOf<Row>& all,
                                           std::int64_t letters_per_batch) {
    std::vector<BatchOf<Row>> batches;
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

namespace {
/// The rows of lengths that were drawn: with ids, or counted.
void fill(Batch& all, std::span<const int> lengths, const RandomTokens& tokens,
          std::uint64_t seed) {
    all = random_rows(lengths, tokens, seed);
}
void fill(BatchShape& all, std::span<const int> lengths, const RandomTokens& tokens,
          std::uint64_t) {
    all = {.rows = {lengths.begin(), lengths.end()}, .specials_per_row = tokens.specials_per_row()};
    for (auto& length : all.rows) length += all.specials_per_row;
}

template <class Row>
std::vector<BatchOf<Row>> drawn(const RunConfig& config, const RandomTokens& tokens) {
    each_field_of<DataChoice>([&](const Field& field, auto member) {
        if (const auto wrong = out_of_range(field, config.*member); !wrong.empty())
            throw Error(Failure::bad_input, wrong);
    });
    BatchOf<Row> all;
    if (config.lengths == "esm2-study") {
        auto batches = esm2_study_batches<Row>(config, tokens);
        if (config.layout != Layout::bucketed) return batches;
        all = joined(batches, tokens.specials_per_row());
        arrange(all, config.layout);
        return split_by_letters(all, esm2_study_residues(config));
    }
    LengthSource source(config.lengths, config.sequence - tokens.specials_per_row(),
                        std::uint64_t(config.seed));
    // Another stream than the lengths', so that another rule does not change the first letters.
    const std::uint64_t letters_seed = Random(std::uint64_t(config.seed)).next();
    fill(all, lengths_for(config, source), tokens, letters_seed);
    arrange(all, config.layout);
    return split(config, all);
}
} // namespace

std::vector<Batch> random_batches(const RunConfig& config, const RandomTokens& tokens) {
    return drawn<Tokens>(config, tokens);
}

std::vector<BatchShape> random_shapes(const RunConfig& config, const RandomTokens& tokens) {
    return drawn<std::int32_t>(config, tokens);
}

template <class Row>
std::vector<BatchOf<Row>> batches_of(const RunConfig& config, const BatchOf<Row>& rows) {
    auto batches = split(config, rows);
    if (batches.size() > std::size_t(config.batches)) batches.resize(std::size_t(config.batches));
    // The rows are chosen before they are sorted: every layout works on the same ones.
    BatchOf<Row> all = joined(batches, rows.specials_per_row);
    arrange(all, config.layout);
    return split(config, all);
}

template struct BatchOf<Tokens>;
template struct BatchOf<TokenRow>;
template struct BatchOf<std::int32_t>;
template BatchTokens count_tokens(const Batch&);
template BatchTokens count_tokens(const BatchOf<TokenRow>&);
template BatchTokens count_tokens(const BatchShape&);
template void sort_within_windows(Batch&, std::size_t);
template void sort_within_windows(BatchShape&, std::size_t);
template std::vector<std::size_t> places_in(Layout, const Batch&);
template std::vector<std::size_t> places_in(Layout, const BatchShape&);
template std::vector<Batch> batches_of(const RunConfig&, const Batch&);
template std::vector<BatchShape> batches_of(const RunConfig&, const BatchShape&);
template std::vector<Batch> split_by_rows(const Batch&, std::size_t);
template std::vector<BatchShape> split_by_rows(const BatchShape&, std::size_t);
template std::vector<Batch> split_by_letters(const Batch&, std::int64_t);
template std::vector<BatchShape> split_by_letters(const BatchShape&, std::int64_t);

} // namespace sweetspot

#pragma once
#include "engine/config/run_config.h"
#include "engine/data/lengths.h"
#include "engine/data/sequences.h"
#include "engine/data/tokenizer.h"
#include <utility>

namespace sweetspot {

/// Sequences that go through a model together. Nothing is padded here: layouts do that, or not.
template <class Row>
struct BatchOf {
    std::vector<Row> rows{};
    int specials_per_row = 0; ///< of each row's tokens, those that mark its beginning and end

    std::size_t longest() const; ///< tokens of the longest row
    std::vector<int> lengths() const;
    bool operator==(const BatchOf&) const = default;
};
/// Rows with their ids.
using Batch = BatchOf<Tokens>;
/// Rows of which only the number of tokens is known: all that the device plan needs. What is made,
/// sorted and cut is so by the same code, so that a plan stands for the very batches of a run.
using BatchShape = BatchOf<std::int32_t>;
BatchShape shape_of(const Batch& batch);

/// How many tokens a batch has, by how they are counted.
struct BatchTokens {
    std::int64_t letters = 0; ///< without special tokens; what the ESM-2 study calls nominal
    std::int64_t real = 0;    ///< with special tokens
    std::int64_t padded = 0;  ///< rows times the longest

    /// What goes through the layers.
    std::int64_t computed(Layout layout) const { return layout == Layout::ragged ? real : padded; }
    /// Share of a padded batch that is not padding; special tokens count as work.
    double padding_efficiency() const { return padded ? double(real) / double(padded) : 1; }

    BatchTokens& operator+=(const BatchTokens& other);
    bool operator==(const BatchTokens&) const = default;
};
template <class Row>
BatchTokens count_tokens(const BatchOf<Row>& batch);
BatchTokens count_tokens(std::span<const Batch> batches);
BatchTokens count_tokens(std::span<const BatchShape> batches);

/// What becomes of a sequence that is longer than a row may be.
enum class Overlong {
    cut,   ///< its beginning is one row, the rest is left out
    split, ///< it becomes several rows; a rest is a shorter row
};

/// Sequences as rows of ids.
struct EncodedRows {
    Batch all{};
    std::int64_t overlong = 0; ///< sequences that were cut or split
    std::int64_t letters = 0;  ///< bytes that were encoded
    LetterCounts replaced{};   ///< letters that the vocabulary lacks
};

/// Encodes each sequence into a row of at most `longest` tokens, special ones included: those that
/// the tokenizer's models were trained with.
class RowEncoder {
public:
    /// Throws Error(bad_input) if special tokens leave no room. `tokenizer` must outlive it.
    RowEncoder(const Tokenizer& tokenizer, int longest, Overlong overlong);

    /// A sequence, or a piece of one. Throws Error(bad_input) that names it.
    void add(const Sequence& sequence);
    const EncodedRows& rows() const { return rows_; }
    /// The rows so far, which are forgotten.
    std::vector<Tokens> take() { return std::exchange(rows_.all.rows, {}); }
    /// All rows. Throws Error(bad_input) if the vocabulary lacks every letter of the data, which
    /// `what` names: they are not what the model reads.
    EncodedRows finish(const std::string& what = "the data");

    /// Bytes of a text that are encoded at once, if it can be cut, and at most, if it cannot: what
    /// that takes is many times as much.
    static constexpr std::size_t at_once = std::size_t(1) << 18, most_uncut = std::size_t(64) << 20;

private:
    void add_text(std::string_view, const std::string& name);
    void give(std::span<const std::int32_t> letters);
    bool end_row(); ///< whether the sequence was longer than a row

    const Tokenizer& tokenizer_;
    Specials specials_;
    std::size_t room_; ///< letters of a row
    Overlong overlong_;
    std::string cut_off_{}; ///< of a sequence that goes on: letters behind the last cut
    Tokens waiting_{};      ///< likewise: that have filled no row
    bool full_ = false;     ///< likewise: a row has as many as it can
    EncodedRows rows_{};
};

/// Likewise all of a set.
EncodedRows encode_rows(const SequenceSet& sequences, const Tokenizer& tokenizer, int longest,
                        Overlong overlong = Overlong::cut);

/// Where random tokens are drawn from: ids from `first` to `last`, between bos and eos.
struct RandomTokens {
    std::int32_t first = 0, last = 0;
    Specials specials{};
    SpecialIds ids{};

    int specials_per_row() const { return specials.begin + specials.end; }
};
/// ESM-2's 25 residues between <cls> and <eos>.
RandomTokens random_residues();
/// All ids of a vocabulary from `first` on, behind `bos` unless that is -1.
RandomTokens random_ids(int vocabulary, std::int32_t first = 0, std::int32_t bos = -1);

/// A row for each length; a length does not count special tokens.
Batch random_rows(std::span<const int> lengths, const RandomTokens& tokens, std::uint64_t seed);

/// Sorts rows by falling length inside each window of so many rows, so that neighbours are alike;
/// equals keep their order.
template <class Row>
void sort_within_windows(BatchOf<Row>& all, std::size_t window);
/// The place among rows as they were read of each row that batches_of() gives of all of them.
template <class Row>
std::vector<std::size_t> places_in(Layout, const BatchOf<Row>& rows);

/// Cuts rows into batches of so many, in order; the last one may be smaller.
template <class Row>
std::vector<BatchOf<Row>> split_by_rows(const BatchOf<Row>& all, std::size_t rows_per_batch);
/// Cuts rows into batches of at most so many letters, in order; a longer row is alone.
template <class Row>
std::vector<BatchOf<Row>> split_by_letters(const BatchOf<Row>& all, std::int64_t letters_per_batch);

/// The batches that a run asks for, of random tokens: `batches` of `batch` rows (or of
/// `token_budget` letters) of at most `sequence` tokens, with lengths by the rule `lengths`. If
/// `layout` is bucketed the same rows are sorted and then cut into batches anew; with a budget that
/// may make one more. "esm2-study" gives the batches of engine/data/esm2_study.h, in which
/// `sequence` does not count special tokens. Throws Error(bad_input).
std::vector<Batch> random_batches(const RunConfig& config, const RandomTokens& tokens);
/// Their shapes, without drawing ids.
std::vector<BatchShape> random_shapes(const RunConfig& config, const RandomTokens& tokens);
/// Likewise from the beginning of rows that were read from a file; fewer if there are no more.
template <class Row>
std::vector<BatchOf<Row>> batches_of(const RunConfig& config, const BatchOf<Row>& rows);

} // namespace sweetspot

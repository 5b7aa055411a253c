#pragma once
#include "engine/data/letters.h"
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

namespace sweetspot {

/// A protein, a line or a document, as text.
struct Sequence {
    std::string name{}; ///< up to the first blank of the FASTA header; else "line 7" or "row 7"
    std::string description{}; ///< the rest of the header
    std::string letters{};
    std::vector<std::string> fields{}; ///< all of a table's row, if they are asked for
    bool goes_on = false;              ///< in the next one: this is a piece of it
    bool operator==(const Sequence&) const = default;
};

/// How a file is divided into sequences. fasta, fastq; csv, tsv: a column of a table; json_lines: a
/// member of an object a line; lines: a sequence a line; text: one document.
enum class SequenceFormat { automatic, fasta, fastq, csv, tsv, json_lines, lines, text };

struct ReadOptions {
    SequenceFormat format = SequenceFormat::automatic; ///< then decided by what the file contains
    LetterKind kind = LetterKind::automatic; ///< then residues for FASTA and FASTQ, else text
    Stops stops = Stops::drop_final;
    std::string column = "sequence";      ///< of a table, or a JSON object's member: the letters
    std::string name_column{};            ///< where the names are; empty: rows are numbered
    bool fields = false;                  ///< of a table's rows all fields are kept
    std::size_t enough = std::size_t(-1); ///< letters of a sequence that are read; the rest is left
    std::size_t piece = std::size_t(-1);  ///< letters of a document from which it comes in pieces
};

/// What had to be done to the sequences of a file.
struct ReadCounts {
    std::int64_t sequences = 0;  ///< that have letters
    std::int64_t empty = 0;      ///< records without a letter, left out
    std::int64_t duplicates = 0; ///< names that had been there before; their sequences are kept
    std::int64_t lower_case = 0; ///< letters made upper case
    std::int64_t stops = 0;      ///< '*' dropped or cut at
};

class RecordReader;
class TextReader;

/// Gives the sequences of a file one by one, in its order. What the file contains decides how it is
/// read: FASTA, FASTQ, a table that has the column, JSON Lines, text; plain or by gzip, with any
/// ends of lines. Its name's ending only helps where the contents leave a choice (.lines has a
/// sequence a line), and where they are malformed, for the sentence.
class SequenceReader {
public:
    /// Throws Error(file) that names file and line: missing, malformed, cut short. Error(bad_input)
    /// for a column that is not there.
    explicit SequenceReader(const std::string& path, const ReadOptions& options = {});
    ~SequenceReader();

    /// The next one that has letters; false at the end. Throws as above, and at the end if there
    /// was none.
    bool next(Sequence& sequence);
    /// The names of a table's columns; of other formats none.
    const std::vector<std::string>& columns() const;
    /// So far.
    const ReadCounts& counts() const { return counts_; }
    /// Of the file's bytes, those that were read.
    double share() const;

private:
    std::string path_;
    Letters letters_;
    const TextReader* text_ = nullptr; ///< the records'
    std::unique_ptr<RecordReader> records_;
    ReadCounts counts_{};
    std::unordered_set<std::string> names_{};
};

/// The sequences of a file, with what had to be done to them.
struct SequenceSet {
    std::vector<Sequence> items{};
    ReadCounts counts{};

    double mean_length() const; ///< letters; 0 without sequences
    std::size_t longest() const;
};

/// All sequences of a file. Throws as SequenceReader.
SequenceSet read_sequences(const std::string& path, const ReadOptions& options = {});

} // namespace sweetspot

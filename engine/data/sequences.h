#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

/// A protein, a line or a document, as text.
struct Sequence {
    std::string name{}; ///< up to the first blank of the FASTA header; else "line 7" or "row 7"
    std::string description{}; ///< the rest of the header
    std::string letters{};
    bool operator==(const Sequence&) const = default;
};

enum class SequenceFormat { automatic, fasta, csv, text, lines };

/// What the letters are. Residues are made upper case, lose white space, and may only be letters,
/// '*', '-' and '.'; text stays as it is.
enum class Contents { automatic, residues, text };

/// What becomes of '*', which ends a translated protein.
enum class Stops {
    drop_final, ///< a last one is dropped, others stay (and are then unknown letters)
    cut,        ///< the protein ends at the first one
    keep,       ///< all stay
};

struct ReadOptions {
    SequenceFormat format = SequenceFormat::automatic; ///< then decided by the file's ending
    Contents contents = Contents::automatic;           ///< then residues for FASTA, text for others
    Stops stops = Stops::drop_final;
    std::string column = "sequence"; ///< CSV: where the letters are
    std::string name_column{};       ///< CSV: where the names are; empty: rows are numbered
};

/// The sequences of a file in its order, with what had to be done to them.
struct SequenceSet {
    std::vector<Sequence> items{};
    std::int64_t empty = 0;      ///< records without a letter, left out
    std::int64_t duplicates = 0; ///< names that had been there before; their sequences are kept
    std::int64_t lower_case = 0; ///< letters made upper case
    std::int64_t stops = 0;      ///< '*' dropped or cut at

    double mean_length() const; ///< letters; 0 without sequences
    std::size_t longest() const;
};

/// Reads FASTA (.fasta .fa .faa .fas), CSV (.csv, RFC 4180 with a header) or text: .lines has a
/// sequence a line, any other ending is one document. Each may be gzipped.
/// Throws Error(file) that names file and line: missing, malformed, truncated, without sequences.
SequenceSet read_sequences(const std::string& path, const ReadOptions& options = {});

} // namespace sweetspot

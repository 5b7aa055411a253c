#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace sweetspot {

class TextReader;

/// What the letters are. Residues are made upper case, lose white space, and may only be letters,
/// '*', '-' and '.'; text stays as it is.
enum class LetterKind { automatic, residues, text };

/// What becomes of '*', which ends a translated protein.
enum class Stops {
    drop_final, ///< a last one is dropped, others stay (and are then unknown letters)
    cut,        ///< the protein ends at the first one
    keep,       ///< all stay
};

/// The one place where what a file holds becomes the letters of a sequence, whatever the format.
class Letters {
public:
    /// Of each sequence only the first `enough` letters are kept.
    Letters(LetterKind kind, Stops stops, std::size_t enough)
        : residues_(kind == LetterKind::residues), stops_(stops), enough_(enough) {}

    bool residues() const { return residues_; }
    /// Adds what stands in `line` of the file. Throws Error(file) if it is no residue.
    void add(std::string& letters, std::string_view text, const TextReader& file, std::size_t line);
    /// A sequence is whole: does what becomes of stops.
    void end(std::string& letters);

    std::int64_t lower_case() const { return lower_case_; } ///< letters made upper case
    std::int64_t stops() const { return stopped_; }         ///< '*' dropped or cut at

private:
    bool residues_;
    Stops stops_;
    std::size_t enough_;
    std::int64_t lower_case_ = 0, stopped_ = 0;
};

/// Whether a line may be one of a sequence of residues: of letters, '*', '-' and '.', then blanks.
bool is_residues(std::string_view line);

/// How often each letter occurred, by its UTF-8.
using LetterCounts = std::map<std::string, std::int64_t>;

/// A letter as sentences name it: "J" in quotes, or byte 10.
std::string named_letter(char letter);

} // namespace sweetspot

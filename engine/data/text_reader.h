#pragma once
#include "engine/data/byte_source.h"
#include <string>
#include <string_view>

namespace sweetspot {

/// Bytes of a line, or of a cell of a table, at most: the longest chromosome on one line.
constexpr std::size_t longest_line_bytes = std::size_t(256) << 20;

/// Walks through a file of text, line by line or byte by byte. Lines end in LF, CRLF or, as on old
/// Macs, CR. A byte order mark of UTF-8 is left out.
class TextReader {
public:
    /// Throws Error(file): as ByteSource, and for UTF-16 and packed formats other than gzip, which
    /// are called by their names.
    explicit TextReader(const std::string& path);

    const std::string& path() const { return source_.path(); }
    double share() const { return source_.share(); } ///< of the file's bytes that were read
    /// What lies ahead, at most so many bytes; good until the next call of any other function.
    std::string_view ahead(std::size_t bytes);

    bool at_end() { return at_ == buffer_.size() && !refill(); }
    char peek() const { return buffer_[at_]; } ///< only where at_end() was false
    char take();                               ///< likewise
    bool take(char expected);                  ///< whether it was there
    /// Takes one end of a line, if it is there.
    bool take_line_end();
    /// Takes some bytes as they are, in pieces of the reader's choice.
    std::string_view take_piece();
    /// Takes a line without its end. False at the end of the file. Throws Error(file) for one that
    /// is longer than `longest_line_bytes`.
    bool line(std::string& text);

    /// Number of the line that comes next, or goes on here; from 1.
    std::size_t number() const { return number_; }
    /// Throws Error(file) that names file and line.
    [[noreturn]] void refuse(std::size_t line, const std::string& why) const;

private:
    bool refill();
    void refuse_other_formats();

    ByteSource source_;
    std::string buffer_{};
    std::size_t at_ = 0; ///< of buffer_: taken
    std::size_t number_ = 1;
};

} // namespace sweetspot

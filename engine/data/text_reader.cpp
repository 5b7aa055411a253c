#include "engine/data/text_reader.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <array>

namespace sweetspot {

namespace {
struct Format {
    std::string_view begins, name, help;
};
using namespace std::string_view_literals;
constexpr auto unpack = "unpack it first, or pack it by gzip";
constexpr auto recode = "save it as UTF-8";
constexpr std::array<Format, 10> others{
    {{"\xff\xfe"sv, "text in UTF-16", recode},
     {"\xfe\xff"sv, "text in UTF-16", recode},
     {"\x1f\x8b"sv, "packed by gzip twice", unpack},
     {"\xfd"
      "7zXZ"sv,
      "packed by xz", unpack},
     {"\x28\xb5\x2f\xfd"sv, "packed by Zstandard", unpack},
     {"BZh"sv, "packed by bzip2", unpack},
     {"PK\x03\x04"sv, "a zip archive", unpack},
     {"PAR1"sv, "Parquet", "export it as CSV or JSON Lines"},
     {"\x89HDF"sv, "HDF5", "export it as CSV or FASTA"},
     {"SQLite format 3"sv, "a database of SQLite", "export it as CSV or FASTA"}}};
} // namespace

TextReader::TextReader(const std::string& path) : source_(path) {
    refuse_other_formats();
    if (ahead(3) == "\xef\xbb\xbf") at_ += 3;
}

void TextReader::refuse_other_formats() {
    const auto first = ahead(16);
    for (const auto& [begins, name, help] : others)
        if (first.starts_with(begins))
            throw Error(Failure::file,
                        path() + ": is " + std::string(name) + "; " + std::string(help));
}

bool TextReader::refill() {
    buffer_ = source_.next();
    at_ = 0;
    return !buffer_.empty();
}

std::string_view TextReader::ahead(std::size_t bytes) {
    while (buffer_.size() - at_ < bytes) {
        const auto piece = source_.next();
        if (piece.empty()) break;
        buffer_.erase(0, at_);
        at_ = 0;
        buffer_ += piece;
    }
    return std::string_view(buffer_).substr(at_, bytes);
}

char TextReader::take() {
    const char taken = buffer_[at_++];
    if (taken == '\n' || (taken == '\r' && (at_end() || peek() != '\n'))) ++number_;
    return taken;
}

bool TextReader::take(char expected) {
    const bool there = !at_end() && peek() == expected;
    if (there) take();
    return there;
}

bool TextReader::take_line_end() {
    const bool carriage_return = take('\r');
    return take('\n') || carriage_return;
}

std::string_view TextReader::take_piece() {
    if (at_end()) return {};
    const auto piece = std::string_view(buffer_).substr(at_);
    at_ = buffer_.size();
    return piece;
}

bool TextReader::line(std::string& text) {
    text.clear();
    if (at_end()) return false;
    while (!at_end()) {
        auto rest = std::string_view(buffer_).substr(at_);
        rest = rest.substr(0, rest.find('\n'));
        rest = rest.substr(0, rest.find('\r'));
        if (text.size() + rest.size() > longest_line_bytes)
            refuse(number_, "is longer than " + std::to_string(longest_line_bytes >> 20) +
                                " MiB, and more is not read of one line");
        text += rest;
        at_ += rest.size();
        if (at_ < buffer_.size()) break; // an end of the line is here
    }
    take_line_end();
    return true;
}

void TextReader::refuse(std::size_t line, const std::string& why) const {
    throw Error(Failure::file, path() + ", line " + std::to_string(line) + ": " + why);
}

} // namespace sweetspot

#include "engine/data/lengths.h"
#include "engine/config/fields.h"
#include "engine/data/files.h"
#include "engine/data/sequences.h"
#include "engine/data/text_reader.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace sweetspot {

namespace {
std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find(separator, begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r");
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

/// Whether the first line that says something is a comment or begins with a digit.
bool holds_lengths(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    return first != text.npos && (text[first] == '#' || (text[first] >= '0' && text[first] <= '9'));
}

std::vector<int> parse_lengths(const std::string& path, std::string_view text) {
    std::vector<int> lengths;
    std::size_t number = 0;
    for (const auto line : split(text, '\n')) {
        ++number;
        const auto value = trimmed(line.substr(0, line.find('#')));
        if (value.empty()) continue;
        int length = 0;
        if (!from_text(value, length) || length < 1)
            throw Error(Failure::file, path + ", line " + std::to_string(number) +
                                           ": a length from 1 was expected, not \"" +
                                           std::string(value.substr(0, 60)) + "\"");
        lengths.push_back(length);
    }
    if (lengths.empty()) throw Error(Failure::file, path + ": holds no lengths");
    return lengths;
}
} // namespace

LengthSource::LengthSource(const std::string& rule, int longest, std::uint64_t seed)
    : longest_(longest), random_(seed) {
    if (longest < 1)
        throw Error(Failure::bad_input,
                    "sequences of " + std::to_string(longest) + " letters are too short to draw");
    read_rule(rule);
    used_ = pool_.size(); // so that the first draw shuffles
}

void LengthSource::read_rule(const std::string& rule) {
    if (rule == "fixed") return;
    if (rule.starts_with("file:")) {
        kind_ = Kind::file;
        pool_ = read_lengths(rule.substr(5));
        return;
    }
    const auto parts = split(rule, ':');
    const bool two_numbers =
        parts.size() == 3 && from_text(parts[1], first_) && from_text(parts[2], second_);
    kind_ = parts[0] == "uniform" ? Kind::uniform : Kind::lognormal;
    const bool known = parts[0] == "uniform" || parts[0] == "lognormal";
    // Half of the largest int, so that sums of two lengths stay in range.
    constexpr double most = double(std::numeric_limits<int>::max() / 2);
    const bool sensible = kind_ == Kind::uniform
                              ? first_ >= 1 && first_ <= second_ && second_ <= most &&
                                    first_ == std::floor(first_) && second_ == std::floor(second_)
                              : first_ >= 1 && first_ <= most && second_ >= 0 && second_ <= 10;
    if (!known || !two_numbers || !sensible)
        throw Error(Failure::bad_input,
                    "lengths = \"" + rule +
                        "\" is none of fixed, uniform:LOW:HIGH (1 <= LOW <= HIGH), "
                        "lognormal:MEDIAN:SIGMA (MEDIAN >= 1, SIGMA from 0 to 10) and file:PATH");
}

int LengthSource::next() {
    return std::min(draw(), longest_);
}

int LengthSource::draw() {
    switch (kind_) {
    case Kind::fixed: return longest_;
    case Kind::uniform:
        return int(first_) + int(random_.below(std::uint64_t(second_ - first_) + 1));
    case Kind::lognormal: {
        const double length = std::round(first_ * std::exp(second_ * random_.normal()));
        return int(std::clamp(length, 1.0, double(longest_)));
    }
    case Kind::file: break;
    }
    if (used_ == pool_.size()) {
        for (std::size_t i = pool_.size(); i > 1; --i)
            std::swap(pool_[i - 1], pool_[random_.below(i)]);
        used_ = 0;
    }
    return pool_[used_++];
}

std::vector<int> read_lengths(const std::string& path) {
    constexpr std::size_t window = 64 << 10;
    if (holds_lengths(TextReader(path).ahead(window))) return parse_lengths(path, read_file(path));
    std::vector<int> lengths;
    SequenceReader reader(path);
    for (Sequence sequence; reader.next(sequence);) lengths.push_back(int(sequence.letters.size()));
    return lengths;
}

} // namespace sweetspot

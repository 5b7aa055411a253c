#include "engine/data/data_note.h"
#include <algorithm>
#include <numeric>

namespace sweetspot {

namespace {
/// A letter as UTF-8 if it is one that can be shown, else its bytes.
std::string shown(const std::string& letter) {
    const bool whole = letter.size() > 1 && (std::uint8_t(letter[0]) & 0xc0) == 0xc0;
    if (whole || (letter.size() == 1 && letter[0] > ' ' && letter[0] < 127)) return letter;
    std::string bytes;
    for (const char byte : letter) bytes += (bytes.empty() ? "" : " ") + named_letter(byte);
    return bytes;
}

/// "2 J, 1 *": the most frequent first.
std::string listed(const LetterCounts& letters) {
    constexpr std::size_t most = 8;
    std::vector<std::pair<std::string, std::int64_t>> all(letters.begin(), letters.end());
    std::stable_sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.second > b.second; });
    std::string text;
    for (std::size_t i = 0; i < std::min(all.size(), most); ++i)
        text += (i ? ", " : "") + std::to_string(all[i].second) + " " + shown(all[i].first);
    return all.size() > most ? text + ", …" : text;
}

std::string counted(std::int64_t count, const std::string& one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}
} // namespace

std::int64_t total(const LetterCounts& letters) {
    return std::accumulate(letters.begin(), letters.end(), std::int64_t(0),
                           [](auto sum, const auto& each) { return sum + each.second; });
}

std::string data_note(const ReadCounts& read, const LetterCounts& replaced) {
    std::vector<std::string> parts;
    if (const auto count = total(replaced))
        parts.push_back(counted(count, "letter") + " replaced (" + listed(replaced) + ")");
    if (read.lower_case) parts.push_back(counted(read.lower_case, "letter") + " made upper case");
    if (read.stops) parts.push_back(counted(read.stops, "stop") + " (*) dropped");
    if (read.empty) parts.push_back(counted(read.empty, "empty record") + " left out");
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text;
}

} // namespace sweetspot

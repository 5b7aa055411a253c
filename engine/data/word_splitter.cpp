#define PCRE2_CODE_UNIT_WIDTH 8
#include "engine/data/word_splitter.h"
#include "kernels/core/error.h"
#include <pcre2.h>
#include <string>

namespace sweetspot {

namespace {
// Unicode's White_Space rather than \s, to which PCRE2 adds a vowel separator of Mongolian.
constexpr std::string_view words = R"('(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+)"
                                   R"(| ?[^\p{wspace}\p{L}\p{N}]+)"
                                   R"(|\p{wspace}+(?!\P{wspace})|\p{wspace}+)";

PCRE2_SPTR8 bytes(std::string_view text) {
    return reinterpret_cast<PCRE2_SPTR8>(text.data());
}

using MatchData = std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)>;

/// How much of the beginning of `text` is UTF-8.
std::size_t valid_prefix(const pcre2_code* pattern, std::string_view text, const MatchData& match) {
    const int result =
        pcre2_match(pattern, bytes(text), text.size(), 0, PCRE2_ANCHORED, match.get(), nullptr);
    const bool invalid = result <= PCRE2_ERROR_UTF8_ERR1 && result >= PCRE2_ERROR_UTF8_ERR21;
    return invalid ? pcre2_get_startchar(match.get()) : text.size();
}
} // namespace

void WordSplitter::Free::operator()(pcre2_real_code_8* code) const {
    pcre2_code_free(code);
}

WordSplitter::WordSplitter() {
    int error = 0;
    std::size_t place = 0;
    pattern_.reset(
        pcre2_compile(bytes(words), words.size(), PCRE2_UTF | PCRE2_UCP, &error, &place, nullptr));
    require(pattern_ != nullptr, Failure::bug, "PCRE2 understands the pattern of GPT-2's words");
    // Where there is no just-in-time compiler the interpreter gives the same words.
    pcre2_jit_compile(pattern_.get(), PCRE2_JIT_COMPLETE);
}

std::vector<std::string_view> WordSplitter::split(std::string_view text) const {
    const MatchData match(pcre2_match_data_create_from_pattern(pattern_.get(), nullptr),
                          pcre2_match_data_free);
    require(match != nullptr, Failure::out_of_memory, "PCRE2 has memory for a match");
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const auto valid = text.substr(0, valid_prefix(pattern_.get(), text, match));
        for (std::size_t at = 0; at < valid.size();) {
            // Checked once above: a check in each call would make this quadratic.
            const int result = pcre2_match(pattern_.get(), bytes(valid), valid.size(), at,
                                           PCRE2_NO_UTF_CHECK, match.get(), nullptr);
            require(result > 0, Failure::bug, "every letter belongs to a word");
            const auto* found = pcre2_get_ovector_pointer(match.get());
            words.push_back(valid.substr(at, found[1] - at));
            at = found[1];
        }
        text.remove_prefix(valid.size());
        if (!text.empty()) words.push_back(text.substr(0, 1));
        if (!text.empty()) text.remove_prefix(1);
    }
    return words;
}

} // namespace sweetspot

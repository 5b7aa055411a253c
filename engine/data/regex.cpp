#define PCRE2_CODE_UNIT_WIDTH 8
#include "engine/data/regex.h"
#include "engine/data/unicode.h"
#include "kernels/core/error.h"
#include <pcre2.h>

// The two libraries agree on nearly all that tokenizers use. Translator spells out what they do not
// agree on, and refuses what it cannot spell out: a regex that splits elsewhere gives other ids.

namespace sweetspot {

namespace {
PCRE2_SPTR8 bytes(std::string_view text) {
    return reinterpret_cast<PCRE2_SPTR8>(text.data());
}

class Translator {
public:
    Translator(std::string_view pattern, const std::string& where)
        : pattern_(pattern), where_(where) {}

    std::string translated() {
        while (at_ < pattern_.size()) {
            const char next = pattern_[at_++];
            if (next == '\\')
                escape();
            else if (next == '[')
                open_class();
            else if (next == ']' && depth_)
                close_class();
            else {
                if (next == '(' && !depth_) check_group();
                if (next == '&' && depth_ && pattern_.substr(at_).starts_with('&'))
                    refuse("an intersection of classes (&&)");
                y_ += next;
            }
        }
        return y_;
    }

private:
    [[noreturn]] void refuse(const std::string& what) const {
        throw Error(Failure::file, where_ + ": the regex \"" + std::string(pattern_) + "\" has " +
                                       what + ", which is not supported");
    }

    void escape() {
        if (at_ == pattern_.size()) refuse("a backslash at its end");
        const char letter = pattern_[at_++];
        // PCRE2 adds a vowel separator of Mongolian to \s, and has fewer letters in \w.
        constexpr std::string_view word = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
        const bool own_class = (letter == 'w' || letter == 'W') && !depth_;
        if (letter == 's')
            y_ += "\\p{wspace}";
        else if (letter == 'S')
            y_ += "\\P{wspace}";
        else if (letter == 'w' || own_class)
            y_ += (own_class ? letter == 'W' ? "[^" : "[" : "") + std::string(word) +
                  (own_class ? "]" : "");
        else if (letter == 'p' || letter == 'P' || letter == 'd' || letter == 'D' ||
                 letter == 'r' || letter == 'n' || letter == 't' || letter == 'f' || letter == 'x')
            y_ += {'\\', letter};
        else if (letter > ' ' && letter < 127 && !std::isalnum(std::uint8_t(letter)))
            y_ += {'\\', letter};
        else
            refuse(std::string("\\") + letter);
    }

    /// A class within a class adds its letters, so its brackets can go.
    void open_class() {
        const bool posix = depth_ && pattern_.substr(at_).starts_with(':');
        const bool negated = pattern_.substr(at_).starts_with('^');
        if (posix || (depth_ && negated)) refuse("a class within a class");
        if (depth_++) return;
        y_ += '[';
        if (negated) y_ += pattern_[at_++];
        if (pattern_.substr(at_).starts_with(']')) refuse("a class that begins with ]");
    }

    void close_class() {
        if (--depth_ == 0) y_ += ']';
    }

    void check_group() {
        const auto rest = pattern_.substr(at_);
        if (!rest.starts_with('?')) return;
        for (const auto* known : {"?:", "?i:", "?=", "?!", "?<=", "?<!", "?>"})
            if (rest.starts_with(known)) return;
        refuse("a group that begins with (" + std::string(rest.substr(0, 3)));
    }

    std::string_view pattern_;
    const std::string& where_;
    std::size_t at_ = 0;
    int depth_ = 0; ///< of classes
    std::string y_{};
};
} // namespace

void Regex::Free::operator()(pcre2_real_code_8* code) const {
    pcre2_code_free(code);
}

Regex::Regex(std::string_view pattern, const std::string& where) {
    // As there, a dot matches all but LF, and $ also stands before one.
    const std::string own = "(*LF)" + Translator(pattern, where).translated();
    int error = 0;
    std::size_t place = 0;
    code_.reset(pcre2_compile(bytes(own), own.size(), PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE,
                              &error, &place, nullptr));
    if (!code_) {
        unsigned char text[256] = "";
        pcre2_get_error_message(error, text, sizeof text);
        throw Error(Failure::file, where + ": the regex \"" + std::string(pattern) +
                                       "\" is refused: " + reinterpret_cast<const char*>(text));
    }
    // Where there is no just-in-time compiler the interpreter finds the same.
    pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
}

std::vector<Span> Regex::find_all(std::string_view text) const {
    const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
        pcre2_match_data_create_from_pattern(code_.get(), nullptr), pcre2_match_data_free);
    require(match != nullptr, Failure::out_of_memory, "PCRE2 has memory for a match");
    std::vector<Span> found;
    for (std::size_t at = 0; at <= text.size();) {
        const int result = pcre2_match(code_.get(), bytes(text), text.size(), at,
                                       PCRE2_NO_UTF_CHECK, match.get(), nullptr);
        if (result == PCRE2_ERROR_NOMATCH) break;
        if (result < 0)
            throw Error(Failure::bad_input,
                        "a text of " + std::to_string(text.size()) +
                            " bytes is too much for a regex of the tokenizer (PCRE2 error " +
                            std::to_string(result) + ")");
        const auto* ends = pcre2_get_ovector_pointer(match.get());
        const bool empty = ends[0] == ends[1];
        // An empty match right behind another one does not count.
        if (!empty || found.empty() || found.back().end != ends[0])
            found.push_back({ends[0], ends[1]});
        at = ends[1];
        if (empty) at += at < text.size() ? letter_at(text, at).bytes.size() : 1;
    }
    return found;
}

} // namespace sweetspot

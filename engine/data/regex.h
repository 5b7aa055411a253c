#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;

namespace sweetspot {

/// A part of a text, in bytes.
struct Span {
    std::size_t begin = 0, end = 0;
    bool operator==(const Span&) const = default;
};

/// A regular expression in Oniguruma's syntax, as tokenizer.json has them, matched by PCRE2.
class Regex {
public:
    /// Throws Error(file) that begins with `where` for what is malformed, or would mean something
    /// else here than there.
    Regex(std::string_view pattern, const std::string& where);

    /// All matches in order; none overlap. `text` is valid UTF-8.
    std::vector<Span> find_all(std::string_view text) const;

private:
    struct Free {
        void operator()(pcre2_real_code_8*) const;
    };
    std::unique_ptr<pcre2_real_code_8, Free> code_;
};

} // namespace sweetspot

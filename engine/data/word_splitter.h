#pragma once
#include <memory>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;

namespace sweetspot {

/// Splits text into GPT-2's words (Radford et al., 2019): contractions, letters, numbers and
/// other signs, each with the blank before it, and white space; classes are Unicode's.
class WordSplitter {
public:
    WordSplitter();

    /// Views into `text`, in order, without gaps. Bytes that are no UTF-8 are words by themselves.
    std::vector<std::string_view> split(std::string_view text) const;

private:
    struct Free {
        void operator()(pcre2_real_code_8*) const;
    };
    std::unique_ptr<pcre2_real_code_8, Free> pattern_;
};

} // namespace sweetspot

#include "engine/data/pre_tokenizer.h"
#include "engine/data/byte_letters.h"
#include "engine/data/cuts.h"
#include "engine/data/regex.h"
#include "engine/data/tokenizer_part.h"
#include "engine/data/unicode.h"
#include <algorithm>
#include <array>
#include <functional>

// Every pre-tokenizer finds matches in a piece, and a behaviour decides how matches and what lies
// between them become pieces: the same two steps as in the reference, so that each corner agrees.

namespace sweetspot {

namespace {
enum class Behavior { removed, isolated, contiguous, merged_with_previous, merged_with_next };

/// A stretch of a text, which is a match or lies between two.
struct Stretch {
    Span span;
    bool match;
};
using Stretches = std::vector<Stretch>;
using Finder = std::function<std::vector<Span>(std::string_view)>;

Stretches stretches(std::string_view text, const std::vector<Span>& matches, bool invert) {
    Stretches all;
    std::size_t at = 0;
    for (const Span span : matches) {
        if (at < span.begin) all.push_back({{at, span.begin}, invert});
        if (span.begin < span.end) all.push_back({span, !invert});
        at = span.end;
    }
    if (at < text.size()) all.push_back({{at, text.size()}, invert});
    return all;
}

/// Joins each match that follows no match to its neighbour before it.
Stretches merged_with_previous(const Stretches& all) {
    Stretches merged;
    bool after_match = false;
    for (const auto& each : all) {
        if (each.match && !after_match && !merged.empty())
            merged.back().span.end = each.span.end;
        else
            merged.push_back(each);
        after_match = each.match;
    }
    return merged;
}

Stretches merged_with_next(const Stretches& all) {
    Stretches merged;
    bool before_match = false;
    for (auto each = all.rbegin(); each != all.rend(); ++each) {
        if (each->match && !before_match && !merged.empty())
            merged.back().span.begin = each->span.begin;
        else
            merged.push_back(*each);
        before_match = each->match;
    }
    std::reverse(merged.begin(), merged.end());
    return merged;
}

Stretches contiguous(const Stretches& all) {
    Stretches merged;
    bool match = false;
    for (const auto& each : all) {
        if (each.match == match && !merged.empty())
            merged.back().span.end = each.span.end;
        else
            merged.push_back(each);
        match = each.match;
    }
    return merged;
}

Stretches arranged(Stretches all, Behavior behavior) {
    switch (behavior) {
    case Behavior::removed: std::erase_if(all, [](const auto& each) { return each.match; }); break;
    case Behavior::isolated: break;
    case Behavior::contiguous: return contiguous(all);
    case Behavior::merged_with_previous: return merged_with_previous(all);
    case Behavior::merged_with_next: return merged_with_next(all);
    }
    return all;
}

/// Splits every piece at what a finder finds.
class Splitter : public PreTokenizer {
public:
    Splitter(Finder find, Behavior behavior, bool invert = false, bool is_local = false)
        : find_(std::move(find)), behavior_(behavior), invert_(invert), is_local_(is_local) {}

    bool is_local() const override { return is_local_; }

    void split(std::vector<Piece>& pieces) const override {
        std::vector<Piece> parts;
        for (Piece& piece : pieces) {
            const auto found = stretches(piece.text, find_(piece.text), invert_);
            for (const auto& [span, match] : arranged(found, behavior_))
                parts.push_back({piece.text.substr(span.begin, span.end - span.begin),
                                 piece.first && span.begin == 0});
        }
        pieces = std::move(parts);
    }

private:
    Finder find_;
    Behavior behavior_;
    bool invert_, is_local_;
};

/// Each letter of a kind is a match of its own.
Finder letters_that(bool (*is)(char32_t)) {
    return [is](std::string_view text) {
        std::vector<Span> found;
        for (std::size_t at = 0; at < text.size();) {
            const auto [code, bytes] = letter_at(text, at);
            if (is(code)) found.push_back({at, at + bytes.size()});
            at += bytes.size();
        }
        return found;
    };
}

/// Of ASCII: what has none is found on both sides of a blank between two letters by itself.
bool has_no_letter(std::string_view text) {
    return std::ranges::none_of(text, is_ascii_letter);
}

Finder text_that_is(const std::string& wanted) {
    return [wanted](std::string_view text) {
        std::vector<Span> found;
        for (auto at = text.find(wanted); at != text.npos;
             at = text.find(wanted, at + wanted.size()))
            found.push_back({at, at + wanted.size()});
        return found;
    };
}

Finder matches_of(const std::string& pattern, const std::string& where) {
    return [regex = std::make_shared<Regex>(pattern, where)](std::string_view text) {
        return regex->find_all(text);
    };
}

class Sequence : public PreTokenizer {
public:
    std::vector<std::unique_ptr<PreTokenizer>> parts{};

    void split(std::vector<Piece>& pieces) const override {
        for (const auto& part : parts) part->split(pieces);
    }
    bool is_local() const override {
        return std::ranges::all_of(parts, [](const auto& part) { return part->is_local(); });
    }
    bool writes_bytes() const override {
        return std::any_of(parts.begin(), parts.end(),
                           [](const auto& part) { return part->writes_bytes(); });
    }
};

/// GPT-2's words (Radford et al., 2019), written in its alphabet of bytes.
class ByteLevel : public PreTokenizer {
public:
    ByteLevel(bool prefix, bool words) : prefix_(prefix), words_(words) {}

    void split(std::vector<Piece>& pieces) const override {
        if (prefix_)
            for (Piece& piece : pieces)
                if (!piece.text.starts_with(' ')) piece.text.insert(0, 1, ' ');
        if (words_) splitter_.split(pieces);
        for (Piece& piece : pieces) piece.text = byte_letters(piece.text);
    }
    bool is_local() const override { return true; }
    bool writes_bytes() const override { return true; }

private:
    static constexpr auto pattern =
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
    bool prefix_, words_;
    Splitter splitter_{matches_of(pattern, "GPT-2's words"), Behavior::isolated};
};

/// Blanks become visible, one is put in front, and words begin with them.
class Metaspace : public PreTokenizer {
public:
    enum class Prepend { always, first, never };
    Metaspace(std::string blank, Prepend prepend, bool words)
        : blank_(std::move(blank)), prepend_(prepend), words_(words),
          splitter_(text_that_is(blank_), Behavior::merged_with_next) {}

    void split(std::vector<Piece>& pieces) const override {
        for (Piece& piece : pieces) {
            for (std::size_t at = 0; (at = piece.text.find(' ', at)) != piece.text.npos;)
                piece.text.replace(at, 1, blank_);
            const bool wanted =
                prepend_ == Prepend::always || (prepend_ == Prepend::first && piece.first);
            if (wanted && !piece.text.starts_with(blank_)) piece.text.insert(0, blank_);
        }
        if (words_) splitter_.split(pieces);
    }
    bool is_local() const override { return has_no_letter(blank_); }

private:
    std::string blank_;
    Prepend prepend_;
    bool words_;
    Splitter splitter_;
};

// Of Rust's regexes, whose words, unlike Oniguruma's, hold the two joiners.
constexpr auto words_and_signs = R"([\w\x{200c}\x{200d}]+|[^\w\x{200c}\x{200d}\s]+)";

/// Of LLaMA 3 and Qwen 2: a word of letters takes a blank before it along, as GPT-2's does, so that
/// a word ends before a blank between two letters, whatever stands elsewhere.
constexpr std::string_view local_patterns[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};

Behavior behavior_of(Settings& settings, const std::string& name) {
    constexpr std::array<std::pair<std::string_view, Behavior>, 5> all{
        {{"Removed", Behavior::removed},
         {"Isolated", Behavior::isolated},
         {"Contiguous", Behavior::contiguous},
         {"MergedWithPrevious", Behavior::merged_with_previous},
         {"MergedWithNext", Behavior::merged_with_next}}};
    for (const auto& [known, behavior] : all)
        if (name == known) return behavior;
    settings.refuse("the behavior " + name + " is not supported");
}

std::unique_ptr<PreTokenizer> make_metaspace(Settings& settings) {
    using Prepend = Metaspace::Prepend;
    const std::string scheme = settings.optional_text("prepend_scheme");
    const bool older = settings.flag("add_prefix_space", true);
    if (!scheme.empty() && scheme != "always" && scheme != "first" && scheme != "never")
        settings.refuse("the prepend_scheme " + scheme + " is not supported");
    const auto prepend = scheme == "first"                                 ? Prepend::first
                         : scheme == "never" || (scheme.empty() && !older) ? Prepend::never
                                                                           : Prepend::always;
    settings.ignore({"str_rep"}); // older: the replacement again
    return std::make_unique<Metaspace>(settings.text("replacement"), prepend,
                                       settings.flag("split", true));
}

std::unique_ptr<PreTokenizer> make_split(Settings& settings) {
    Settings pattern = settings.object("pattern");
    const std::string text = pattern.optional_text("String");
    const std::string regex = text.empty() ? pattern.text("Regex") : "";
    Finder find = text.empty() ? matches_of(regex, pattern.where()) : text_that_is(text);
    pattern.finish();
    const Behavior behavior = behavior_of(settings, settings.text("behavior"));
    const bool invert = settings.flag("invert", false);
    const bool is_local = text.empty() ? std::ranges::count(local_patterns, regex) &&
                                             behavior == Behavior::isolated && !invert
                                       : has_no_letter(text);
    return std::make_unique<Splitter>(std::move(find), behavior, invert, is_local);
}

std::unique_ptr<PreTokenizer> make_digits(Settings& settings) {
    const bool single = settings.flag("individual_digits", false);
    return std::make_unique<Splitter>(
        letters_that(is_numeric), single ? Behavior::isolated : Behavior::contiguous, false, true);
}

std::unique_ptr<PreTokenizer> make_bert() {
    auto both = std::make_unique<Sequence>();
    both->parts.push_back(
        std::make_unique<Splitter>(letters_that(is_white_space), Behavior::removed, false, true));
    both->parts.push_back(
        std::make_unique<Splitter>(letters_that(is_punctuation), Behavior::isolated, false, true));
    return both;
}

std::unique_ptr<PreTokenizer> make_of_type(const std::string& type, Settings& settings) {
    if (type == "ByteLevel") {
        settings.ignore({"trim_offsets"}); // no ids depend on it
        return std::make_unique<ByteLevel>(settings.flag("add_prefix_space", true),
                                           settings.flag("use_regex", true));
    }
    if (type == "Metaspace") return make_metaspace(settings);
    if (type == "Split") return make_split(settings);
    if (type == "Digits") return make_digits(settings);
    if (type == "BertPreTokenizer") return make_bert();
    if (type == "WhitespaceSplit")
        return std::make_unique<Splitter>(letters_that(is_white_space), Behavior::removed, false,
                                          true);
    if (type == "Whitespace")
        return std::make_unique<Splitter>(matches_of(words_and_signs, settings.where()),
                                          Behavior::removed, true);
    if (type == "CharDelimiterSplit")
        return std::make_unique<Splitter>(text_that_is(settings.text("delimiter")),
                                          Behavior::removed);
    if (type == "Punctuation") {
        const std::string behavior = settings.optional_text("behavior");
        return std::make_unique<Splitter>(
            letters_that(is_punctuation),
            behavior_of(settings, behavior.empty() ? "Isolated" : behavior), false, true);
    }
    settings.refuse("the type " + type + " is not supported");
}
} // namespace

std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& json, const std::string& where) {
    return make_part<PreTokenizer, Sequence>(json, where, "pretokenizers", make_of_type);
}

} // namespace sweetspot

#include "engine/data/normalizer.h"
#include "engine/data/byte_letters.h"
#include "engine/data/regex.h"
#include "engine/data/tokenizer_part.h"
#include "engine/data/unicode.h"
#include <optional>
#include <utility>
#include <vector>

namespace sweetspot {

namespace {
class Sequence : public Normalizer {
public:
    std::vector<std::unique_ptr<Normalizer>> parts{};

    std::string apply(std::string text) const override {
        for (const auto& part : parts) text = part->apply(std::move(text));
        return text;
    }
    bool is_local() const override {
        return std::ranges::all_of(parts, [](const auto& part) { return part->is_local(); });
    }
};

class NormalFormOf : public Normalizer {
public:
    explicit NormalFormOf(NormalForm form) : form_(form) {}
    std::string apply(std::string text) const override { return in_normal_form(text, form_); }
    bool is_local() const override { return true; } // a blank is composed with nothing

private:
    NormalForm form_;
};

class Lowercase : public Normalizer {
    std::string apply(std::string text) const override { return lower_case(text); }
    bool is_local() const override { return true; }
};

class Prepend : public Normalizer {
public:
    explicit Prepend(std::string what) : what_(std::move(what)) {}
    std::string apply(std::string text) const override {
        return text.empty() ? text : what_ + text;
    }
    bool is_local() const override { return true; }

private:
    std::string what_;
};

class Strip : public Normalizer {
public:
    Strip(bool left, bool right) : left_(left), right_(right) {}
    std::string apply(std::string text) const override {
        std::size_t begin = text.size(), end = 0;
        for (std::size_t at = 0; at < text.size();) {
            const auto [code, bytes] = letter_at(text, at);
            if (!is_white_space(code)) {
                begin = std::min(begin, at);
                end = at + bytes.size();
            }
            at += bytes.size();
        }
        if (begin == text.size()) return left_ || right_ ? "" : text; // all blank
        const auto from = left_ ? begin : 0, to = right_ ? end : text.size();
        return text.substr(from, to - from);
    }
    bool is_local() const override { return true; } // ends of a text are none of its letters

private:
    bool left_, right_;
};

/// Each letter by itself: kept, replaced, or (0) removed.
class EachLetter : public Normalizer {
public:
    constexpr static char32_t removed = char32_t(-1);
    explicit EachLetter(char32_t (*change)(char32_t)) : change_(change) {}
    std::string apply(std::string text) const override {
        std::string changed;
        changed.reserve(text.size());
        for (std::size_t at = 0; at < text.size();) {
            const auto [code, bytes] = letter_at(text, at);
            at += bytes.size();
            const auto now = change_(code);
            if (now == code)
                changed += bytes;
            else if (now != removed)
                append_utf8(changed, now);
        }
        return changed;
    }
    bool is_local() const override { return true; }

private:
    char32_t (*change_)(char32_t);
};

class Replace : public Normalizer {
public:
    Replace(std::optional<Regex> regex, std::string text, std::string content)
        : regex_(std::move(regex)), text_(std::move(text)), content_(std::move(content)) {}

    std::string apply(std::string text) const override {
        std::string changed;
        std::size_t at = 0;
        const auto replace = [&](Span span) {
            changed += text.substr(at, span.begin - at) + content_;
            at = span.end;
        };
        if (regex_)
            for (const Span span : regex_->find_all(text)) replace(span);
        else
            for (auto found = text.find(text_); found != text.npos; found = text.find(text_, at))
                replace({found, found + text_.size()});
        return changed += text.substr(at);
    }
    bool is_local() const override { return !regex_ && text_ == " "; }

private:
    std::optional<Regex> regex_;
    std::string text_, content_;
};

/// How ByteLevel's alphabet writes the bytes, as a normalizer.
class ByteLevel : public Normalizer {
    std::string apply(std::string text) const override { return byte_letters(text); }
    bool is_local() const override { return true; }
};

char32_t clean(char32_t letter) {
    if (letter == '\t' || letter == '\n' || letter == '\r') return ' ';
    if (letter == 0 || letter == 0xfffd || is_other(letter)) return EachLetter::removed;
    return is_white_space(letter) ? ' ' : letter;
}

char32_t without_nonspacing_mark(char32_t letter) {
    return is_nonspacing_mark(letter) ? EachLetter::removed : letter;
}

char32_t without_mark(char32_t letter) {
    return is_mark(letter) ? EachLetter::removed : letter;
}

/// Control letters as the neural machine translation's normalizer of SentencePiece treats them.
char32_t nmt(char32_t letter) {
    const auto in = [&](char32_t first, char32_t last) {
        return letter >= first && letter <= last;
    };
    if (in(1, 8) || letter == 0x0b || in(0x0e, 0x1f) || letter == 0x7f || letter == 0x8f ||
        letter == 0x9f)
        return EachLetter::removed;
    if (letter == 9 || letter == 0x0a || letter == 0x0c || letter == 0x0d || letter == 0x1680 ||
        in(0x200b, 0x200f) || letter == 0x2028 || letter == 0x2029 || letter == 0x2581 ||
        letter == 0xfeff || letter == 0xfffd)
        return ' ';
    return letter;
}

/// Blanks around Chinese letters, as BERT defines them.
class SpacedChinese : public Normalizer {
    std::string apply(std::string text) const override {
        std::string spaced;
        for (std::size_t at = 0; at < text.size();) {
            const auto [code, bytes] = letter_at(text, at);
            at += bytes.size();
            if (is_chinese(code))
                spaced.append(" ").append(bytes).append(" ");
            else
                spaced += bytes;
        }
        return spaced;
    }
    bool is_local() const override { return true; }

    static bool is_chinese(char32_t letter) {
        constexpr std::pair<char32_t, char32_t> ranges[]{
            {0x4e00, 0x9fff},   {0x3400, 0x4dbf},   {0x20000, 0x2a6df}, {0x2a700, 0x2b73f},
            {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf}, {0xf900, 0xfaff},   {0x2f800, 0x2fa1f}};
        for (const auto& [first, last] : ranges)
            if (letter >= first && letter <= last) return true;
        return false;
    }
};

std::unique_ptr<Normalizer> make_bert(Settings& settings) {
    auto all = std::make_unique<Sequence>();
    const bool lower = settings.flag("lowercase", true);
    if (settings.flag("clean_text", true))
        all->parts.push_back(std::make_unique<EachLetter>(clean));
    if (settings.flag("handle_chinese_chars", true))
        all->parts.push_back(std::make_unique<SpacedChinese>());
    if (settings.flag("strip_accents", lower)) {
        all->parts.push_back(std::make_unique<NormalFormOf>(NormalForm::nfd));
        all->parts.push_back(std::make_unique<EachLetter>(without_nonspacing_mark));
    }
    if (lower) all->parts.push_back(std::make_unique<Lowercase>());
    return all;
}

std::unique_ptr<Normalizer> make_replace(Settings& settings) {
    Settings pattern = settings.object("pattern");
    std::optional<Regex> regex;
    const std::string text = pattern.optional_text("String");
    if (text.empty()) regex.emplace(pattern.text("Regex"), pattern.where());
    pattern.finish();
    return std::make_unique<Replace>(std::move(regex), text, settings.text("content"));
}

std::unique_ptr<Normalizer> make_of_type(const std::string& type, Settings& settings) {
    if (type == "NFC") return std::make_unique<NormalFormOf>(NormalForm::nfc);
    if (type == "NFD") return std::make_unique<NormalFormOf>(NormalForm::nfd);
    if (type == "NFKC") return std::make_unique<NormalFormOf>(NormalForm::nfkc);
    if (type == "NFKD") return std::make_unique<NormalFormOf>(NormalForm::nfkd);
    if (type == "Lowercase") return std::make_unique<Lowercase>();
    if (type == "StripAccents") return std::make_unique<EachLetter>(without_mark);
    if (type == "Nmt") return std::make_unique<EachLetter>(nmt);
    if (type == "ByteLevel") return std::make_unique<ByteLevel>();
    if (type == "Prepend") return std::make_unique<Prepend>(settings.text("prepend"));
    if (type == "Strip")
        return std::make_unique<Strip>(settings.flag("strip_left", true),
                                       settings.flag("strip_right", true));
    if (type == "Replace") return make_replace(settings);
    if (type == "BertNormalizer") return make_bert(settings);
    settings.refuse("the type " + type + " is not supported");
}
} // namespace

std::unique_ptr<Normalizer> make_normalizer(const Json& json, const std::string& where) {
    return make_part<Normalizer, Sequence>(json, where, "normalizers", make_of_type);
}

} // namespace sweetspot

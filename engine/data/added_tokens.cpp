#include "engine/data/added_tokens.h"
#include "engine/data/regex.h"
#include "engine/data/unicode.h"
#include "kernels/core/error.h"
#include <algorithm>

namespace sweetspot {

namespace {
AddedToken read_token(const Json& json, const std::string& where) {
    Settings settings(json, where);
    AddedToken token{.content = settings.text("content"),
                     .id = std::int32_t(settings.integer("id")),
                     .special = settings.flag("special", false),
                     .single_word = settings.flag("single_word", false),
                     .lstrip = settings.flag("lstrip", false),
                     .rstrip = settings.flag("rstrip", false)};
    token.normalized = settings.flag("normalized", !token.special);
    settings.finish();
    return token;
}

/// The last letter that ends at `end`.
Letter letter_before(std::string_view text, std::size_t end) {
    std::size_t at = end - 1;
    while (at && (text[at] & 0xc0) == 0x80) --at;
    return letter_at(text, at);
}

bool touches_words(std::string_view text, Span span) {
    return (span.begin && is_word(letter_before(text, span.begin).code)) ||
           (span.end < text.size() && is_word(letter_at(text, span.end).code));
}

std::size_t begin_of_blanks(std::string_view text, std::size_t end) {
    while (end) {
        const auto [code, bytes] = letter_before(text, end);
        if (!is_white_space(code)) break;
        end -= bytes.size();
    }
    return end;
}

std::size_t end_of_blanks(std::string_view text, std::size_t begin) {
    while (begin < text.size()) {
        const auto [code, bytes] = letter_at(text, begin);
        if (!is_white_space(code)) break;
        begin += bytes.size();
    }
    return begin;
}
} // namespace

AddedTokens AddedTokens::read(const Json& json, const std::string& path,
                              const Vocabulary& vocabulary) {
    AddedTokens tokens;
    if (json.is_null()) return tokens;
    if (!json.is_array()) throw Error(Failure::file, path + ": added_tokens must be a list");
    for (const auto& each : json) {
        const auto where = path + ", added token " + std::to_string(tokens.all_.size());
        AddedToken token = read_token(each, where);
        // Those that the vocabulary lacks get the next ids, whatever the file says.
        const auto known = vocabulary.find(token.content);
        const auto given = known >= 0 ? known : std::max(vocabulary.size(), tokens.ids());
        if (token.id != given)
            throw Error(Failure::file, where + ": \"" + token.content + "\" has the id " +
                                           std::to_string(token.id) + ", but its place gives it " +
                                           std::to_string(given));
        tokens.all_.push_back(std::move(token));
    }
    return tokens;
}

int AddedTokens::ids() const {
    std::int32_t last = -1;
    for (const auto& token : all_) last = std::max(last, token.id);
    return last + 1;
}

void AddedTokens::prepare(const Normalizer& normalizer) {
    for (std::size_t i = 0; i < all_.size(); ++i) {
        const auto& token = all_[i];
        const std::string text = token.normalized ? normalizer.apply(token.content) : token.content;
        if (text.empty()) continue;
        auto& same_start = (token.normalized ? normalized_ : plain_)[text.front()];
        same_start.emplace_back(text, i);
    }
    for (auto* patterns : {&plain_, &normalized_})
        for (auto& [first, same_start] : *patterns)
            std::stable_sort(same_start.begin(), same_start.end(),
                             [](auto& a, auto& b) { return a.first.size() > b.first.size(); });
}

void AddedTokens::find(const Patterns& patterns, const Piece& piece,
                       std::vector<Found>& found) const {
    const std::string_view text = piece.text;
    std::size_t done = 0; // of the text is in `found`
    const auto take_text = [&](std::size_t end) {
        if (done < end)
            found.push_back({{std::string(text.substr(done, end - done)), piece.first && !done}});
    };
    for (std::size_t at = 0; at < text.size();) {
        const auto same_start = patterns.find(text[at]);
        const std::pair<std::string, std::size_t>* match = nullptr;
        if (same_start != patterns.end())
            for (const auto& each : same_start->second)
                if (!match && text.substr(at).starts_with(each.first)) match = &each;
        if (!match) {
            ++at;
            continue;
        }
        const AddedToken& token = all_[match->second];
        Span span{at, at + match->first.size()};
        at = span.end;
        if (token.single_word && touches_words(text, span)) continue;
        if (token.lstrip) span.begin = std::max(begin_of_blanks(text, span.begin), done);
        if (token.rstrip) span.end = end_of_blanks(text, span.end);
        take_text(span.begin);
        found.push_back({{}, token.id});
        done = span.end;
    }
    take_text(text.size());
}

std::vector<Found> AddedTokens::split(std::string_view text, const Normalizer& normalizer) const {
    std::vector<Found> plain, all;
    find(plain_, {std::string(text), true}, plain);
    for (auto& each : plain) {
        if (each.id >= 0) {
            all.push_back(std::move(each));
            continue;
        }
        each.piece.text = normalizer.apply(std::move(each.piece.text));
        find(normalized_, each.piece, all);
    }
    return all;
}

} // namespace sweetspot

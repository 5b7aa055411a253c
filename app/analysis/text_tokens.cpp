#include "app/analysis/text_tokens.h"
#include "engine/config/fields.h"
#include <sstream>

namespace sweetspot {

namespace {

struct Token {
    std::int64_t id = 0;
    TokenPlace place{};
    std::string_view letters{};
};

/// "generated_tokens" is a line a sequence of "id:bytes", as "generated" has a line of their
/// letters. Of what is not so nothing is told.
std::optional<std::vector<std::vector<Token>>> tokens_of(const RunRecord& run) {
    const auto text = run.texts.find("generated"), told = run.texts.find("generated_tokens");
    if (text == run.texts.end() || told == run.texts.end()) return {};
    std::vector<std::vector<Token>> sequences;
    std::size_t at = 0;
    std::istringstream lines(told->second);
    for (std::string line; std::getline(lines, line); ++at) { // the break between two
        std::vector<Token>& tokens = sequences.emplace_back();
        std::istringstream words(line);
        for (std::string word; words >> word;) {
            const auto colon = word.find(':');
            Token token;
            std::size_t bytes = 0;
            if (colon == word.npos ||
                !from_text(std::string_view(word).substr(0, colon), token.id) ||
                !from_text(std::string_view(word).substr(colon + 1), bytes) ||
                bytes > text->second.size() - std::min(at, text->second.size()))
                return {};
            token.place = {at, at + bytes};
            token.letters = std::string_view(text->second).substr(at, bytes);
            at += bytes;
            tokens.push_back(token);
        }
    }
    return sequences;
}

} // namespace

bool told_tokens(const RunRecord& run) {
    return tokens_of(run).has_value();
}

std::optional<TokenDifference> first_token_difference(const RunRecord& a, const RunRecord& b) {
    const auto of_a = tokens_of(a), of_b = tokens_of(b);
    if (!of_a || !of_b) return {};
    const std::vector<Token> none;
    std::size_t end_a = 0, end_b = 0; // of what came before
    for (std::size_t s = 0; s < std::max(of_a->size(), of_b->size()); ++s) {
        const auto& in_a = s < of_a->size() ? (*of_a)[s] : none;
        const auto& in_b = s < of_b->size() ? (*of_b)[s] : none;
        if (s > 0) end_a += s < of_a->size(), end_b += s < of_b->size();
        for (std::size_t t = 0; t < std::max(in_a.size(), in_b.size()); ++t) {
            const Token* one = t < in_a.size() ? &in_a[t] : nullptr;
            const Token* other = t < in_b.size() ? &in_b[t] : nullptr;
            if (!one || !other || one->id != other->id || one->letters != other->letters)
                return TokenDifference{s, t, one ? one->place : TokenPlace{end_a, end_a},
                                       other ? other->place : TokenPlace{end_b, end_b}};
            end_a = one->place.end, end_b = other->place.end;
        }
    }
    return {};
}

} // namespace sweetspot

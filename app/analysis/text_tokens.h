#pragma once
#include "app/experiment/record.h"
#include <optional>

namespace sweetspot {

/// A token's place in what a run generated, in bytes; empty behind the last one.
struct TokenPlace {
    std::size_t begin = 0, end = 0;
};

/// The first token in which what two runs generated differs: another one, or none.
struct TokenDifference {
    std::size_t sequence = 0, token = 0; ///< from 0
    TokenPlace a{}, b{};
};

/// Nothing where the tokens are the same, or one of the runs does not tell them (told_tokens).
std::optional<TokenDifference> first_token_difference(const RunRecord& a, const RunRecord& b);
/// Whether a run says which tokens its text is made of, as measurements do since they are kept.
bool told_tokens(const RunRecord&);

} // namespace sweetspot

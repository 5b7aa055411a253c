#pragma once
#include "engine/config/scopes.h"
#include <cstdint>

namespace sweetspot {

/// How perplexity is computed.
struct Quality {
    double mask_fraction = 0.15;
    bool pseudo_perplexity = false;
    std::int64_t max_tokens = 0;

    bool operator==(const Quality&) const = default;

    static constexpr std::string_view group = "quality";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = Quality;
        visit(Field{.name = "mask_fraction",
                    .meaning = "share of tokens that are masked and predicted",
                    .range = Range{.least = 0, .most = 1, .above = true},
                    .scope = scope::masked},
              &C::mask_fraction);
        visit(Field{.name = "pseudo_perplexity",
                    .meaning = "mask one token at a time: exact, and slow",
                    .scope = scope::perplexity},
              &C::pseudo_perplexity);
        visit(Field{.name = "max_tokens",
                    .unit = "tokens",
                    .meaning = "score only the first so many tokens, 0 = all",
                    .range = at_least(0),
                    .scope = scope::perplexity},
              &C::max_tokens);
    }
};

} // namespace sweetspot

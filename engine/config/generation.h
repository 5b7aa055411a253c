#pragma once
#include "engine/config/scopes.h"

namespace sweetspot {

/// What is generated, and how its tokens are drawn.
struct Generation {
    std::string prompt = "";
    int new_tokens = 64;
    double temperature = 0;
    double top_p = 1;

    bool operator==(const Generation&) const = default;

    static constexpr std::string_view group = "generation";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = Generation;
        visit(Field{.name = "prompt",
                    .meaning = "the text to go on from",
                    .scope = scope::generate,
                    .text = TextKind::free},
              &C::prompt);
        visit(Field{.name = "new_tokens",
                    .unit = "tokens",
                    .meaning = "tokens to generate",
                    .range = between(1, 1e7),
                    .scope = scope::generate,
                    .also = "-n"},
              &C::new_tokens);
        visit(Field{.name = "temperature",
                    .meaning = "0 takes the likeliest token",
                    .range = at_least(0),
                    .scope = scope::generate},
              &C::temperature);
        visit(Field{.name = "top_p",
                    .meaning = "draw from the likeliest tokens that hold this mass",
                    .range = Range{.least = 0, .most = 1, .above = true},
                    .scope = scope::sampled},
              &C::top_p);
    }
};

} // namespace sweetspot

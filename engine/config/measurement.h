#pragma once
#include "engine/config/scopes.h"

namespace sweetspot {

/// How a run is measured.
struct Measurement {
    int rounds = 3;
    int warmup = 2;
    int repeats = 10;
    int max_repeats = 50;
    double noise = 0.01;
    double min_seconds = 0.5;
    double timeout_seconds = 600;
    double load_timeout_seconds = 0;
    bool trace = true;

    bool operator==(const Measurement&) const = default;

    static constexpr std::string_view group = "measurement";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = Measurement;
        visit(Field{.name = "rounds",
                    .meaning =
                        "new workers that share the steps, in turn with those of other points; two "
                        "at least for a verdict, six for one on less than a factor of two",
                    .range = between(1, 1000),
                    .scope = scope::repeated},
              &C::rounds);
        visit(Field{.name = "warmup",
                    .unit = "steps",
                    .meaning = "steps before the clock counts; no more once they took ten times "
                               "min_seconds",
                    .range = between(0, 1e6),
                    .scope = scope::repeated},
              &C::warmup);
        visit(Field{.name = "repeats",
                    .unit = "steps",
                    .meaning = "measured steps at least",
                    .range = between(1, 1e6),
                    .scope = scope::repeated,
                    .also = "--min-samples"},
              &C::repeats);
        visit(Field{.name = "max_repeats",
                    .unit = "steps",
                    .meaning = "measured steps at most",
                    .range = between(1, 1e6),
                    .scope = scope::repeated,
                    .also = "--max-samples"},
              &C::max_repeats);
        visit(Field{.name = "noise",
                    .meaning = "stop when the median's interval is narrower than this share of it",
                    .range = above(0),
                    .scope = scope::repeated},
              &C::noise);
        visit(Field{.name = "min_seconds",
                    .unit = "s",
                    .meaning = "measure for this long at least",
                    .range = at_least(0),
                    .scope = scope::repeated,
                    .also = "--min-time"},
              &C::min_seconds);
        visit(Field{.name = "timeout_seconds",
                    .unit = "s",
                    .meaning = "end a round as timed out this long after it has loaded, a training "
                               "this long after its last step; 0 = never",
                    .range = at_least(0),
                    .also = "--timeout"},
              &C::timeout_seconds);
        visit(Field{.name = "load_timeout_seconds",
                    .unit = "s",
                    .meaning = "end a round as timed out that has not loaded by then, 0 = as "
                               "timeout_seconds",
                    .range = at_least(0)},
              &C::load_timeout_seconds);
        visit(Field{.name = "trace",
                    .meaning = "one more pass with regions and memory over time",
                    .scope = scope::executed},
              &C::trace);
    }
};

} // namespace sweetspot

#pragma once
#include "engine/config/scopes.h"
#include "engine/config/variants.h"
#include <string>

namespace sweetspot {

/// What is predicted of which rows of a table, and by which head on a frozen model's features.
struct Probe {
    std::string target = "target";
    TargetKind target_kind = TargetKind::automatic;
    std::string split_column = "set";
    std::string validation_column = "validation";
    double test_share = 0.2;
    Pooling pooling = Pooling::mean;
    ProbeHead probe_head = ProbeHead::ridge;
    int head_width = 64;
    int head_epochs = 100;

    bool operator==(const Probe&) const = default;

    static constexpr std::string_view group = "probe";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = Probe;
        visit(Field{.name = "target",
                    .meaning = "column of the table with the numbers or classes to predict",
                    .scope = scope::labelled},
              &C::target);
        visit(Field{.name = "target_kind",
                    .meaning = "numbers or classes; automatic: numbers, if all of them are",
                    .scope = scope::labelled},
              &C::target_kind);
        visit(Field{.name = "split_column",
                    .meaning = "column that says train, validation or test of each row, as FLIP "
                               "has it; empty = drawn by `seed`",
                    .scope = scope::labelled},
              &C::split_column);
        visit(Field{.name = "validation_column",
                    .meaning = "column that is true where a row of train is for validation, as "
                               "FLIP has it; without one, and without such rows, a tenth of train "
                               "is, drawn by `seed`",
                    .scope = scope::labelled},
              &C::validation_column);
        visit(Field{.name = "test_share",
                    .unit = "share",
                    .meaning = "of the rows that are drawn to test on",
                    .range = between(0.01, 0.9),
                    .scope = scope::labelled_drawn},
              &C::test_share);
        visit(Field{.name = "pooling",
                    .meaning = "how outputs become a sequence's features: their mean over its "
                               "letters, or, as published, one place too early",
                    .scope = scope::labelled,
                    .headline = Headline::named},
              &C::pooling);
        visit(Field{.name = "probe_head",
                    .meaning = "what is fitted to features: ridge regression, or a hidden layer",
                    .scope = scope::probe,
                    .headline = Headline::value},
              &C::probe_head);
        visit(Field{.name = "head_width",
                    .meaning = "units of the hidden layer",
                    .range = between(1, 1e5),
                    .scope = scope::probe_mlp},
              &C::head_width);
        visit(Field{.name = "head_epochs",
                    .meaning = "most passes over the rows of train; of xgboost, steps that each "
                               "grow a tree (one for each class)",
                    .range = between(1, 1e6),
                    .scope = scope::probe_epochs},
              &C::head_epochs);
    }
};

} // namespace sweetspot

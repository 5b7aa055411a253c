#pragma once
#include "engine/config/scopes.h"
#include "engine/config/variants.h"
#include <string>

namespace sweetspot {

/// Which of the weights of linear layers a run does without. It is done between what files or draws
/// give and what products read. A training keeps what is 0 at 0; it may begin with all weights and
/// lose them over some steps.
struct Pruning {
    PruneBy prune = PruneBy::none;
    PrunePattern prune_pattern = PrunePattern::unstructured;
    PruneScope prune_scope = PruneScope::layer;
    double sparsity = 0.5;
    int prune_steps = 0;
    int prune_every = 10;
    std::string prune_data = "";
    int prune_windows = 128;
    int prune_window = 256;

    bool operator==(const Pruning&) const = default;
    bool calibrated() const { return prune == PruneBy::wanda || prune == PruneBy::sparsegpt; }

    static constexpr std::string_view group = "pruning";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = Pruning;
        visit(Field{.name = "prune",
                    .meaning = "which weights go: the smallest, those that change a text's "
                               "products least (wanda), or these with the others mended "
                               "(sparsegpt)",
                    .headline = Headline::named},
              &C::prune);
        visit(Field{.name = "prune_pattern",
                    .meaning = "zeros anywhere, two of four, four of eight; or heads, MLP channels "
                               "or both (structured) taken out of the model",
                    .scope = scope::pruned,
                    .headline = Headline::value},
              &C::prune_pattern);
        visit(Field{.name = "prune_scope",
                    .meaning = "which weights are compared: those of a row, of a matrix, or all",
                    .scope = scope::pruned_by_size},
              &C::prune_scope);
        visit(Field{.name = "sparsity",
                    .unit = "share",
                    .meaning = "of the weights of the blocks' linears that go",
                    .range = Range{.least = 0, .most = 0.99, .above = true},
                    .scope = scope::pruned_by_share,
                    .headline = Headline::named},
              &C::sparsity);
        visit(Field{.name = "prune_steps",
                    .unit = "steps",
                    .meaning = "of training over which the sparsity grows, at first fast; 0: all "
                               "goes before the first",
                    .range = between(0, 1e9),
                    .scope = scope::pruned_by_steps},
              &C::prune_steps);
        visit(Field{.name = "prune_every",
                    .unit = "steps",
                    .meaning = "from one pruning to the next while the sparsity grows",
                    .range = between(1, 1e9),
                    .scope = scope::pruned_again},
              &C::prune_every);
        visit(Field{.name = "prune_data",
                    .meaning = "the text that wanda and sparsegpt look at, a file as `data` has it",
                    .scope = scope::calibrated,
                    .text = TextKind::path},
              &C::prune_data);
        visit(Field{.name = "prune_windows",
                    .unit = "sequences",
                    .meaning = "so many of the first windows of that text",
                    .range = between(1, 1e6),
                    .scope = scope::calibrated},
              &C::prune_windows);
        visit(Field{.name = "prune_window",
                    .unit = "tokens",
                    .meaning = "length of such a window",
                    .range = between(2, 1e6),
                    .scope = scope::calibrated},
              &C::prune_window);
    }
};

} // namespace sweetspot

#pragma once
#include "engine/config/scopes.h"
#include <string>

namespace sweetspot {

/// How a training survives what ends it.
struct Checkpointing {
    std::string checkpoint{};
    int checkpoint_steps = 100;
    int checkpoint_keep = 2;

    bool operator==(const Checkpointing&) const = default;

    static constexpr std::string_view group = "checkpoints";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = Checkpointing;
        visit(Field{.name = "checkpoint",
                    .meaning =
                        "folder that gets checkpoints, and whose newest whole one is gone on "
                        "from; empty = none",
                    .scope = scope::train,
                    .text = TextKind::path},
              &C::checkpoint);
        visit(Field{.name = "checkpoint_steps",
                    .unit = "steps",
                    .meaning = "steps from one checkpoint to the next; the last step has one, too",
                    .range = between(1, 1e9),
                    .scope = scope::checkpointed},
              &C::checkpoint_steps);
        visit(Field{.name = "checkpoint_keep",
                    .meaning = "newest checkpoints that are kept, beside the one of the least "
                               "validation_loss",
                    .range = between(1, 1e6),
                    .scope = scope::checkpointed},
              &C::checkpoint_keep);
    }
};

} // namespace sweetspot

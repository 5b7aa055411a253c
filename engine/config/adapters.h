#pragma once
#include "engine/config/scopes.h"
#include <string>

namespace sweetspot {

/// Low-rank adapters (LoRA): what is trained in place of the weights.
struct AdapterChoice {
    int lora_rank = 0;
    double lora_alpha = 8;
    double lora_dropout = 0;
    std::string lora_targets = "all-linear";
    bool lora_rslora = false;
    std::string adapter{};
    bool save_merged = false;

    bool operator==(const AdapterChoice&) const = default;

    static constexpr std::string_view group = "adapters";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = AdapterChoice;
        visit(
            Field{.name = "lora_rank",
                  .meaning = "rank of adapters that are trained in place of the weights; 0 = none",
                  .range = between(0, 1e5),
                  .scope = scope::new_adapter,
                  .headline = Headline::named},
            &C::lora_rank);
        visit(Field{.name = "lora_alpha",
                    .meaning = "what adapters add is multiplied by this over their rank",
                    .range = above(0),
                    .scope = scope::drawn_adapter},
              &C::lora_alpha);
        visit(Field{.name = "lora_dropout",
                    .meaning = "share of what adapters read that is zeroed",
                    .range = between(0, 0.99),
                    .scope = scope::adapted},
              &C::lora_dropout);
        visit(Field{.name = "lora_targets",
                    .meaning =
                        "all-linear (but the output product), or modules as the model's "
                        "files name them, whole or by their ends, joined by +: q_proj+v_proj",
                    .scope = scope::drawn_adapter},
              &C::lora_targets);
        visit(Field{.name = "lora_rslora",
                    .meaning = "divide lora_alpha by the rank's root (rsLoRA)",
                    .scope = scope::drawn_adapter},
              &C::lora_rslora);
        visit(Field{.name = "adapter",
                    .meaning =
                        "folder with an adapter in peft's format to go on training, with its "
                        "rank, alpha and targets; empty = none",
                    .scope = scope::needs_train,
                    .text = TextKind::path},
              &C::adapter);
        visit(Field{.name = "save_merged",
                    .meaning = "save the model with its adapters added to its weights, instead of "
                               "the adapters",
                    .scope = scope::adapted},
              &C::save_merged);
    }
};

} // namespace sweetspot

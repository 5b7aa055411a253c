#pragma once
#include "engine/config/scopes.h"
#include "engine/config/variants.h"
#include <cstdint>

namespace sweetspot {

/// Which model runs where, and what is done with it.
struct ModelChoice {
    std::string model = "esm2-8m";
    std::string weights = "auto";
    std::int64_t seed = 1;
    Task task = Task::forward;
    DeviceKind device = DeviceKind::cpu;
    PlanFor plan_for = PlanFor::cpu;
    MemoryModel memory_model = MemoryModel::ledger;
    int gpu = 0;
    int threads = 0;
    double memory_limit_bytes = 0;
    bool allow_oversubscription = false;
    double dropout = 0;
    AsPublished as_published = AsPublished::none;

    bool operator==(const ModelChoice&) const = default;
    /// Whether it computes on a GPU, or predicts one.
    bool on_gpu() const {
        return device == DeviceKind::cuda ||
               (device == DeviceKind::plan && plan_for == PlanFor::cuda);
    }

    static constexpr std::string_view group = "model";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = ModelChoice;
        visit(
            Field{.name = "model",
                  .meaning =
                      "a name from `sweetspot list models`, or what describes one: a JSON file, a "
                      "folder with config.json, a .gguf",
                  .text = TextKind::path,
                  .also = "-m",
                  .front_line = 1,
                  .headline = Headline::value},
            &C::model);
        visit(
            Field{.name = "weights",
                  .meaning =
                      "auto (the model's own, if its files lie there), random, or a file or folder",
                  .text = TextKind::path,
                  .headline = Headline::named},
            &C::weights);
        visit(Field{.name = "seed",
                    .meaning = "decides random weights, data, masks and draws",
                    .range = at_least(0),
                    .scope = scope::drawn},
              &C::seed);
        visit(Field{.name = "task",
                    .meaning = "what is done with the model",
                    .front_line = 2,
                    .headline = Headline::value},
              &C::task);
        visit(Field{.name = "device",
                    .meaning = "where it runs",
                    .front_line = 2,
                    .headline = Headline::value},
              &C::device);
        visit(Field{.name = "plan_for",
                    .meaning = "which device the device plan predicts",
                    .scope = scope::planned,
                    .front_line = 2},
              &C::plan_for);
        visit(Field{.name = "memory_model",
                    .meaning = "whose account of memory a plan gives: ours, that of a study's "
                               "program for ESM-2, or the points of its figures",
                    .scope = scope::planned_forward},
              &C::memory_model);
        visit(Field{.name = "gpu",
                    .meaning = "which GPU of the machine, from 0",
                    .range = between(0, 1023),
                    .scope = scope::cuda},
              &C::gpu);
        visit(Field{.name = "threads",
                    .meaning = "threads of the device cpu, 0 = all it may use",
                    .range = between(0, 4096),
                    .scope = scope::cpu,
                    .also = "-t"},
              &C::threads);
        visit(Field{.name = "memory_limit_bytes",
                    .unit = "bytes",
                    .meaning = "fail as out of memory beyond this, 0 = no limit",
                    .range = at_least(0)},
              &C::memory_limit_bytes);
        visit(
            Field{.name = "allow_oversubscription",
                  .meaning =
                      "let managed weights exceed the GPU's free memory, which can hang a machine",
                  .scope = scope::managed_on_cuda},
            &C::allow_oversubscription);
        visit(Field{.name = "dropout",
                    .meaning = "share of each branch's output that is zeroed, as training",
                    .range = between(0, 0.99)},
              &C::dropout);
        visit(Field{.name = "as_published",
                    .meaning = "what a study computed under a name: so-called fusions of GPT-2 "
                               "layers, pruning by masks, or training on the token that is seen; "
                               "it changes the function"},
              &C::as_published);
    }
};

} // namespace sweetspot

#pragma once
#include "engine/config/scopes.h"
#include "engine/config/variants.h"
#include <cstdint>
#include <string>

namespace sweetspot {

/// How a model is trained.
struct Training {
    Learn learn = Learn::tokens;
    int steps = 100;
    double train_seconds = 0;
    std::int64_t train_tokens = 0;
    int patience = 0;
    OptimizerKind optimizer = OptimizerKind::adamw;
    double learning_rate = 3e-4;
    Schedule schedule = Schedule::constant;
    int warmup_steps = 0;
    double final_rate = 0;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double momentum = 0;
    double weight_decay = 0.01;
    Decay decay = Decay::matrices;
    double clip = 1;
    int accumulation = 1;
    Recompute recompute = Recompute::none;
    bool master_weights = true;
    double loss_scale = 65536;
    int loss_scale_steps = 2000;
    double validation = 0;
    int validation_steps = 50;
    bool offload_optimizer = false;
    bool offload_gradients = false;
    bool offload_activations = false;
    std::string save{};

    bool offloads() const { return offload_optimizer || offload_gradients || offload_activations; }
    bool operator==(const Training&) const = default;

    static constexpr std::string_view group = "training";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = Training;
        visit(Field{.name = "learn",
                    .meaning = "to predict tokens, or the target of a table's rows: its classes "
                               "or numbers, on the rows of train",
                    .scope = scope::train,
                    .headline = Headline::named},
              &C::learn);
        visit(Field{.name = "steps",
                    .unit = "steps",
                    .meaning = "steps of the optimizer",
                    .range = between(1, 1e9),
                    .scope = scope::train,
                    .also = "--max-iters",
                    .headline = Headline::named},
              &C::steps);
        visit(Field{.name = "train_seconds",
                    .unit = "s",
                    .meaning = "end earlier, after this long; 0 = never",
                    .range = at_least(0),
                    .scope = scope::train},
              &C::train_seconds);
        visit(Field{.name = "train_tokens",
                    .unit = "tokens",
                    .meaning = "end earlier, after so many nominal tokens; 0 = never",
                    .range = between(0, 1e15),
                    .scope = scope::train},
              &C::train_tokens);
        visit(Field{.name = "patience",
                    .meaning =
                        "end earlier, after so many validations in a row that were no better "
                        "than the best before; 0 = never",
                    .range = between(0, 1e6),
                    .scope = scope::validated},
              &C::patience);
        visit(Field{.name = "optimizer",
                    .meaning = "adamw, or gradient steps",
                    .scope = scope::train},
              &C::optimizer);
        visit(Field{.name = "learning_rate",
                    .meaning = "size of a step, after the warm-up",
                    .range = above(0),
                    .scope = scope::train,
                    .also = "--lr",
                    .headline = Headline::named},
              &C::learning_rate);
        visit(Field{.name = "schedule",
                    .meaning = "what the learning rate does after the warm-up",
                    .scope = scope::train},
              &C::schedule);
        visit(Field{.name = "warmup_steps",
                    .unit = "steps",
                    .meaning = "steps in which the learning rate grows from 0",
                    .range = between(0, 1e9),
                    .scope = scope::train,
                    .also = "--warmup-iters"},
              &C::warmup_steps);
        visit(Field{.name = "final_rate",
                    .meaning = "share of the learning rate that is left at the last step",
                    .range = between(0, 1),
                    .scope = scope::scheduled},
              &C::final_rate);
        visit(Field{.name = "beta1",
                    .meaning = "how much of the gradients' mean stays from step to step",
                    .range = between(0, 0.999999),
                    .scope = scope::adamw},
              &C::beta1);
        visit(Field{.name = "beta2",
                    .meaning = "how much of their squares' mean stays",
                    .range = between(0, 0.999999),
                    .scope = scope::adamw},
              &C::beta2);
        visit(Field{.name = "epsilon",
                    .meaning = "added to the root of the squares' mean",
                    .range = above(0),
                    .scope = scope::adamw},
              &C::epsilon);
        visit(Field{.name = "momentum",
                    .meaning = "how much of the last step is made again",
                    .range = between(0, 0.999999),
                    .scope = scope::sgd},
              &C::momentum);
        visit(Field{.name = "weight_decay",
                    .meaning = "share of a weight, times the learning rate, that a step takes away",
                    .range = at_least(0),
                    .scope = scope::train},
              &C::weight_decay);
        visit(Field{.name = "decay", .meaning = "which weights decay", .scope = scope::train},
              &C::decay);
        visit(Field{.name = "clip",
                    .meaning = "largest norm of all gradients together, 0 = any",
                    .range = at_least(0),
                    .scope = scope::train,
                    .also = "--grad-clip"},
              &C::clip);
        visit(Field{.name = "accumulation",
                    .unit = "batches",
                    .meaning = "batches whose gradients make one step, each token with one weight",
                    .range = between(1, 1e6),
                    .scope = scope::train,
                    .also = "--gradient-accumulation-steps"},
              &C::accumulation);
        visit(Field{.name = "recompute",
                    .meaning = "what the backward pass computes again instead of keeping it",
                    .scope = scope::train},
              &C::recompute);
        visit(Field{.name = "master_weights",
                    .meaning = "keep weights in f32, too, where they compute in 16 bits; without, "
                               "each step is rounded to these at random",
                    .scope = scope::rounded_training},
              &C::master_weights);
        visit(Field{.name = "loss_scale",
                    .meaning = "what losses are multiplied by at first, so that gradients in f16 "
                               "do not vanish; halved where they overflow, and that step skipped",
                    .range = between(1, 1e9),
                    .scope = scope::half_training},
              &C::loss_scale);
        visit(Field{.name = "loss_scale_steps",
                    .unit = "steps",
                    .meaning = "steps without an overflow after which the loss scale is doubled",
                    .range = between(1, 1e9),
                    .scope = scope::half_training},
              &C::loss_scale_steps);
        visit(Field{.name = "validation",
                    .meaning = "share of the sequences that is held out and only scored",
                    .range = between(0, 0.9),
                    .scope = scope::learns_tokens},
              &C::validation);
        visit(Field{.name = "validation_steps",
                    .unit = "steps",
                    .meaning = "steps from one validation to the next",
                    .range = between(1, 1e9),
                    .scope = scope::validated},
              &C::validation_steps);
        visit(Field{.name = "offload_optimizer",
                    .meaning = "keep the optimizer's state and master weights in pinned host "
                               "memory; steps are made of pieces that pass through the GPU",
                    .scope = scope::offloading},
              &C::offload_optimizer);
        visit(
            Field{.name = "offload_gradients",
                  .meaning = "keep gradients of blocks in pinned host memory, but for two blocks'",
                  .scope = scope::offloading},
            &C::offload_gradients);
        visit(Field{.name = "offload_activations",
                    .meaning = "keep what the backward pass reads in pinned host memory; weights "
                               "go there by weight_memory streamed",
                    .scope = scope::offloading},
              &C::offload_activations);
        visit(Field{.name = "save",
                    .meaning = "folder that gets the trained weights, for --weights; empty = none",
                    .scope = scope::train,
                    .text = TextKind::path},
              &C::save);
    }
};

} // namespace sweetspot

#pragma once
#include "engine/config/scopes.h"
#include "engine/config/variants.h"
#include "kernels/core/weight_format.h"

namespace sweetspot {

/// What makes a run faster or smaller.
struct Optimizations {
    AttentionVariant attention = AttentionVariant::flash;
    Layout layout = Layout::padded;
    Precision precision = Precision::f32;
    WeightFormat weight_format = WeightFormat::dense;
    ActivationFormat activation_format = ActivationFormat::precision;
    CacheFormat kv_cache_format = CacheFormat::precision;
    Fusion fusion = Fusion::epilogues;
    LaunchMode launch = LaunchMode::eager;
    WeightMemory weight_memory = WeightMemory::device;
    double weight_budget_bytes = 0;
    Prefetch prefetch = Prefetch::none;
    int prefetch_depth = 2;
    int prefetch_streams = 2;
    MemoryAdvice memory_advice = MemoryAdvice::none;

    bool operator==(const Optimizations&) const = default;

    static constexpr std::string_view group = "optimizations";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = Optimizations;
        visit(Field{.name = "attention",
                    .meaning = "how scores are computed and kept",
                    .scope = scope::whole_sequences,
                    .headline = Headline::value},
              &C::attention);
        visit(Field{.name = "layout",
                    .meaning = "what happens to unequal lengths",
                    .headline = Headline::value},
              &C::layout);
        visit(Field{.name = "precision",
                    .meaning = "type of weights and activations",
                    .headline = Headline::value},
              &C::precision);
        visit(Field{.name = "weight_format",
                    .meaning =
                        "how the weights of linear layers are stored: one by one, or rounded "
                        "in blocks",
                    .scope = scope::in_blocks,
                    .headline = Headline::named},
              &C::weight_format);
        visit(Field{.name = "activation_format",
                    .meaning = "what products with weights in blocks read: activations as they "
                               "are, or rounded to 8 bits, which changes the arithmetic",
                    .scope = scope::rounded_activations,
                    .headline = Headline::named},
              &C::activation_format);
        visit(Field{.name = "kv_cache_format",
                    .meaning = "what keys and values are kept in; perplexity is then that of "
                               "tokens that are decoded one by one",
                    .scope = scope::cached,
                    .headline = Headline::named},
              &C::kv_cache_format);
        visit(Field{.name = "fusion",
                    .meaning = "which neighbouring ops become one kernel",
                    .headline = Headline::named},
              &C::fusion);
        visit(Field{.name = "launch",
                    .meaning = "ops one by one, or phases as recorded graphs",
                    .scope = scope::needs_gpu},
              &C::launch);
        visit(Field{.name = "weight_memory",
                    .meaning = "where a GPU's weights lie",
                    .scope = scope::needs_gpu},
              &C::weight_memory);
        visit(Field{.name = "weight_budget_bytes",
                    .unit = "bytes",
                    .meaning = "GPU memory for streamed weights",
                    .range = at_least(0),
                    .scope = scope::streamed},
              &C::weight_budget_bytes);
        visit(Field{.name = "prefetch",
                    .meaning = "when managed weights are asked for",
                    .scope = scope::needs_managed},
              &C::prefetch);
        visit(Field{.name = "prefetch_depth",
                    .unit = "records",
                    .meaning = "how far ahead weights are asked for",
                    .range = between(1, 1e4),
                    .scope = scope::fetched_ahead},
              &C::prefetch_depth);
        visit(Field{.name = "prefetch_streams",
                    .meaning = "streams that move weights, 0 = the one that computes",
                    .range = between(0, 64),
                    .scope = scope::fetched},
              &C::prefetch_streams);
        visit(Field{.name = "memory_advice",
                    .meaning = "what the driver is told of managed weights",
                    .scope = scope::needs_managed},
              &C::memory_advice);
    }
};

} // namespace sweetspot

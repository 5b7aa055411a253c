#pragma once
#include "engine/config/run_config.h"
#include "engine/weights/source.h"
#include "kernels/ops/weight.h"
#include <optional>

namespace sweetspot {

/// y = x · weightᵀ + bias.
struct LinearWeights {
    Tensor weight{}; ///< packed for products, of the run's precision
    Tensor bias{};   ///< [n] f32, or absent
    std::int64_t n = 0, k = 0;

    Weight packed() const { return {.data = weight, .n = n, .k = k}; }
};

struct NormWeights {
    Tensor gain{}; ///< [width] f32
    Tensor bias{}; ///< [width] f32, or absent
};

/// A part that a study left out is absent (RunConfig::as_published).
struct BlockWeights {
    NormWeights attention_norm{}, mlp_norm{};
    LinearWeights query_key_value{}, attention_output{}, up{}, down{};
};

/// All that a model has learned. A table that is used for input and output is kept twice: once in
/// rows to look up, once packed for products.
struct Weights {
    Tensor tokens{};    ///< [vocabulary, width], of the run's precision
    Tensor positions{}; ///< [positions, width] likewise, or absent
    std::vector<BlockWeights> blocks{};
    NormWeights final_norm{};
    LinearWeights head_dense{}; ///< of a masked head, as head_norm
    NormWeights head_norm{};
    LinearWeights head{};
};

/// Takes every parameter of the model that the run uses from the source, to where the run wants its
/// weights. Each is counted under Purpose::weights; what the source holds for a moment, under
/// workspace.
Weights load_weights(const ModelConfig&, const RunConfig&, WeightSource&, Context&);
/// How many those are.
std::int64_t parameters_used(const ModelConfig&, const RunConfig&);

constexpr DType dtype_of(Precision precision) {
    switch (precision) {
    case Precision::bf16: return DType::bf16;
    case Precision::f16: return DType::f16;
    default: return DType::f32;
    }
}

} // namespace sweetspot

#pragma once
#include "kernels/ops/dropout.h"

namespace sweetspot {

/// layer: (x - mean) / sqrt(variance + epsilon) (Ba et al., 2016); rms: x / sqrt(mean(x²) +
/// epsilon) (Zhang and Sennrich, 2019).
enum class NormKind { layer, rms };
constexpr std::array<std::string_view, 2> names_of(NormKind) {
    return {"layer", "rms"};
}

/// sum = x + dropout(delta), or x where there is no delta; y = (sum - mean) · rstd · weight + bias,
/// row by row. Computed in f32. What the backward pass needs is written where there is room for it.
struct Norm {
    static constexpr auto name = "norm";

    In x;       ///< [rows, width], f32: the residual
    In delta{}; ///< [rows, width], f32, bf16 or f16, or absent: the residual branch, added first
    In weight;  ///< [width], f32
    In bias{};  ///< [width], f32, or absent
    Out sum{};  ///< [rows, width], f32, present with delta; may be x itself
    Out y;      ///< [rows, width], f32, bf16 or f16
    Out mean{}; ///< [rows], f32: of each row; of the layer kind, or absent
    Out rstd{}; ///< [rows], f32: 1 / sqrt(variance + epsilon), or absent
    NormKind kind = NormKind::layer;
    float epsilon = 1e-5f;
    Dropout dropout{}; ///< of delta

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const Norm&, CpuStream&);
void launch(const Norm&, CudaStream&);

} // namespace sweetspot

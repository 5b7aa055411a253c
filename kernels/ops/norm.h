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

/// Root-mean-square norm of each head's channels, in place: x / sqrt(mean(x²) + epsilon) · weight,
/// as Qwen3 does to queries and keys before they are turned. Computed in f32.
struct HeadNorm {
    static constexpr auto name = "head_norm";

    Out x;     ///< [rows, heads · head_size], f32, bf16 or f16, rows may be strided
    In weight; ///< [head_size], f32
    float epsilon = 1e-6f;

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// The gradients of Norm by what it normalised, by its weight and by its bias.
struct NormBackward {
    static constexpr auto name = "norm_backward";

    In x;        ///< [rows, width], f32: Norm's sum, or its x where it had no delta
    In weight;   ///< [width], f32
    In mean{};   ///< [rows], f32, as Norm wrote it; present with the layer kind
    In rstd;     ///< [rows], f32, likewise
    In dy;       ///< [rows, width], f32, bf16 or f16: the loss's gradient by y
    Out dx;      ///< [rows, width], f32
    Out dweight; ///< [width], f32: added to
    Out dbias{}; ///< [width], f32: added to, or absent
    NormKind kind = NormKind::layer;
    bool accumulate = false; ///< add to dx: past the norm the residual has a gradient of its own

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// The gradients of HeadNorm by its x, in place of those by what it made of it, and by its weight.
struct HeadNormBackward {
    static constexpr auto name = "head_norm_backward";

    In x;          ///< [rows, heads · head_size], f32, bf16 or f16, rows may be strided: before
    In weight;     ///< [head_size], f32
    Out dx;        ///< like x, rows may be strided
    Out dweight{}; ///< [head_size], f32: added to, or absent
    float epsilon = 1e-6f;

    /// Rows are added up in so many parts, and these in their order: any number of threads gives
    /// the same numbers.
    static constexpr std::int64_t parts = 256;

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t workspace_bytes(int threads) const;
    std::size_t gpu_workspace_bytes() const { return workspace_bytes(1); }
};

void launch(const Norm&, CpuStream&);
void launch(const Norm&, CudaStream&);
void launch(const HeadNorm&, CpuStream&);
void launch(const HeadNorm&, CudaStream&);
void launch(const NormBackward&, CpuStream&);
void launch(const NormBackward&, CudaStream&);
void launch(const HeadNormBackward&, CpuStream&);
/// Throws Error(unsupported): heads of more than 1024 channels.
void launch(const HeadNormBackward&, CudaStream&);

} // namespace sweetspot

#pragma once
#include "kernels/core/context.h"

namespace sweetspot {

/// losses = -log softmax(logits)[target], in nats, computed in f32 (sums in f64, or on a
/// GPU in f32 by many threads).
struct CrossEntropy {
    static constexpr auto name = "cross_entropy";

    In logits;  ///< [rows, vocabulary], f32
    In targets; ///< [rows], i32; a negative one is ignored and its loss is 0
    Out losses; ///< [rows], f32

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// The same losses, and in one pass the gradient by the logits of `scale` times their sum:
/// (softmax(logits) - 1 at the target) · scale; 0 in rows that are ignored.
struct CrossEntropyGradient {
    static constexpr auto name = "cross_entropy_gradient";

    In logits;   ///< [rows, vocabulary], f32
    In targets;  ///< as CrossEntropy's
    Out losses;  ///< [rows], f32, without scale
    Out dlogits; ///< [rows, vocabulary], f32, bf16 or f16; in f32 it may be logits itself
    float scale = 1;
    In device_scale{}; ///< [1], f32, in a GPU's memory, or absent: read in place of scale, so that
                       ///< a recorded step has another one each time

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// Draws a token a row: the most likely one at temperature 0, else from softmax(logits /
/// temperature) cut to the smallest set of likeliest tokens that holds top_p of the mass (Holtzman
/// et al., 2020).
struct Sample {
    static constexpr auto name = "sample";

    In logits;   ///< [rows, vocabulary], f32
    In uniforms; ///< [rows], f32 in [0, 1): the draws, made by the caller so that a seed decides
                 ///< them
    Out ids;     ///< [rows], i32; the smallest of equals
    float temperature = 0;
    float top_p = 1;

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t workspace_bytes(int threads) const;
    std::size_t gpu_workspace_bytes() const;
};

void launch(const CrossEntropy&, CpuStream&);
void launch(const CrossEntropy&, CudaStream&);
void launch(const CrossEntropyGradient&, CpuStream&);
void launch(const CrossEntropyGradient&, CudaStream&);
void launch(const Sample&, CpuStream&);
void launch(const Sample&, CudaStream&);

} // namespace sweetspot

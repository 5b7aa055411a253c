#pragma once
#include "kernels/core/context.h"

namespace sweetspot {

/// gelu: x·Φ(x) with the error function; gelu_tanh: its tanh form (Hendrycks and Gimpel, 2016);
/// silu: x·σ(x).
enum class Activation { none, gelu, gelu_tanh, silu };
constexpr std::array<std::string_view, 4> names_of(Activation) {
    return {"none", "gelu", "gelu_tanh", "silu"};
}

/// x = activation(x), in place.
struct Activate {
    static constexpr auto name = "activate";

    Out x; ///< [rows, width], f32, bf16 or f16
    Activation activation = Activation::gelu;

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// y = silu(gate) · up (Shazeer, 2020).
struct SwiGlu {
    static constexpr auto name = "swiglu";

    In gate, up; ///< [rows, width], f32, bf16 or f16, rows may be strided: halves of one product
    Out y;       ///< [rows, width], of the same type

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// dx = dy · activation'(x): by what the activation was given.
struct ActivateBackward {
    static constexpr auto name = "activate_backward";

    In x;   ///< [rows, width], f32, bf16 or f16, dense
    In dy;  ///< like x
    Out dx; ///< like x; may be dy itself
    Activation activation = Activation::gelu;

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// The gradients of SwiGlu by gate and up.
struct SwiGluBackward {
    static constexpr auto name = "swiglu_backward";

    In gate, up;    ///< as SwiGlu's
    In dy;          ///< [rows, width], of the same type, dense
    Out dgate, dup; ///< like gate and up, rows may be strided

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const Activate&, CpuStream&);
void launch(const Activate&, CudaStream&);
void launch(const SwiGlu&, CpuStream&);
void launch(const SwiGlu&, CudaStream&);
void launch(const ActivateBackward&, CpuStream&);
void launch(const ActivateBackward&, CudaStream&);
void launch(const SwiGluBackward&, CpuStream&);
void launch(const SwiGluBackward&, CudaStream&);

} // namespace sweetspot

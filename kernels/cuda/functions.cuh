#pragma once
#include "kernels/cuda/launch.cuh"
#include "kernels/ops/activation.h"

/// Activation functions of one float, for every kernel that has one. NaN stays NaN.
namespace sweetspot {

/// x·σ(x), within 2e-6. Where e^-x overflows the quotient is 0.
__device__ inline float silu(float x) {
    return __fdividef(x, 1.0f + __expf(-x));
}

/// x·Φ(x), within 1e-6.
__device__ inline float gelu(float x) {
    return 0.5f * x * (1.0f + erff(0.70710678f * x));
}

/// x·(1 + tanh z)/2 with z = √(2/π)·(x + 0.044715·x³), which is x·σ(2z).
__device__ inline float gelu_tanh(float x) {
    const float twice_z = x * (1.59576912f + 0.0713548163f * x * x);
    return __fdividef(x, 1.0f + __expf(-twice_z));
}

/// A branch that all threads take alike; none at all where `activation` is a constant.
__device__ inline float activated(Activation activation, float x) {
    switch (activation) {
    case Activation::none: return x;
    case Activation::gelu: return gelu(x);
    case Activation::gelu_tanh: return gelu_tanh(x);
    case Activation::silu: return silu(x);
    }
    return x;
}

} // namespace sweetspot

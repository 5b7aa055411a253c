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

// ---- derivatives, within 2e-6

__device__ inline float within_30(float x) { // beyond, the next two are 0 or 1 to the last bit
    return x != x ? x : fminf(30.0f, fmaxf(-30.0f, x));
}
__device__ inline float silu_slope(float x) {
    x = within_30(x);
    const float s = 1.0f / (1.0f + expf(-x));
    return s * (1.0f + x * (1.0f - s));
}

/// Φ(x) + x·φ(x)
__device__ inline float gelu_slope(float x) {
    return 0.5f * (1.0f + erff(0.70710678f * x)) + x * 0.398942280f * expf(-0.5f * x * x);
}

__device__ inline float gelu_tanh_slope(float x) {
    x = within_30(x);
    const float s = 1.0f / (1.0f + expf(-x * (1.59576912f + 0.0713548163f * x * x)));
    return s + x * s * (1.0f - s) * (1.59576912f + 0.2140644489f * x * x);
}

__device__ inline float activation_slope(Activation activation, float x) {
    switch (activation) {
    case Activation::none: return 1.0f;
    case Activation::gelu: return gelu_slope(x);
    case Activation::gelu_tanh: return gelu_tanh_slope(x);
    case Activation::silu: return silu_slope(x);
    }
    return 1.0f;
}

} // namespace sweetspot

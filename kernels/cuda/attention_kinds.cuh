#pragma once
#include "kernels/cuda/attention_tiles.cuh"

/// The kinds of attention on a GPU; q and k are turned already. T is float, __nv_bfloat16 or
/// __half.
namespace sweetspot {

/// Flash attention on the tensor cores. T has 16 bits, heads have an even number of channels, at
/// most this many, and rows lie at multiples of 4 bytes.
template <class T>
void launch_flash(const AttentionView<T>&, cudaStream_t);
constexpr int largest_flash_head = 176;

/// Flash attention by float arithmetic, for every T and heads of at most this many channels.
template <class T>
void launch_flash_float(const AttentionView<T>&, cudaStream_t);
constexpr int largest_float_head = 256;

/// All scores stored in f32, then normalised, then multiplied with the values.
template <class T>
void launch_naive(const AttentionView<T>&, cudaStream_t);

} // namespace sweetspot

#pragma once
#include "kernels/core/context.h"
#include "kernels/core/weight_format.h"
#include "kernels/ops/segments.h"

namespace sweetspot {

/// Keys and values of one layer, kept from token to token: [sequences, kv_heads, capacity,
/// head_size] of f32 or bf16, whatever they are computed in; or in
/// blocks, q8_0 or q4_0, as bytes of a row each. On a GPU also of f16.
struct KeyValueCache {
    Out k, v;
    WeightFormat format = WeightFormat::dense;
};
/// What a cache needs for the heads of one token and sequence.
Shape cache_shape(int sequences, int kv_heads, int capacity, int head_size, WeightFormat);

/// Copies new keys and values into the cache, turning the keys by their positions on the way.
struct AppendKeyValue {
    static constexpr auto name = "append_key_value";

    In k, v;             ///< [rows, kv_heads · head_size], rows may be strided
    In cosine{}, sine{}; ///< as Attention's, or absent
    KeyValueCache cache;
    const Segments* segments = nullptr; ///< not owned: which rows belong to which sequence
    const std::vector<std::int32_t>* starts =
        nullptr;        ///< not owned: [sequences], first position written
    In device_starts{}; ///< the same where a GPU reads them; absent on the CPU

    std::int64_t head_size() const { return k.shape[1] / cache.k.shape[1]; }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// One new query a sequence against its cached keys and values.
struct CachedAttention {
    static constexpr auto name = "cached_attention";

    In q;                ///< [sequences, heads · head_size], rows may be strided
    In cosine{}, sine{}; ///< as Attention's: q is turned by position lengths[s] - 1
    KeyValueCache cache;
    Out y; ///< [sequences, heads · head_size], of q's type
    const std::vector<std::int32_t>* lengths =
        nullptr;         ///< not owned: cached tokens, the new one included
    In device_lengths{}; ///< the same where a GPU reads them; absent on the CPU
    int heads = 1;
    int window = 0; ///< as Attention's
    float scale = 1;

    DType dtype() const { return q.dtype; }
    std::int64_t head_size() const { return q.shape[1] / heads; }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t workspace_bytes(int threads) const;
    /// By the capacity, not the lengths: graphs outlive them.
    std::size_t gpu_workspace_bytes() const;

    /// A GPU cuts a sequence into up to so many pieces, multiples of keys_at_once, which work at
    /// the same time. From shapes alone, as a graph keeps it.
    int splits() const;
    static constexpr int keys_at_once = 64, most_splits = 64;
};

/// Does to q, k and v what a token finds that is decoded: turns q and k by their positions, and
/// rounds k and v as a cache in that type and format would. Attention without tables then gives
/// what decoding token by token would give.
struct RoundKeyValue {
    static constexpr auto name = "round_key_value";

    Out q, k, v;                        ///< as Attention's
    In cosine{}, sine{};                ///< likewise
    const Segments* segments = nullptr; ///< not owned
    int heads = 1, kv_heads = 1;
    DType type = DType::f32; ///< of the cache: f32 or bf16
    WeightFormat format = WeightFormat::dense;

    std::int64_t head_size() const { return q.shape[1] / heads; }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const AppendKeyValue&, CpuStream&);
void launch(const CachedAttention&, CpuStream&);
void launch(const RoundKeyValue&, CpuStream&);
/// These throw Error(unsupported) for heads of more than 256 channels, or an odd number.
void launch(const AppendKeyValue&, CudaStream&);
void launch(const CachedAttention&, CudaStream&);
void launch(const RoundKeyValue&, CudaStream&);

} // namespace sweetspot

#pragma once
#include "kernels/core/context.h"
#include "kernels/ops/segments.h"

namespace sweetspot {

/// Keys and values of one layer, kept from token to token: [sequences, kv_heads, capacity,
/// head_size].
struct KeyValueCache {
    Out k, v;
};

/// Copies new keys and values into the cache, turning the keys by their positions on the way.
struct AppendKeyValue {
    static constexpr auto name = "append_key_value";

    In k, v;                            ///< [rows, kv_heads · head_size], rows may be strided
    In cosine{}, sine{};                ///< as Attention's, or absent
    KeyValueCache cache;                ///< of k's type
    const Segments* segments = nullptr; ///< not owned: which rows belong to which sequence
    const std::vector<std::int32_t>* starts =
        nullptr;        ///< not owned: [sequences], first position written
    In device_starts{}; ///< the same where a GPU reads them; absent on the CPU

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
    float scale = 1;

    DType dtype() const { return q.dtype; }
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

void launch(const AppendKeyValue&, CpuStream&);
void launch(const CachedAttention&, CpuStream&);
/// These throw Error(unsupported): heads of more than 256 channels, or an odd number.
void launch(const AppendKeyValue&, CudaStream&);
void launch(const CachedAttention&, CudaStream&);

} // namespace sweetspot

#pragma once
#include "kernels/core/context.h"
#include <vector>

namespace sweetspot {

/// Shape of the buffer that holds a weight [n, k] packed for products: rows rounded up to the block
/// of output lanes, columns to the block of the inner dimension. The same on every device, so that
/// a plan knows it.
Shape packed_shape(std::int64_t n, std::int64_t k, DType dtype);

/// Lays weights out once, as MatMul wants to read them, and converts their type on the way. On a
/// GPU that is row by row, filled up with zeros; the sources lie in host memory.
struct PackWeight {
    static constexpr auto name = "pack_weight";

    std::vector<In> sources; ///< each [n_i, k], or [k, n_i] if transposed; stacked by output row.
                             ///< f32, bf16 or f16; may lie in a mapped file, unaligned
    Out packed;              ///< packed_shape(sum of n_i, k, dtype), f32, bf16 or f16
    bool transposed = false; ///< sources are [k, n]: GPT-2's Conv1D
    /// For each source, 0 or the head size: then the rows of each head go from interleaved rotary
    /// pairs (2i, 2i+1) to halves (i, i + size/2), so that one rotary kernel serves all models.
    std::vector<int> interleaved_head_sizes{};

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t workspace_bytes(int threads) const;
};

void launch(const PackWeight&, CpuStream&);
void launch(const PackWeight&, CudaStream&);

} // namespace sweetspot

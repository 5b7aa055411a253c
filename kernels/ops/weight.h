#pragma once
#include "kernels/core/context.h"
#include <vector>

namespace sweetspot {

/// Shape of the buffer that holds a weight [n, k] packed for products: rows rounded up to the block
/// of output lanes, columns to the block of the inner dimension. The same on every device, so that
/// a plan knows it.
Shape packed_shape(std::int64_t n, std::int64_t k, DType dtype);

/// How the numbers of a weight are stored.
enum class WeightFormat {
    dense, ///< each by itself, of the products' type, as packed_shape() says
};
/// What those of [n, k] take, without scales and the like.
std::size_t packed_bytes(WeightFormat, std::int64_t n, std::int64_t k, DType dtype);

/// A weight [n, k] as products read it. Does not own its memory. A format that keeps less than the
/// numbers themselves says with them what they mean; a dense one has none of that.
struct Weight {
    In data{}; ///< packed_bytes(format, n, k, dtype()): by PackWeight
    std::int64_t n = 0, k = 0;
    WeightFormat format = WeightFormat::dense;
    In scales{}, zeros{}; ///< of each group: number = scale · (stored - zero)
    In metadata{};        ///< which numbers are stored, if not all are
    int group = 0;        ///< numbers along k that have a scale in common; 0 = none

    DType dtype() const { return data.dtype; } ///< of the products that read it
    void check() const;                        ///< throws Error(bad_shape)
    /// That a product reads: what only fills up is not counted.
    std::size_t bytes() const;
};

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

/// The same for one weight that lies where ops compute, after an optimiser's step.
struct RepackWeight {
    static constexpr auto name = "repack_weight";

    In weight;  ///< [n, k], f32, bf16 or f16, dense
    Out packed; ///< packed_shape(n, k, dtype), f32, bf16 or f16

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const PackWeight&, CpuStream&);
void launch(const PackWeight&, CudaStream&);
void launch(const RepackWeight&, CpuStream&);
void launch(const RepackWeight&, CudaStream&);

} // namespace sweetspot

#pragma once
#include "kernels/core/context.h"
#include "kernels/core/weight_format.h"
#include <vector>

namespace sweetspot {

/// Shape of the buffer that holds a weight [n, k] packed for products: rows rounded up to the block
/// of output lanes, columns to the block of the inner dimension. The same on every device, so that
/// a plan knows it.
Shape packed_shape(std::int64_t n, std::int64_t k, DType dtype);

/// Likewise in any format: in blocks it is [n, bytes of a row], of the type u8, for products of any
/// type; [bytes], where something follows the last row.
Shape packed_shape(WeightFormat, std::int64_t n, std::int64_t k, DType dtype);
constexpr DType packed_type(WeightFormat format, DType dtype) {
    return format == WeightFormat::dense ? dtype : DType::u8;
}
std::size_t packed_bytes(WeightFormat, std::int64_t n, std::int64_t k, DType dtype);

/// A weight [n, k] as products read it. Does not own its memory. Blocks bring their scales; a
/// format that keeps some of the numbers only would say which.
struct Weight {
    In data{}; ///< packed_shape(format, n, k, dtype()): by PackWeight
    std::int64_t n = 0, k = 0;
    WeightFormat format = WeightFormat::dense;
    In metadata{}; ///< which numbers are stored, if not all are

    /// Of the products that read it; u8 if its blocks serve those of f32 and bf16.
    DType dtype() const { return data.dtype; }
    bool dense() const { return format == WeightFormat::dense; }
    void check() const; ///< throws Error(bad_shape)
    /// That a product reads: what only fills up is not counted.
    std::size_t bytes() const;
};

/// Lays weights out once, as MatMul wants to read them, and converts their type or rounds them to
/// blocks on the way. On a GPU that is row by row, filled up with zeros, and dense, or 2:4 as
/// cuSPARSELt has it; the sources lie in host memory.
struct PackWeight {
    static constexpr auto name = "pack_weight";

    std::vector<In> sources; ///< each [n_i, k], or [k, n_i] if transposed; stacked by output row.
                             ///< f32, bf16 or f16; may lie in a mapped file, unaligned. Or u8:
                             ///< [n_i, bytes of a row], blocks of the format, taken as they are
    Out packed;              ///< packed_shape(format, sum of n_i, k, dtype), f32, bf16, f16 or u8
    WeightFormat format = WeightFormat::dense;
    bool transposed = false; ///< sources are [k, n]: GPT-2's Conv1D
    /// For each source, 0 or the head size: then the rows of each head go from interleaved rotary
    /// pairs (2i, 2i+1) to halves (i, i + size/2), so that one rotary kernel serves all models.
    std::vector<int> interleaved_head_sizes{};

    std::int64_t n() const; ///< rows of all sources
    std::int64_t k() const;
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t workspace_bytes(int threads) const;
    std::size_t gpu_workspace_bytes() const; ///< of 2:4: all numbers, before they are compressed
};

/// The same for one weight that lies where ops compute, after an optimiser's step.
struct RepackWeight {
    static constexpr auto name = "repack_weight";

    In weight;  ///< [n, k], f32, bf16 or f16, dense
    Out packed; ///< packed_shape(n, k, dtype), f32, bf16 or f16

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// And back: the rows of a weight in f32, for an optimiser that keeps no other copy.
struct UnpackWeight {
    static constexpr auto name = "unpack_weight";

    In packed;  ///< packed_shape(n, k, f32), f32
    Out weight; ///< [n, k], f32, dense

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const PackWeight&, CpuStream&);
void launch(const PackWeight&, CudaStream&);
void launch(const RepackWeight&, CpuStream&);
void launch(const RepackWeight&, CudaStream&);
void launch(const UnpackWeight&, CpuStream&);
void launch(const UnpackWeight&, CudaStream&);

} // namespace sweetspot

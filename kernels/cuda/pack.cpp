#include "kernels/core/float_types.h"
#include "kernels/cuda/check.h"
#include "kernels/ops/weight_row.h"
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace sweetspot {

namespace {

/// Rows that one thread lays out at once, and columns before it goes to the next row: of transposed
/// sources, the lines of cache that one row touches serve its neighbours too.
constexpr std::int64_t rows_at_once = 64, columns_at_once = 64;
constexpr std::size_t piece_bytes = 64u << 20;
constexpr unsigned most_threads = 16;

void put(float x, float* y) {
    *y = x;
}
void put(float x, BFloat16* y) {
    *y = to_bfloat16(x);
}
void put(float x, Float16* y) {
    const auto half = _Float16(x);
    std::memcpy(&y->bits, &half, sizeof half);
}

template <class From, class To>
void convert(const char* from, std::size_t step_bytes, std::int64_t count, To* to) {
    for (std::int64_t i = 0; i < count; ++i) {
        From x;
        std::memcpy(static_cast<void*>(&x), from + std::size_t(i) * step_bytes, sizeof x);
        if constexpr (std::is_same_v<From, To>)
            to[i] = x;
        else
            put(to_float(x), to + i);
    }
}

/// to[i] = element first + i of the row, for i in [0, count).
template <class To>
void read(const WeightRow& row, std::int64_t first, std::int64_t count, To* to) {
    const char* from = row.first + std::size_t(first) * row.step_bytes;
    switch (row.dtype) {
    case DType::f32: return convert<float>(from, row.step_bytes, count, to);
    case DType::bf16: return convert<BFloat16>(from, row.step_bytes, count, to);
    default: return convert<Float16>(from, row.step_bytes, count, to);
    }
}

/// Rows [first, first + rows_at_once) of what is packed, filled up with zeros.
template <class To>
void lay_out(const PackWeight& op, std::int64_t first, To* to) {
    const std::int64_t padded = op.packed.shape[1];
    const std::int64_t inner = op.sources[0].shape[op.transposed ? 0 : 1];
    WeightRow rows[rows_at_once];
    for (std::int64_t i = 0; i < rows_at_once; ++i) {
        rows[i] = find_weight_row(op, first + i);
        const std::int64_t filled = rows[i].first ? inner : 0;
        std::fill(to + i * padded + filled, to + (i + 1) * padded, To{});
    }
    for (std::int64_t k = 0; k < inner; k += columns_at_once)
        for (std::int64_t i = 0; i < rows_at_once && rows[i].first; ++i)
            read(rows[i], k, std::min(columns_at_once, inner - k), to + i * padded + k);
}

/// Does f(0), f(1), ... f(count - 1), in any order.
template <class F>
void in_parallel(std::int64_t count, const F& f) {
    std::atomic<std::int64_t> next = 0;
    const auto work = [&] {
        for (std::int64_t i = next++; i < count; i = next++) f(i);
    };
    const auto wanted = std::clamp(std::thread::hardware_concurrency(), 1u, most_threads);
    std::vector<std::jthread> helpers;
    for (std::int64_t i = 1; i < std::min<std::int64_t>(wanted, count); ++i)
        helpers.emplace_back(work);
    work();
}

template <class To>
void pack(const PackWeight& op, const CudaStream& stream) {
    const std::int64_t rows = op.packed.shape[0], padded = op.packed.shape[1];
    const auto block_bytes = std::size_t(rows_at_once * padded) * sizeof(To);
    const std::int64_t blocks = rows / rows_at_once;
    const auto blocks_at_once = std::int64_t(std::max<std::size_t>(piece_bytes / block_bytes, 1));
    const std::unique_ptr<std::byte[]> staged(
        new std::byte[std::size_t(std::min(blocks, blocks_at_once)) * block_bytes]);
    const auto piece = reinterpret_cast<To*>(staged.get());
    for (std::int64_t first = 0; first < blocks; first += blocks_at_once) {
        const std::int64_t count = std::min(blocks_at_once, blocks - first);
        in_parallel(count, [&](std::int64_t i) {
            lay_out(op, (first + i) * rows_at_once, piece + i * rows_at_once * padded);
        });
        check_cuda(cudaMemcpyAsync(op.packed.as<To>() + first * rows_at_once * padded, piece,
                                   std::size_t(count) * block_bytes, cudaMemcpyDefault,
                                   stream.handle),
                   "cudaMemcpyAsync");
        stream.synchronize(); // the next piece takes this one's place
    }
}

} // namespace

void launch(const PackWeight& op, CudaStream& stream) {
    switch (op.packed.dtype) {
    case DType::f32: return pack<float>(op, stream);
    case DType::bf16: return pack<BFloat16>(op, stream);
    default: return pack<Float16>(op, stream);
    }
}

} // namespace sweetspot

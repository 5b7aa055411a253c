#include "kernels/core/machine.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/cusparselt.h"
#include "kernels/cuda/host_convert.h"
#include "kernels/ops/weight_row.h"
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace sweetspot {

namespace {

/// Rows that one thread lays out at once, and columns before it goes to the next row: of transposed
/// sources, the lines of cache that one row touches serve its neighbours too.
constexpr std::int64_t rows_at_once = 64, columns_at_once = 64;
constexpr std::size_t piece_bytes = 64u << 20;
constexpr int most_threads = 16;

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
            convert_on_host(rows[i].dtype, rows[i].first + std::size_t(k) * rows[i].step_bytes,
                            rows[i].step_bytes, std::min(columns_at_once, inner - k),
                            to + i * padded + k);
}

/// Does f(0), f(1), ... f(count - 1), in any order.
template <class F>
void in_parallel(std::int64_t count, const F& f) {
    std::atomic<std::int64_t> next = 0;
    const auto work = [&] {
        for (std::int64_t i = next++; i < count; i = next++) f(i);
    };
    const auto wanted = std::min(usable_threads(), most_threads);
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

/// Dense first, from where the library takes it.
void compress(const PackWeight& op, CudaStream& stream) {
    const DType type = op.format == WeightFormat::two_of_four_f16 ? DType::f16 : DType::bf16;
    const std::int64_t n = op.n(), k = op.k();
    PackWeight dense = op;
    dense.format = WeightFormat::dense;
    dense.packed = {stream.workspace, packed_shape(n, k, type), type};
    launch(dense, stream);
    stream.device->libraries().cusparselt().compress(
        {stream.workspace, {n, k}, type, dense.packed.shape[1]}, op.packed, stream);
}

} // namespace

void launch(const PackWeight& op, CudaStream& stream) {
    if (stores_two_of_four(op.format)) return compress(op, stream);
    if (op.format != WeightFormat::dense)
        throw Error(Failure::unsupported, "weights in blocks are for the CPU");
    with_host_type(op.packed.dtype, [&]<class To>(To) { pack<To>(op, stream); });
}

} // namespace sweetspot

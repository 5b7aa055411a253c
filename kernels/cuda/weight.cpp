#include "kernels/core/machine.h"
#include "kernels/cuda/block_product.h"
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

/// Copies rows of so many bytes, `rows` of them, laid out in pieces: fill(first, count, to).
template <class Fill>
void copy_rows(std::int64_t rows, std::size_t bytes, std::byte* to, const CudaStream& stream,
               const Fill& fill) {
    const auto enough = std::int64_t(std::max<std::size_t>(piece_bytes / bytes, 1));
    const std::int64_t at_once = (enough + rows_at_once - 1) / rows_at_once * rows_at_once;
    const std::unique_ptr<std::byte[]> piece(
        new std::byte[std::size_t(std::min(rows, at_once)) * bytes]);
    for (std::int64_t first = 0; first < rows; first += at_once) {
        const std::int64_t count = std::min(at_once, rows - first);
        fill(first, count, piece.get());
        check_cuda(cudaMemcpyAsync(to + std::size_t(first) * bytes, piece.get(),
                                   std::size_t(count) * bytes, cudaMemcpyDefault, stream.handle),
                   "cudaMemcpyAsync");
        stream.synchronize(); // the next piece takes this one's place
    }
}

template <class To>
void pack(const PackWeight& op, const CudaStream& stream) {
    const std::int64_t padded = op.packed.shape[1];
    copy_rows(op.packed.shape[0], std::size_t(padded) * sizeof(To), op.packed.as<std::byte>(),
              stream, [&](std::int64_t first, std::int64_t count, std::byte* to) {
                  in_parallel(count / rows_at_once, [&](std::int64_t i) {
                      const std::int64_t row = i * rows_at_once;
                      lay_out(op, first + row, reinterpret_cast<To*>(to) + row * padded);
                  });
              });
}

/// Rounded on the host, where the codecs are.
void pack_blocks(const PackWeight& op, const CudaStream& stream) {
    const auto bytes = std::size_t(row_bytes(op.format, op.k()));
    copy_rows(op.n(), bytes, op.packed.as<std::byte>(), stream,
              [&](std::int64_t first, std::int64_t count, std::byte* to) {
                  const std::int64_t shares = (count + rows_at_once - 1) / rows_at_once;
                  in_parallel(shares, [&](std::int64_t i) {
                      std::vector<float> numbers(std::size_t(op.k()));
                      const std::int64_t end = std::min(count, (i + 1) * rows_at_once);
                      for (std::int64_t row = i * rows_at_once; row < end; ++row)
                          pack_blocks_of_row(op, op.format, first + row, numbers,
                                             reinterpret_cast<std::uint8_t*>(to) +
                                                 std::size_t(row) * bytes);
                  });
              });
}

/// Likewise, all of it at once: scales are rounded when all are known.
void pack_nested(const PackWeight& op, const CudaStream& stream) {
    const std::int64_t n = op.n(), k = op.k();
    std::vector<float> scales(std::size_t(n * k / block_format(op.format).numbers));
    const std::size_t bytes = op.packed.bytes();
    const std::unique_ptr<std::byte[]> packed(new std::byte[bytes]);
    pack_nested(
        op, scales.data(), reinterpret_cast<std::uint8_t*>(packed.get()), [&](const auto& pack) {
            in_parallel((n + rows_at_once - 1) / rows_at_once, [&](std::int64_t i) {
                std::vector<float> numbers(static_cast<std::size_t>(k));
                std::vector<std::uint8_t> row_of_nf4(std::size_t(row_bytes(WeightFormat::nf4, k)));
                const std::int64_t end = std::min(n, (i + 1) * rows_at_once);
                for (std::int64_t row = i * rows_at_once; row < end; ++row)
                    pack(row, std::span(numbers), row_of_nf4.data());
            });
        });
    check_cuda(
        cudaMemcpyAsync(op.packed.data, packed.get(), bytes, cudaMemcpyDefault, stream.handle),
        "cudaMemcpyAsync");
    stream.synchronize();
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
    if (op.format == WeightFormat::dense)
        return with_host_type(op.packed.dtype, [&]<class To>(To) { pack<To>(op, stream); });
    if (block_format(op.format).nested) return pack_nested(op, stream);
    pack_blocks(op, stream);
}

} // namespace sweetspot

#include "kernels/ops/matmul_backward.h"
#include "kernels/core/memory.h"
#include "kernels/cpu/block_product.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/packing.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/transpose.h"
#include <algorithm>

/// The gradients of a product are products, too: what they multiply is turned around and packed
/// into scratch, which costs a pass over it, and MatMul does the rest as fast as it does the
/// forward pass. So there is one kernel of products to make fast, and no weight is kept twice. Only
/// the gradient of a weight in f32, and that by a head's input, are a library's.
namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// to = block `block` of weightᵀ [k, n], packed, from weight [n, k], packed.
void turn_block(const Weight& weight, std::int64_t block, BFloat16* to) {
    const std::int64_t from_padded = weight.data.shape[1];
    const Shape turned = packed_shape(weight.k, weight.n, weight.dtype());
    for (std::int64_t n = 0; n < turned[1]; n += chunk) {
        alignas(64) Chunk weights = {};
        const std::int64_t from_block = n / block_columns * block_columns;
        const auto* from = weight.data.as<BFloat16>() + from_block * from_padded;
        for (std::int64_t i = 0; i < block_columns; ++i)
            if (const std::int64_t k = block * block_columns + i; k < weight.k)
                read_columns(from, k, n - from_block, weights + i);
        write_chunk(weights, to + n * block_columns);
    }
}
/// The same of numbers as large as a lane, square by square in registers.
void turn_block(const Weight& weight, std::int64_t block, float* to) {
    constexpr std::int64_t side = lanes;
    const std::int64_t from_padded = weight.data.shape[1];
    const Shape turned = packed_shape(weight.k, weight.n, DType::f32);
    for (std::int64_t n = 0; n < turned[1]; n += side)
        for (std::int64_t column = 0; column < block_columns; column += side) {
            const std::int64_t k = block * block_columns + column;
            const float* from = weight.data.as<float>() +
                                n / block_columns * block_columns * from_padded +
                                n % block_columns + k * block_columns;
            float* square = to + n * block_columns + column;
            if (k + side <= weight.k) {
                transpose(from, block_columns, square, block_columns);
                continue;
            }
            for (std::int64_t i = 0; i < side; ++i)
                for (std::int64_t j = 0; j < side; ++j)
                    square[i * block_columns + j] =
                        k + j < weight.k ? from[j * block_columns + i] : 0.0f;
        }
}

/// to [columns, rows] = from [rows, columns], turned around square by square.
template <class T>
void transpose(const T* from, std::int64_t rows, std::int64_t columns, T* to, int threads) {
    constexpr std::int64_t side = 32;
    const std::size_t bytes = 2 * std::size_t(rows * columns) * sizeof(T);
    for_rows((columns + side - 1) / side, bytes, threads, [&](std::int64_t strip) {
        const std::int64_t first = strip * side, end = std::min(first + side, columns);
        for (std::int64_t row = 0; row < rows; row += side)
            for (std::int64_t column = first; column < end; ++column)
                for (std::int64_t r = row; r < std::min(row + side, rows); ++r)
                    to[column * rows + r] = from[r * columns + column];
    });
}

/// dbias of rows [first, first + count).
template <class T>
void add_rows(const WeightGradient& op, std::int64_t first, std::int64_t count, bool accumulate,
              int threads) {
    const std::int64_t n = op.dy.shape[1];
    constexpr std::int64_t strip = 256; // columns
    const std::size_t bytes = std::size_t(count * n) * sizeof(T);
    for_rows((n + strip - 1) / strip, bytes, threads, [&](std::int64_t i) {
        const std::int64_t column = i * strip, columns = std::min(strip, n - column);
        float* sums = op.dbias.as<float>() + column;
        if (!accumulate) std::fill_n(sums, columns, 0.0f);
        for (std::int64_t row = first; row < first + count; ++row) {
            const T* dy = op.dy.as<T>() + row * n + column;
            for_lanes(columns, [&](auto at) { at.store(sums, at.load(sums) + at.load(dy)); });
        }
    });
}

CpuStream behind(const CpuStream& stream, std::size_t bytes) {
    return {.threads = stream.threads, .workspace = static_cast<char*>(stream.workspace) + bytes};
}

} // namespace

/// turned = columns of the weight from `first`, a multiple of 256.
static void turn(const Weight& weight, std::int64_t first, Out turned, int threads) {
    const std::int64_t padded = turned.shape[0];
    if (weight.dense())
        return with_type(turned.dtype, [&]<class T>(T) {
            for_rows(padded / block_columns, turned.bytes(), threads, [&](std::int64_t block) {
                turn_block(weight, first / block_columns + block,
                           turned.as<T>() + block * block_columns * turned.shape[1]);
            });
        });
    const std::int64_t step = turned_columns(weight.format);
    static_assert(256 % turned_columns(WeightFormat::q4_k) == 0);
    for_pieces((padded + step - 1) / step, threads, [&](std::int64_t strip, int) {
        turn_blocks(weight, first / step + strip,
                    rows(turned, strip * step, std::min(step, padded - strip * step)));
    });
}

/// Some columns of dx by a weight in f32, tile by tile. A packed block of 64 of its rows is 64
/// columns of it turned around: side by side, those of tile_inner rows are what a library
/// multiplies as fast as any product, and dy and the weight are read once for a tile.
static void multiply_by_rows(const MatMulBackward& op, const CpuStream& stream) {
    constexpr std::int64_t inner = MatMulBackward::tile_inner;
    const std::int64_t m = op.dy.shape[0], n = op.weight.n, k = op.weight.k;
    const auto tiles_of = [](std::int64_t all, std::int64_t tile) {
        return (all + tile - 1) / tile;
    };
    const std::int64_t row_tiles = tiles_of(m, op.tile_rows);
    for_pieces(
        row_tiles * tiles_of(k, op.tile_columns), stream.threads,
        [&](std::int64_t tile, int thread) {
            const std::int64_t row = tile % row_tiles * op.tile_rows,
                               column = tile / row_tiles * op.tile_columns;
            const std::int64_t rows = std::min(op.tile_rows, m - row),
                               columns = std::min(op.tile_columns, k - column);
            float* some = static_cast<float*>(stream.workspace) + thread * op.tile_columns * inner;
            for (std::int64_t first = 0; first < n; first += inner) {
                const std::int64_t count = std::min(inner, n - first);
                for (std::int64_t block = 0; block < count; block += block_columns) {
                    const float* from = op.weight.data.as<float>() +
                                        (first + block) * op.weight.data.shape[1] +
                                        column * block_columns;
                    for (std::int64_t i = 0; i < columns; ++i)
                        std::copy_n(from + i * block_columns, block_columns,
                                    some + i * inner + block);
                }
                multiply_turned(Turned::b, rows, columns, count,
                                op.dy.as<float>() + row * op.dy.stride() + first, op.dy.stride(),
                                some, inner, op.dx.as<float>() + row * op.dx.stride() + column,
                                op.dx.stride(), op.accumulate || first > 0);
            }
        });
}

void launch(const MatMulBackward& op, CpuStream& stream) {
    if (op.by_rows()) return multiply_by_rows(op, stream);
    const std::int64_t at_once = op.columns_at_once(stream.threads), n = op.weight.n;
    CpuStream rest = behind(stream, op.turned_bytes(stream.threads));
    for (std::int64_t first = 0; first < op.weight.k; first += at_once) {
        const std::int64_t count = std::min(at_once, op.weight.k - first);
        const Out turned{stream.workspace, packed_shape(count, n, op.dy.dtype), op.dy.dtype};
        turn(op.weight, first, turned, stream.threads);
        sweetspot::launch(MatMul{.a = op.dy,
                                 .weight = {.data = turned, .n = count, .k = n},
                                 .c = columns(op.dx, first, count),
                                 .accumulate = op.accumulate},
                          rest);
    }
}

namespace {

/// In f32 oneDNN multiplies both as they lie, faster than we turn, pack and multiply them (with
/// AVX2 on one core of Zen 4: 100 to 106 GFLOP/s, where that gave 74 to 90). Pieces of dw are cut
/// across its longer side: for each, oneDNN packs all of what belongs to the other.
void multiply_as_they_lie(const WeightGradient& op, const CpuStream& stream) {
    constexpr std::int64_t least = 96; // rows or columns of dw in a piece
    const std::int64_t m = op.dy.shape[0], n = op.dy.shape[1], k = op.x.shape[1];
    const std::int64_t length = std::max(n, k);
    const std::int64_t pieces =
        std::clamp<std::int64_t>(length / least, 1, 2 * std::int64_t(stream.threads));
    for_pieces(pieces, stream.threads, [&](std::int64_t i, int) {
        const std::int64_t first = length * i / pieces, count = length * (i + 1) / pieces - first;
        const std::int64_t row = n < k ? 0 : first, column = n < k ? first : 0;
        multiply_turned(Turned::a, n < k ? n : count, n < k ? count : k, m, op.dy.as<float>() + row,
                        n, op.x.as<float>() + column, k, op.dw.as<float>() + row * k + column, k,
                        op.accumulate);
    });
    if (op.dbias.present()) add_rows<float>(op, 0, m, op.accumulate, stream.threads);
}

} // namespace

void launch(const WeightGradient& op, CpuStream& stream) {
    require_cpu_type(op.dy.dtype);
    if (op.dy.dtype == DType::f32) return multiply_as_they_lie(op, stream);
    const std::int64_t m = op.dy.shape[0], n = op.dy.shape[1], k = op.x.shape[1];
    CpuStream rest = behind(stream, op.turned_bytes() + op.packed_x_bytes());
    for (std::int64_t first = 0; first < m; first += op.rows_at_once()) {
        const std::int64_t count = std::min(op.rows_at_once(), m - first);
        const bool accumulate = op.accumulate || first > 0;
        const Out dy{stream.workspace, {n, count}, op.dy.dtype};
        const Out x{static_cast<char*>(stream.workspace) + op.turned_bytes(),
                    packed_shape(k, count, op.x.dtype), op.x.dtype};
        with_type(op.dy.dtype, [&]<class T>(T) {
            transpose(op.dy.as<T>() + first * n, count, n, dy.as<T>(), stream.threads);
            if (op.dbias.present()) add_rows<T>(op, first, count, accumulate, stream.threads);
        });
        sweetspot::launch(
            PackWeight{.sources = {rows(op.x, first, count)}, .packed = x, .transposed = true},
            rest);
        sweetspot::launch(MatMul{.a = dy,
                                 .weight = {.data = x, .n = k, .k = count},
                                 .c = op.dw,
                                 .accumulate = accumulate},
                          rest);
    }
}

} // namespace sweetspot::SWEETSPOT_TARGET

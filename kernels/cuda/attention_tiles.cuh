#pragma once
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/mma.cuh"
#include "kernels/ops/attention.h"

/// What the kernels of attention share: their arguments, tiles in shared memory, softmax steps.
namespace sweetspot {

constexpr float log2_e = 1.44269504f; ///< softmax is computed with powers of two
constexpr float ln_2 = 0.69314718f;

/// Attention as a kernel sees it.
template <class T>
struct AttentionView {
    const T *q, *k, *v; ///< rows of all sequences
    T* y;
    float* log_sum_exp;          ///< [heads, rows], or null
    float* scores;               ///< naive: those of each sequence [heads, its rows, its rows]
    const std::int32_t* offsets; ///< [sequences + 1]
    const std::int32_t* lengths; ///< [sequences]
    std::int64_t q_stride, k_stride, v_stride, y_stride; ///< elements from row to row
    std::int64_t rows;
    int sequences, longest, heads, group; ///< `group` query heads share a key head
    int head_size;
    float scale; ///< with log2(e)
    bool causal;
    bool wide; ///< rows can be read and written 16 bytes at a time; else, if even, 4
};

template <class T>
AttentionView<T> view_of(const Attention& op) {
    const auto aligned = [&](const In& t) {
        constexpr std::int64_t count = 16 / sizeof(T);
        return reinterpret_cast<std::uintptr_t>(t.data) % 16 == 0 && t.stride() % count == 0 &&
               op.head_size() % count == 0;
    };
    return {.q = op.q.as<T>(),
            .k = op.k.as<T>(),
            .v = op.v.as<T>(),
            .y = op.y.as<T>(),
            .log_sum_exp = op.log_sum_exp.as<float>(),
            .scores = op.scores.as<float>(),
            .offsets = op.segments->device_offsets.as<std::int32_t>(),
            .lengths = op.segments->device_lengths.as<std::int32_t>(),
            .q_stride = op.q.stride(),
            .k_stride = op.k.stride(),
            .v_stride = op.v.stride(),
            .y_stride = op.y.stride(),
            .rows = op.q.shape[0],
            .sequences = op.segments->count(),
            .longest = op.segments->longest(),
            .heads = op.heads,
            .group = op.heads / op.kv_heads,
            .head_size = int(op.head_size()),
            .scale = op.scale * log2_e,
            .causal = op.causal,
            .wide = aligned(op.q) && aligned(op.k) && aligned(op.v) && aligned(op.y)};
}

/// A block's part of the work: some queries of one head of one sequence.
struct QueryTile {
    int head;
    int first_query;  ///< of the sequence
    int queries;      ///< left from first_query on: rows, padding included; not positive if none
    int keys;         ///< real ones of the sequence
    std::int64_t row; ///< the sequence's first
};

/// Blocks for `tile` queries each, enough for sequences as long as the longest.
template <class T>
unsigned query_blocks(const AttentionView<T>& a, int tile) {
    const std::int64_t tiles = blocks_for(a.longest, tile);
    const std::int64_t blocks = tiles * a.heads * a.sequences;
    require(blocks <= 0x7fffffff, Failure::unsupported, "attention fits into one launch");
    return unsigned(blocks);
}

/// The part of this block. Heads that share keys come one after the other, and a causal sequence's
/// last queries, which have the most keys, come first.
template <class T>
__device__ inline QueryTile query_tile(const AttentionView<T>& a, int tile) {
    const unsigned tiles = unsigned(a.longest + tile - 1) / unsigned(tile);
    const unsigned head = blockIdx.x % unsigned(a.heads), rest = blockIdx.x / unsigned(a.heads);
    const unsigned sequence = rest / tiles, place = rest % tiles;
    const int first = int(a.causal ? tiles - 1 - place : place) * tile;
    const int row = a.offsets[sequence];
    return {int(head), first, a.offsets[sequence + 1] - row - first, a.lengths[sequence], row};
}

/// Elements between rows of a tile in shared memory: an odd multiple of 16 bytes, so that the eight
/// rows of an ldmatrix lie in different banks. Widths are multiples of 16 elements.
template <int width>
constexpr int tile_stride = width + 8;

/// The smallest power of two that is not less.
constexpr int round_up_to_power(int n) {
    int power = 1;
    while (power < n) power *= 2;
    return power;
}

/// Starts copying rows of one head, `stride` apart, to `count` rows of a tile, by all `threads`.
/// Rows from `valid` on, and columns from `size` on, become zero.
template <int width, int count, int threads, class T>
__device__ inline void copy_tile_async(T* tile, const T* rows, std::int64_t stride, int valid,
                                       int size, bool wide) {
    static_assert(sizeof(T) == 2 && width % 16 == 0);
    const int thread = int(threadIdx.x);
    if (wide) {
        constexpr int lanes = round_up_to_power(width / 8);
        const int column = thread % lanes * 8;
        if (column >= width) return;
#pragma unroll
        for (int row = thread / lanes; row < count; row += threads / lanes) {
            const bool real = row < valid && column < size;
            copy_async<16>(tile + row * tile_stride<width> + column,
                           real ? rows + row * stride + column : rows, real ? 16 : 0);
        }
    } else {
        for (int row = thread / 32; row < count; row += threads / 32)
#pragma unroll
            for (int column = thread % 32 * 2; column < width; column += 64) {
                const bool real = row < valid && column < size;
                copy_async<4>(tile + row * tile_stride<width> + column,
                              real ? rows + row * stride + column : rows, real ? 4 : 0);
            }
    }
}

/// Writes the first `valid` of `count` rows of a tile to rows of one head, by one warp.
template <int width, int count, class T>
__device__ inline void store_tile(T* rows, std::int64_t stride, const T* tile, int valid, int size,
                                  bool wide) {
    const int lane = int(threadIdx.x) % 32;
    const auto store = [&]<int elements>(std::integral_constant<int, elements>) {
        using Part = Pack<T, elements>;
        constexpr int parts = round_up_to_power(width / elements), lanes = parts < 32 ? parts : 32;
        for (int row = lane / lanes; row < min(count, valid); row += 32 / lanes)
            for (int column = lane % lanes * elements; column < size; column += lanes * elements)
                *reinterpret_cast<Part*>(rows + row * stride + column) =
                    *reinterpret_cast<const Part*>(tile + row * tile_stride<width> + column);
    };
    wide ? store(std::integral_constant<int, 8>{}) : store(std::integral_constant<int, 2>{});
}

/// Fragment a of mma_m16n8k16: 16 rows of a tile from `row` on, 16 columns from `column` on.
template <int width, class T>
__device__ inline void load_a(std::uint32_t (&a)[4], const T* tile, int row, int column) {
    const int lane = int(threadIdx.x) % 32;
    ldmatrix_x4(a, tile + (row + lane % 16) * tile_stride<width> + column + lane / 16 * 8);
}

/// Fragments b of two products, (b[0], b[1]) and (b[2], b[3]): 16 rows of a tile as columns of b,
/// its columns along the sum. For q kᵀ.
template <int width, class T>
__device__ inline void load_b_of_rows(std::uint32_t (&b)[4], const T* tile, int row, int column) {
    const int lane = int(threadIdx.x) % 32;
    ldmatrix_x4(b, tile + (row + lane / 16 * 8 + lane % 8) * tile_stride<width> + column +
                       lane / 8 % 2 * 8);
}

/// The same with 16 rows of a tile along the sum, and its columns as columns of b. For weights · v.
template <int width, class T>
__device__ inline void load_b_of_columns(std::uint32_t (&b)[4], const T* tile, int row,
                                         int column) {
    const int lane = int(threadIdx.x) % 32;
    ldmatrix_x4_transposed(b,
                           tile + (row + lane % 16) * tile_stride<width> + column + lane / 16 * 8);
}

/// An accumulator's row (half 0 or 1) and column of a lane's element i: those of mma_m16n8k16.
__device__ inline int row_of_lane(int half) {
    return int(threadIdx.x) % 32 / 4 + half * 8;
}
__device__ inline int column_of_lane(int element) {
    return int(threadIdx.x) % 4 * 2 + element % 2;
}

/// Over the four lanes that share an accumulator's row.
__device__ inline float row_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffff, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffff, x, 2));
}
__device__ inline float row_sum(float x) {
    x += __shfl_xor_sync(0xffffffff, x, 1);
    return x + __shfl_xor_sync(0xffffffff, x, 2);
}

} // namespace sweetspot

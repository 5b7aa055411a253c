#pragma once
#include "kernels/cuda/attention_tiles.cuh"
#include "kernels/ops/attention_backward.h"

/// What the kernels of flash attention's gradients share. There are two of a kind: one has some
/// keys and visits the queries that attend to them, which gives dk and dv; the other has some
/// queries and visits their keys, which gives dq. Scores are computed in both, two of seven
/// products, but nothing is added up by atomics: the same numbers come out each time.
namespace sweetspot {

/// RowsOf of a matrix.
template <class T>
struct RowsOf {
    T* data;
    std::int64_t stride; ///< elements from row to row
};

/// log_sum_exp for powers of two, and the sum of dy · y over the channels of a head: all that
/// softmax's gradient needs of a query besides its scores.
struct alignas(8) QuerySums {
    float log_sum_exp, product;
};

/// AttentionBackward as a kernel sees it.
template <class T>
struct BackwardView {
    RowsOf<const T> q, k, v, dy;
    RowsOf<T> dq, dk, dv;
    const QuerySums* sums; ///< [heads, rows]
    const std::int32_t *offsets, *lengths;
    std::int64_t rows;
    int sequences, longest, heads, group; ///< `group` query heads share a key head
    int head_size;
    float scale;
    bool causal;
    bool wide; ///< rows can be read and written 16 bytes at a time; else, if even, 4
};

/// Whose gradients a kernel computes.
enum class Mine { keys, queries };

/// A kernel's own rows and those that it visits: scores are `mine` times `others`, transposed, and
/// their gradients, before softmax's, are `mine_too` times `others_too`. For keys and values, the
/// visited are queries and dy; and the reverse.
template <Mine which, class T>
struct Roles {
    RowsOf<const T> mine, mine_too, others, others_too;

    __device__ explicit Roles(const BackwardView<T>& a)
        : mine(which == Mine::keys ? a.k : a.q), mine_too(which == Mine::keys ? a.v : a.dy),
          others(which == Mine::keys ? a.q : a.k), others_too(which == Mine::keys ? a.dy : a.v) {}
};

/// A block's part of the work: some rows of one head of one sequence, and the tiles of `others`
/// rows that it visits, of one head after the other.
struct BackwardTile {
    int head;                                ///< the own one
    int first;                               ///< own row, of the sequence
    int count, padded;                       ///< real rows of the sequence, and all
    int row;                                 ///< the sequence's first
    int first_other_head, first_tile, tiles; ///< visited; tiles of each head
    int steps;                               ///< tiles of all heads, none for padding

    __device__ int other_head(int step) const { return first_other_head + step / tiles; }
    __device__ int first_other(int step, int others) const {
        return (first_tile + step % tiles) * others;
    }
};

template <class T>
int own_heads(const BackwardView<T>& a, Mine which) {
    return which == Mine::keys ? a.heads / a.group : a.heads;
}

/// Blocks for `own` rows each, enough for sequences as long as the longest.
template <class T>
unsigned backward_blocks(const BackwardView<T>& a, Mine which, int own) {
    const std::int64_t tiles = blocks_for(a.longest, own);
    const std::int64_t blocks = tiles * own_heads(a, which) * a.sequences;
    require(blocks <= 0x7fffffff, Failure::unsupported, "attention fits into one launch");
    return unsigned(blocks);
}

/// The part of this block. Of a causal sequence the rows with most others come first.
template <Mine which, class T>
__device__ inline BackwardTile backward_tile(const BackwardView<T>& a, int own, int others) {
    constexpr bool of_keys = which == Mine::keys;
    const unsigned tiles = unsigned(a.longest + own - 1) / unsigned(own);
    const unsigned heads = unsigned(of_keys ? a.heads / a.group : a.heads);
    const unsigned rest = blockIdx.x / heads, sequence = rest / tiles, place = rest % tiles;
    BackwardTile t{};
    t.head = int(blockIdx.x % heads);
    t.first = int(a.causal && !of_keys ? tiles - 1 - place : place) * own;
    t.row = a.offsets[sequence];
    t.padded = a.offsets[sequence + 1] - t.row;
    t.count = a.lengths[sequence];
    t.first_other_head = of_keys ? t.head * a.group : t.head / a.group;
    t.first_tile = of_keys && a.causal ? t.first / others : 0;
    const int end = !of_keys && a.causal ? min(t.count, t.first + own) : t.count;
    t.tiles = (end + others - 1) / others - t.first_tile;
    t.steps = t.first < t.count ? t.tiles * (of_keys ? a.group : 1) : 0;
    return t;
}

/// On the tensor cores. T has 16 bits, heads have an even number of channels, at most
/// largest_backward_head, and rows lie at multiples of 4 bytes.
template <class T>
void launch_backward(const BackwardView<T>&, cudaStream_t);

constexpr int largest_backward_head = 176;

/// Of naive attention, whose view has the weights for scores. d_weights: room for as many.
template <class T>
void launch_naive_backward(const AttentionView<T>& weights, const BackwardView<T>&,
                           float* d_weights, cudaStream_t);

} // namespace sweetspot

#include "kernels/cuda/attention_sm90.h"
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/device.h"
#include "kernels/cuda/hopper.cuh"
#include "kernels/cuda/launch.cuh"
#include <numbers>

namespace sweetspot {

namespace {

// A block stays on its multiprocessor and takes one tile of queries after the other. One thread
// copies tiles to shared memory, ahead of the warpgroups that multiply, each of which has 64 rows
// of the queries. A warpgroup starts the scores of one tile of keys, then the product of the
// previous tile's weights with its values, and computes the softmax of the former while the tensor
// cores are busy with the latter; and warpgroups take turns in starting products, so that while one
// computes a softmax the products of another run (Shah et al., FlashAttention-3, 2024, section 3).

constexpr int stages = 2;
constexpr int line = 64;           // elements of a line of the 128-byte swizzle
constexpr int warpgroup_rows = 64; // of a wgmma
constexpr int heads_at_a_time = 8; // whose keys and values shall stay in the L2 cache together
constexpr unsigned line_bytes = 128, atom_bytes = 1024;

template <class T, int head_size_, int keys_, int warpgroups_>
struct Tiling {
    using Element = T;
    static constexpr int head_size = head_size_, keys = keys_, warpgroups = warpgroups_;
    static constexpr int rows = warpgroup_rows * warpgroups;
    static constexpr int panels = head_size / line;
    static constexpr int threads = 128 * (1 + warpgroups);
    // The block gets 65536 registers, evenly at first; multiples of 8.
    static constexpr int producer_registers = warpgroups == 2 ? 24 : 32;
    static constexpr int consumer_registers = warpgroups == 2 ? 240 : 160;
};

/// A tile of queries of one head of one sequence.
struct Tile {
    int row;         ///< first row of the sequence
    int first_query; ///< of the sequence
    int queries;     ///< rows of the sequence
    int keys;        ///< real ones of the sequence
    int head;
    int blocks; ///< of keys to attend to; 0 means that there are no more tiles
};

/// Tiles are panels of 64 columns, so that a row is a line of the swizzle.
template <class S>
struct alignas(atom_bytes) Shared {
    using T = typename S::Element;
    T q[S::panels][S::rows][line];
    T k[stages][S::panels][S::keys][line];
    T v[stages][S::panels][S::keys][line];
    Mbarrier q_full, q_empty, k_full[stages], k_empty[stages], v_full[stages], v_empty[stages];
    Tile tile; ///< comes and goes with q
};

struct Arguments {
    CUtensorMap q, k, v; ///< [rows, heads, head_size], boxes of one head and 64 columns
    void* y;
    float* log_sum_exp; ///< [heads, rows] or null
    unsigned* taken;    ///< tiles that were taken after each block's first; null if there are none
    const std::int32_t *offsets, *lengths;
    std::int64_t y_stride, rows;
    int sequences, heads, group, head_size;
    float scale; ///< with log2(e)
    bool causal;
};

/// Which tiles a block gets: the next that no other has taken, whenever it is done with one. Of a
/// causal sequence the tiles with most keys come first, so that blocks end at about the same time;
/// dealt out beforehand, forwards and backwards in turn, the same blocks got the long ones again
/// and again: at 4,096 tokens the last one worked 1.6 times as long as all on average (H200).
template <class S>
class TileSearch {
public:
    __device__ explicit TileSearch(const Arguments& a) : a_(a) {}

    __device__ Tile next() {
        if (!first_ && !a_.taken) return {};
        const std::int64_t wanted =
            first_ ? blockIdx.x : std::int64_t(gridDim.x) + atomicAdd(a_.taken, 1u);
        first_ = false;
        for (; sequence_ < a_.sequences; ++sequence_) {
            const int row = a_.offsets[sequence_], queries = a_.offsets[sequence_ + 1] - row;
            const int tiles = (queries + S::rows - 1) / S::rows;
            if (wanted < before_ + std::int64_t(tiles) * a_.heads)
                return tile_of(int(wanted - before_), tiles, row, queries);
            before_ += std::int64_t(tiles) * a_.heads;
        }
        return {};
    }

private:
    __device__ Tile tile_of(int place, int tiles, int row, int queries) const {
        const int first_head = place / (heads_at_a_time * tiles) * heads_at_a_time;
        const int heads = min(heads_at_a_time, a_.heads - first_head);
        const int rest = place - first_head * tiles, index = rest / heads;
        const int first_query = (a_.causal ? tiles - 1 - index : index) * S::rows;
        const int length = a_.lengths[sequence_];
        int keys = a_.causal ? min(length, first_query + S::rows) : length;
        if (first_query >= length) keys = min(keys, S::keys); // padding: any number will do
        return {.row = row,
                .first_query = first_query,
                .queries = queries,
                .keys = length,
                .head = first_head + rest % heads,
                .blocks = (keys + S::keys - 1) / S::keys};
    }

    const Arguments& a_;
    std::int64_t before_ = 0; // tiles of the sequences before
    int sequence_ = 0;
    bool first_ = true;
};

/// Where in a ring of stages block `count` is, and the parity of the phase that fills it.
struct Stage {
    unsigned index, parity;
    __device__ explicit Stage(unsigned count) : index(count % stages), parity(count / stages % 2) {}
};

template <class S, int rows>
__device__ __forceinline__ void load_tile(typename S::Element (*tile)[rows][line],
                                          const CUtensorMap& map, int head, int row,
                                          Mbarrier* full) {
    mbarrier_arrive_expect(full, unsigned(S::panels * sizeof(*tile)));
#pragma unroll
    for (int panel = 0; panel < S::panels; ++panel)
        tma_load_3d(tile[panel], &map, panel * line, head, row, full);
}

/// One thread. Blocks of keys go from the last to the first, so that those with masks come first.
template <class S>
__device__ __forceinline__ void produce(const Arguments& a, Shared<S>& shared) {
    prefetch_tensor_map(&a.q);
    prefetch_tensor_map(&a.k);
    prefetch_tensor_map(&a.v);
    TileSearch<S> search(a);
    unsigned count = 0; // of key blocks
    for (unsigned turn = 0;; ++turn) {
        const Tile tile = search.next();
        mbarrier_wait(&shared.q_empty, turn % 2 ^ 1);
        shared.tile = tile;
        if (tile.blocks == 0) break;
        load_tile<S>(shared.q, a.q, tile.head, tile.row + tile.first_query, &shared.q_full);
        const auto load_values = [&](unsigned number, int block) {
            const Stage stage(number);
            mbarrier_wait(&shared.v_empty[stage.index], stage.parity ^ 1);
            load_tile<S>(shared.v[stage.index], a.v, tile.head / a.group,
                         tile.row + block * S::keys, &shared.v_full[stage.index]);
        };
        for (int block = tile.blocks - 1; block >= 0; --block, ++count) {
            const Stage stage(count);
            mbarrier_wait(&shared.k_empty[stage.index], stage.parity ^ 1);
            load_tile<S>(shared.k[stage.index], a.k, tile.head / a.group,
                         tile.row + block * S::keys, &shared.k_full[stage.index]);
            if (block < tile.blocks - 1) load_values(count - 1, block + 1);
        }
        load_values(count - 1, 0);
    }
    mbarrier_arrive(&shared.q_full);
}

/// In a register that the compiler knows to be the same in all lanes, as descriptors want it.
__device__ inline int warpgroup_index() {
    return __shfl_sync(0xffffffff, int(threadIdx.x) / 128, 0);
}

/// What one thread of a warpgroup has of 64 queries: of rows `row` and `row` + 8 the columns that
/// wgmma gives it.
template <class S>
class Queries {
public:
    __device__ Queries(const Arguments& a, Shared<S>& shared, const Tile& tile)
        : a_(a), shared_(shared), tile_(tile), warpgroup_(warpgroup_index() - 1),
          row_(tile.first_query + warpgroup_rows * warpgroup_ + int(threadIdx.x) % 128 / 32 * 16 +
               int(threadIdx.x) % 32 / 4) {}

    /// All blocks of keys; `count` were done before in other tiles.
    __device__ __forceinline__ void attend(unsigned& count) {
        const int first_masked =
            (a_.causal ? min(tile_.first_query + 1, tile_.keys) : tile_.keys) / S::keys;
        int block = tile_.blocks - 1;
        start_scores(count);
        wgmma_wait<0>(score_);
        release(&shared_.k_empty[Stage(count).index]);
        mask(block);
        soften<true>();
        pack_weights();
        for (--block; block >= first_masked; --block) attend_next<true>(++count, block);
        for (; block >= 0; --block) attend_next<false>(++count, block);
        release(&shared_.q_empty);
        start_values(count);
        wgmma_wait<0>(out_);
        release(&shared_.v_empty[Stage(count).index]);
        ++count;
    }

    __device__ __forceinline__ void store() {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float total = total_[half];
            total += __shfl_xor_sync(0xffffffff, total, 1);
            total += __shfl_xor_sync(0xffffffff, total, 2);
            const int query = row_ + 8 * half;
            const std::int64_t row = tile_.row + query;
            const bool exists = query < tile_.queries;
            if (a_.log_sum_exp && exists && threadIdx.x % 4 == 0)
                a_.log_sum_exp[tile_.head * a_.rows + row] =
                    maximum_[half] * a_.scale * std::numbers::ln2_v<float> + logf(total);
            store_row(half, row, exists, 1 / total);
        }
    }

private:
    using T = typename S::Element;

    __device__ void release(Mbarrier* empty) {
        if (threadIdx.x % 32 == 0) mbarrier_arrive(empty);
    }

    /// Starts score = q kᵀ with the keys of block number `count`.
    __device__ __forceinline__ void start_scores(unsigned count) {
        const Stage stage(count);
        mbarrier_wait(&shared_.k_full[stage.index], stage.parity);
        wgmma_fence();
#pragma unroll
        for (int panel = 0; panel < S::panels; ++panel) {
            const auto q = wgmma_descriptor(
                shared_address(shared_.q[panel][warpgroup_ * warpgroup_rows]), 16, atom_bytes);
            const auto k =
                wgmma_descriptor(shared_address(shared_.k[stage.index][panel]), 16, atom_bytes);
#pragma unroll
            for (unsigned step = 0; step < line / 16; ++step)
                wgmma<T>(score_, advanced(q, 32 * step), advanced(k, 32 * step),
                         panel > 0 || step > 0);
        }
        wgmma_commit();
    }

    /// Starts out += weights · v with the values of block number `count`.
    __device__ __forceinline__ void start_values(unsigned count) {
        const Stage stage(count);
        mbarrier_wait(&shared_.v_full[stage.index], stage.parity);
        wgmma_fence();
        const auto v = wgmma_descriptor(shared_address(shared_.v[stage.index]),
                                        S::keys * line_bytes, atom_bytes);
#pragma unroll
        for (unsigned step = 0; step < S::keys / 16; ++step)
            wgmma<T>(out_, weights_[step], advanced(v, 16 * line_bytes * step), true);
        wgmma_commit();
    }

    /// Number `count`, where the weights of the number before are still to be multiplied.
    template <bool masked>
    __device__ __forceinline__ void attend_next(unsigned count, int block) {
        named_barrier_sync(1 + warpgroup_, 2 * 128);
        start_scores(count);
        start_values(count - 1);
        named_barrier_arrive(1 + (warpgroup_ + 1) % S::warpgroups, 2 * 128);
        wgmma_wait<1>(score_);
        release(&shared_.k_empty[Stage(count).index]);
        if constexpr (masked) mask(block);
        soften<masked>();
        compute_before(total_[0] + total_[1], &shared_.tile);
        wgmma_wait<0>(out_);
        release(&shared_.v_empty[Stage(count - 1).index]);
#pragma unroll
        for (int i = 0; i < S::head_size / 2; ++i) out_[i] *= shrink_[i / 2 % 2];
        pack_weights();
    }

    __device__ __forceinline__ void mask(int block) {
        const int first = block * S::keys + int(threadIdx.x) % 4 * 2;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int end = a_.causal ? min(tile_.keys, row_ + 8 * half + 1) : tile_.keys;
            const int columns = end - first;
#pragma unroll
            for (int i = 0; i < S::keys / 8; ++i)
#pragma unroll
                for (int j = 0; j < 2; ++j)
                    if (8 * i + j >= columns) score_[4 * i + 2 * half + j] = -INFINITY;
        }
    }

    /// Turns scores into weights, relative to the greatest score until now. Where `masked`, there
    /// may have been none.
    template <bool masked>
    __device__ __forceinline__ void soften() {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float most = maximum_[half];
#pragma unroll
            for (int i = 0; i < S::keys / 8; ++i)
                most = fmaxf(most, fmaxf(score_[4 * i + 2 * half], score_[4 * i + 2 * half + 1]));
            most = fmaxf(most, __shfl_xor_sync(0xffffffff, most, 1));
            most = fmaxf(most, __shfl_xor_sync(0xffffffff, most, 2));
            const float reference = masked && most == -INFINITY ? 0 : most * a_.scale;
            shrink_[half] = fast_exp2(fmaf(maximum_[half], a_.scale, -reference));
            maximum_[half] = most;
            float total = 0;
#pragma unroll
            for (int i = 0; i < S::keys / 8; ++i)
#pragma unroll
                for (int j = 0; j < 2; ++j) {
                    float& score = score_[4 * i + 2 * half + j];
                    score = fast_exp2(fmaf(score, a_.scale, -reference));
                    total += score;
                }
            total_[half] = total_[half] * shrink_[half] + total;
        }
    }

    /// The accumulator's layout is that of an operand: 16 keys after the other.
    __device__ __forceinline__ void pack_weights() {
#pragma unroll
        for (int i = 0; i < S::keys / 4; ++i)
            weights_[i / 4][i % 4] = pack2<T>(score_[2 * i], score_[2 * i + 1]);
    }

    /// Four lanes have a row, each two of 8 neighbours. They exchange, so that each has all 8 of
    /// every fourth: 16 bytes to store at once.
    __device__ __forceinline__ void store_row(int half, std::int64_t row, bool exists,
                                              float factor) {
        const int lane = int(threadIdx.x) % 4;
        T* y = static_cast<T*>(a_.y) + row * a_.y_stride + tile_.head * a_.head_size;
#pragma unroll
        for (int first = 0; first < S::head_size / 8; first += 4) {
            std::uint32_t x[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const int at = 4 * (first + i) + 2 * half;
                x[i] = pack2<T>(out_[at] * factor, out_[at + 1] * factor);
            }
            exchange(x[0], x[1], lane, 1);
            exchange(x[2], x[3], lane, 1);
            exchange(x[0], x[2], lane, 2);
            exchange(x[1], x[3], lane, 2);
            const int column = 8 * (first + lane);
            if (exists && column < a_.head_size)
                *reinterpret_cast<uint4*>(y + column) = {x[0], x[1], x[2], x[3]};
        }
    }

    /// Gives one of two to the lane `bit` away: the upper ones, of the lower lane, for its lower.
    __device__ static void exchange(std::uint32_t& low, std::uint32_t& high, int lane, int bit) {
        const bool upper = lane & bit;
        const std::uint32_t other = __shfl_xor_sync(0xffffffff, upper ? low : high, bit);
        (upper ? low : high) = other;
    }

    const Arguments& a_;
    Shared<S>& shared_;
    const Tile tile_;
    const int warpgroup_;
    const int row_; // of the sequence
    float score_[S::keys / 2];
    float out_[S::head_size / 2]{};
    std::uint32_t weights_[S::keys / 16][4];
    float maximum_[2]{-INFINITY, -INFINITY};
    float total_[2]{}; // of the weights in this thread
    float shrink_[2];
};

template <class S>
__device__ __forceinline__ void consume(const Arguments& a, Shared<S>& shared) {
    const int warpgroup = warpgroup_index() - 1;
    if (warpgroup == S::warpgroups - 1) named_barrier_arrive(1, 2 * 128); // the first one's turn
    unsigned count = 0;
    for (unsigned turn = 0;; ++turn) {
        mbarrier_wait(&shared.q_full, turn % 2);
        const Tile tile = shared.tile;
        __syncwarp(); // all lanes have read it before one of them gives q back
        if (tile.blocks == 0) break;
        Queries<S> queries(a, shared, tile);
        queries.attend(count);
        queries.store();
    }
}

template <class S>
__global__ void __launch_bounds__(S::threads, 1)
    attention_sm90_kernel(const __grid_constant__ Arguments a) {
    auto& shared = *dynamic_shared<Shared<S>>();
    if (threadIdx.x == 0) {
        mbarrier_init(&shared.q_full, 1);
        mbarrier_init(&shared.q_empty, 4 * S::warpgroups);
        for (int i = 0; i < stages; ++i) {
            mbarrier_init(&shared.k_full[i], 1);
            mbarrier_init(&shared.v_full[i], 1);
            mbarrier_init(&shared.k_empty[i], 4 * S::warpgroups);
            mbarrier_init(&shared.v_empty[i], 4 * S::warpgroups);
        }
        mbarrier_init_fence();
    }
    __syncthreads();
    if (threadIdx.x < 128) {
        release_registers<S::producer_registers>();
        if (threadIdx.x == 0) produce<S>(a, shared);
    } else {
        acquire_registers<S::consumer_registers>();
        consume<S>(a, shared);
    }
}

/// cuTensorMapEncodeTiled of the driver, which the program is not linked with.
decltype(&cuTensorMapEncodeTiled) find_encode() {
    void* found = nullptr;
    cudaDriverEntryPointQueryResult status{};
    check_cuda(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000,
                                                cudaEnableDefault, &status),
               "cudaGetDriverEntryPointByVersion");
    require(found && status == cudaDriverEntryPointSuccess, Failure::device,
            "the driver has cuTensorMapEncodeTiled");
    return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(found);
}

/// Boxes of 64 columns of one head in `box_rows` rows. Columns after those of a head are outside,
/// so they become zero.
CUtensorMap tensor_map(const In& t, std::int64_t head_size, int box_rows) {
    static const auto encode = find_encode();
    const std::uint64_t sizes[] = {std::uint64_t(head_size), std::uint64_t(t.shape[1] / head_size),
                                   std::uint64_t(t.shape[0])};
    const std::uint64_t strides[] = {std::uint64_t(head_size) * size_of(t.dtype),
                                     std::uint64_t(t.stride()) * size_of(t.dtype)};
    const std::uint32_t box[] = {line, 1, std::uint32_t(box_rows)}, steps[] = {1, 1, 1};
    CUtensorMap map;
    const CUresult result = encode(
        &map,
        t.dtype == DType::f16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
        3, const_cast<void*>(t.data), sizes, strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
        CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
        CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    require(result == CUDA_SUCCESS, Failure::device, "attention's tiles can be described to TMA");
    return map;
}

template <class S>
void launch_tiles(const Attention& op, CudaStream& stream) {
    // No more than these, however the rows are shared among the sequences.
    const std::int64_t tiles = (op.q.shape[0] / S::rows + op.segments->count()) * op.heads;
    const std::int64_t blocks =
        std::min<std::int64_t>(tiles, stream.device->info().multiprocessors);
    unsigned* taken = nullptr;
    if (tiles > blocks) {
        taken = static_cast<unsigned*>(stream.workspace);
        check_cuda(cudaMemsetAsync(taken, 0, sizeof *taken, stream.handle), "counting tiles");
    }
    const Arguments arguments{
        .q = tensor_map(op.q, op.head_size(), S::rows),
        .k = tensor_map(op.k, op.head_size(), S::keys),
        .v = tensor_map(op.v, op.head_size(), S::keys),
        .y = op.y.data,
        .log_sum_exp = op.log_sum_exp.as<float>(),
        .taken = taken,
        .offsets = op.segments->device_offsets.as<std::int32_t>(),
        .lengths = op.segments->device_lengths.as<std::int32_t>(),
        .y_stride = op.y.stride(),
        .rows = op.q.shape[0],
        .sequences = op.segments->count(),
        .heads = op.heads,
        .group = op.heads / op.kv_heads,
        .head_size = int(op.head_size()),
        .scale = op.scale * std::numbers::log2e_v<float>,
        .causal = op.causal,
    };
    launch_kernel<attention_sm90_kernel<S>>(
        stream.handle, {unsigned(blocks), S::threads, sizeof(Shared<S>)}, arguments);
}

bool applies(const Attention& op, const CudaStream& stream) {
    const auto aligned = [&](const In& t) {
        return reinterpret_cast<std::uintptr_t>(t.data) % 16 == 0 && t.stride() % 8 == 0;
    };
    const std::int64_t head_size = op.head_size();
    return stream.device->capability() / 10 == 9 && op.kind == AttentionKind::flash &&
           size_of(op.q.dtype) == 2 && head_size % 8 == 0 && head_size > 32 && head_size <= 128 &&
           op.scale > 0 && !op.cosine.present() && aligned(op.q) && aligned(op.k) &&
           aligned(op.v) && aligned(op.y);
}

template <class T>
void launch_type(const Attention& op, CudaStream& stream) {
    if (op.head_size() <= 64) return launch_tiles<Tiling<T, 64, 128, 3>>(op, stream);
    if (op.causal) return launch_tiles<Tiling<T, 128, 128, 2>>(op, stream);
    return launch_tiles<Tiling<T, 128, 176, 2>>(op, stream);
}

} // namespace

bool launch_sm90(const Attention& op, CudaStream& stream) {
    if (!applies(op, stream)) return false;
    if (op.q.dtype == DType::f16)
        launch_type<__half>(op, stream);
    else
        launch_type<__nv_bfloat16>(op, stream);
    return true;
}

} // namespace sweetspot

// Weights in blocks: the product of few rows, which is bound by reading the blocks, takes each code
// as it is and scales sums of sixteen; for more rows blocks become dense rows first, for the
// library's products on tensor cores.
#include "kernels/core/nested_scales.h"
#include "kernels/cuda/block_product.h"
#include "kernels/cuda/block_read.cuh"
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/functions.cuh"
#include <algorithm>

namespace sweetspot {

namespace {

/// Of nf4, in shared memory: a constant array has no address on a GPU.
struct CodeTable {
    float numbers[16];
};
CodeTable nf4_table() {
    CodeTable y;
    for (int i = 0; i < 16; ++i) y.numbers[i] = nf4_values[i];
    return y;
}

// ---- few rows

struct FewRowsArguments {
    const void* a;
    std::int64_t a_stride;
    const std::uint8_t* blocks;
    std::int64_t row_bytes;
    const float* bias; ///< or null
    void *before, *c;  ///< before or null
    std::int64_t before_stride, c_stride;
    int m, n, k;
    DType a_type, c_type;
    bool packs; ///< sixteens of a can be read at once
    Activation activation;
    bool accumulate;
    CodeTable table;
};

/// Numbers [k, k + 16) of a row of a.
__device__ inline void load_sixteen(const FewRowsArguments& a, int row, int k, float (&x)[16]) {
    with_device_type(a.a_type, [&]<class T>(T) {
        const T* from = static_cast<const T*>(a.a) + row * a.a_stride + k;
        if (a.packs) {
            const Pack<float, 16> all = load_floats<16>(from);
#pragma unroll
            for (int i = 0; i < 16; ++i) x[i] = all.x[i];
        } else {
#pragma unroll
            for (int i = 0; i < 16; ++i) x[i] = to_float(from[i]);
        }
    });
}

__device__ inline void store(const FewRowsArguments& a, int row, int column, float value) {
    if (row >= a.m || column >= a.n) return;
    if (a.bias) value += a.bias[column];
    with_device_type(a.c_type, [&]<class T>(T) {
        T* c = static_cast<T*>(a.c) + row * a.c_stride + column;
        if (a.accumulate) value += to_float(*c);
        if (a.before)
            static_cast<T*>(a.before)[row * a.before_stride + column] = from_float<T>(value);
        *c = from_float<T>(activated(a.activation, value));
    });
}

constexpr int most_few_threads = 128;
constexpr int weight_rows = 4; ///< of a block: numbers of a are read once for all of them

/// A block has some columns of c and up to `count` of its rows; a thread the thirty-two numbers of
/// every so many pieces of k that share the bytes of their codes.
template <WeightFormat format, int count>
__global__ void __launch_bounds__(most_few_threads) few_rows_kernel(FewRowsArguments a) {
    constexpr int numbers = int(block_format(format).numbers),
                  bytes = int(block_format(format).bytes), pieces = numbers / 32,
                  step = step_to_upper_halves(format);
    SHARED(float[16], table);
    SHARED(float[most_few_threads / 32 * count * weight_rows], sums);
    if constexpr (format == WeightFormat::nf4) {
        if (threadIdx.x < 16) table[threadIdx.x] = a.table.numbers[threadIdx.x];
        __syncthreads();
    }
    const BlockReadOf<format> read{&table[0]};
    const int first_column = int(blockIdx.x) * weight_rows, first_row = int(blockIdx.y) * count;
    const std::uint8_t* rows[weight_rows];
#pragma unroll
    for (int r = 0; r < weight_rows; ++r)
        rows[r] = a.blocks + min(first_column + r, a.n - 1) * a.row_bytes;

    float sum[count][weight_rows] = {};
    for (int piece = int(threadIdx.x); piece < a.k / 32; piece += int(blockDim.x)) {
        const int block = piece / pieces, within = piece % pieces;
        const int lower = within / step * 2 * step + within % step;
#pragma unroll
        for (int upper = 0; upper < 2; ++upper) {
            const int s = lower + upper * step;
            float x[count][16], total[count] = {};
#pragma unroll
            for (int m = 0; m < count; ++m) {
                load_sixteen(a, min(first_row + m, a.m - 1), block * numbers + 16 * s, x[m]);
                if constexpr (has_offset(format))
#pragma unroll
                    for (int i = 0; i < 16; ++i) total[m] += x[m][i];
            }
#pragma unroll
            for (int r = 0; r < weight_rows; ++r) {
                const Sixteen w =
                    sixteen_of<format>(rows[r] + std::int64_t(block) * bytes, s, read);
#pragma unroll
                for (int m = 0; m < count; ++m) {
                    float dot = 0;
#pragma unroll
                    for (int i = 0; i < 16; ++i) dot = fmaf(w.code[i], x[m][i], dot);
                    sum[m][r] = fmaf(w.scale, dot, sum[m][r]);
                    if constexpr (has_offset(format))
                        sum[m][r] = fmaf(w.offset, total[m], sum[m][r]);
                }
            }
        }
    }

    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
#pragma unroll
    for (int i = 0; i < count * weight_rows; ++i) {
        const float all = warp_sum(sum[i / weight_rows][i % weight_rows]);
        if (lane == 0) sums[warp * count * weight_rows + i] = all;
    }
    __syncthreads();
    if (threadIdx.x >= count * weight_rows) return;
    float all = 0;
    for (int w = 0; w < int(blockDim.x) / 32; ++w)
        all += sums[w * count * weight_rows + int(threadIdx.x)];
    store(a, first_row + int(threadIdx.x) / weight_rows,
          first_column + int(threadIdx.x) % weight_rows, all);
}

template <WeightFormat format, int count>
void launch_few_rows(const FewRowsArguments& a, const CudaStream& stream) {
    const unsigned threads =
        std::min<unsigned>(blocks_for(a.k / 32, 32) * 32, unsigned(most_few_threads));
    launch_kernel<few_rows_kernel<format, count>>(
        stream.handle, {dim3(blocks_for(a.n, weight_rows), blocks_for(a.m, count)), threads}, a);
}

// ---- as dense rows

struct UnpackArguments {
    const std::uint8_t* blocks;   ///< of the weight
    std::int64_t row, row_blocks; ///< the first row; blocks of one
    int sixteen, of_a_row;        ///< of a row of y: its first in the weight's; how many
    std::int64_t sixteens;        ///< of all of y
    void* y;
    DType type;
    CodeTable table;
};

constexpr int unpack_threads = 256;

/// Where a thread's sixteen lies: its block, and which of the block's it is.
struct Place {
    std::int64_t block;
    int within;
};
__device__ inline Place place_of(const UnpackArguments& a, std::int64_t i, int of_a_block) {
    const std::int64_t row = a.row + i / a.of_a_row;
    const int sixteen = a.sixteen + int(i % a.of_a_row);
    return {row * a.row_blocks + sixteen / of_a_block, sixteen % of_a_block};
}
__device__ inline void store(const UnpackArguments& a, std::int64_t i, const Pack<float, 16>& y) {
    with_device_type(a.type, [&]<class T>(T) { store_floats(static_cast<T*>(a.y) + 16 * i, y); });
}

/// A thread a sixteen.
template <WeightFormat format>
__global__ void __launch_bounds__(unpack_threads) unpack_kernel(UnpackArguments a) {
    SHARED(float[16], table);
    if constexpr (format == WeightFormat::nf4) {
        if (threadIdx.x < 16) table[threadIdx.x] = a.table.numbers[threadIdx.x];
        __syncthreads();
    }
    const std::int64_t i = std::int64_t(blockIdx.x) * unpack_threads + threadIdx.x;
    if (i >= a.sixteens) return;
    const Place at = place_of(a, i, int(block_format(format).numbers) / 16);
    const Sixteen w = sixteen_of<format>(a.blocks + at.block * block_format(format).bytes,
                                         at.within, BlockReadOf<format>{&table[0]});
    Pack<float, 16> y;
#pragma unroll
    for (int j = 0; j < 16; ++j)
        y.x[j] = has_offset(format) ? w.scale * w.code[j] + w.offset : w.scale * w.code[j];
    store(a, i, y);
}

/// Of nf4_dq.
struct NestedArguments {
    UnpackArguments all;
    const std::uint8_t* behind; ///< the blocks: scales of groups of them, then the mean
    std::int64_t groups;
    float values[256] = {};
};

/// Bytes lie as they fall.
__device__ inline float single_at(const std::uint8_t* p) {
    return __uint_as_float(p[0] | std::uint32_t(p[1]) << 8 | std::uint32_t(p[2]) << 16 |
                           std::uint32_t(p[3]) << 24);
}

__global__ void __launch_bounds__(unpack_threads) unpack_nested_kernel(NestedArguments n) {
    constexpr BlockFormat facts = block_format(WeightFormat::nf4_dq);
    SHARED(float[16], table);
    SHARED(float[unpack_threads], values);
    values[threadIdx.x] = n.values[threadIdx.x];
    if (threadIdx.x < 16) table[threadIdx.x] = n.all.table.numbers[threadIdx.x];
    __syncthreads();
    const std::int64_t i = std::int64_t(blockIdx.x) * unpack_threads + threadIdx.x;
    if (i >= n.all.sixteens) return;
    const Place at = place_of(n.all, i, int(facts.numbers) / 16);
    const std::uint8_t* block = n.all.blocks + at.block * facts.bytes;
    const float greatest =
        single_at(n.behind + at.block / NestedScales::group * std::int64_t(sizeof(float)));
    const float mean = single_at(n.behind + n.groups * std::int64_t(sizeof(float)));
    const float scale = __fadd_rn(__fmul_rn(values[block[0]], greatest), mean); // as the host's
    const std::uint8_t* pairs = block + 1 + 8 * at.within; // the upper half first
    Pack<float, 16> y;
#pragma unroll
    for (int j = 0; j < 16; ++j) y.x[j] = scale * table[pairs[j / 2] >> (j % 2 ? 0 : 4) & 15];
    store(n.all, i, y);
}

} // namespace

void multiply_blocks(const MatMul& op, const CudaStream& stream) {
    const FewRowsArguments arguments{
        .a = op.a.data,
        .a_stride = op.a.stride(),
        .blocks = op.weight.data.as<std::uint8_t>(),
        .row_bytes = row_bytes(op.weight.format, op.weight.k),
        .bias = op.bias.as<float>(),
        .before = op.before.data,
        .c = op.c.data,
        .before_stride = op.before.present() ? op.before.stride() : 0,
        .c_stride = op.c.stride(),
        .m = int(op.c.shape[0]),
        .n = int(op.weight.n),
        .k = int(op.weight.k),
        .a_type = op.a.dtype,
        .c_type = op.c.dtype,
        .packs = in_packs(op.a, 16),
        .activation = op.activation,
        .accumulate = op.accumulate,
        .table = nf4_table(),
    };
    if (arguments.n == 0) return;
    with_sixteens(op.weight.format, [&]<WeightFormat format>() {
        if (arguments.m == 1)
            launch_few_rows<format, 1>(arguments, stream);
        else
            launch_few_rows<format, 4>(arguments, stream);
    });
}

void unpack_blocks(const Weight& weight, std::int64_t row, std::int64_t column, const Out& y,
                   const CudaStream& stream) {
    const BlockFormat facts = block_format(weight.format);
    const UnpackArguments arguments{.blocks = weight.data.as<std::uint8_t>(),
                                    .row = row,
                                    .row_blocks = weight.k / facts.numbers,
                                    .sixteen = int(column / 16),
                                    .of_a_row = int(y.shape[1] / 16),
                                    .sixteens = y.shape.count() / 16,
                                    .y = y.data,
                                    .type = y.dtype,
                                    .table = nf4_table()};
    if (arguments.sixteens == 0) return;
    const LaunchShape shape{blocks_for(arguments.sixteens, unpack_threads), unpack_threads};
    if (facts.nested) {
        const std::int64_t blocks = weight.n * arguments.row_blocks;
        NestedArguments nested{.all = arguments,
                               .behind = arguments.blocks + blocks * facts.bytes,
                               .groups = (blocks + NestedScales::group - 1) / NestedScales::group};
        std::ranges::copy(nested_values(), nested.values);
        return launch_kernel<unpack_nested_kernel>(stream.handle, shape, nested);
    }
    with_sixteens(weight.format, [&]<WeightFormat format>() {
        launch_kernel<unpack_kernel<format>>(stream.handle, shape, arguments);
    });
}

} // namespace sweetspot

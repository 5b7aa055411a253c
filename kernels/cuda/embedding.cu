#include "kernels/cuda/product.h"
#include "kernels/cuda/rows.cuh"
#include "kernels/cuda/segments.cuh"
#include "kernels/ops/embedding.h"

namespace sweetspot {

namespace {

template <class T, class P>
struct Tables {
    const std::int32_t* ids;
    const T* table;
    const float* scale;            ///< or null
    const std::int32_t* positions; ///< or null
    const P* position_table;       ///< with positions
    float* y;
    std::int64_t rows, width, table_stride;
};

template <class T, class P, int count>
__global__ void __launch_bounds__(threads_per_block) embedding_kernel(Tables<T, P> a) {
    const std::int64_t row = row_of_thread(), column = column_of_thread(count);
    if (row >= a.rows || column >= a.width) return;
    auto sum = load_floats<count>(a.table + a.ids[row] * a.table_stride + column);
    if (a.scale)
#pragma unroll
        for (float& x : sum.x) x *= a.scale[row];
    if (a.positions) {
        const auto added =
            load_floats<count>(a.position_table + a.positions[row] * a.width + column);
#pragma unroll
        for (int i = 0; i < count; ++i) sum.x[i] += added.x[i];
    }
    store_floats(a.y + row * a.width + column, sum);
}

/// Rows of a table are shared out by this many; those that a block has it adds to in the order of
/// the batch, so that sums are the same each time.
constexpr int table_shares = 64;

__global__ void __launch_bounds__(threads_per_block)
    add_rows_kernel(const std::int32_t* ids, const float* scale, const float* dy, float* dtable,
                    std::int64_t rows, std::int64_t width) {
    const std::int64_t column = std::int64_t(blockIdx.x) * threads_per_block + threadIdx.x;
    if (column >= width) return;
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int32_t id = ids[row];
        if (id % table_shares != int(blockIdx.y)) continue;
        dtable[id * width + column] += dy[row * width + column] * (scale ? scale[row] : 1.0f);
    }
}

__global__ void __launch_bounds__(threads_per_block)
    ragged_positions_kernel(const std::int32_t* offsets, std::int32_t sequences,
                            std::int32_t* positions, std::int32_t rows) {
    const std::int64_t row = std::int64_t(blockIdx.x) * threads_per_block + threadIdx.x;
    if (row >= rows) return;
    positions[row] = std::int32_t(row) - offsets[sequence_of(offsets, sequences, int(row))];
}

} // namespace

void launch(const Embedding& op, CudaStream& stream) {
    const std::int64_t rows = op.y.shape[0], width = op.y.shape[1];
    const In table = op.table.present() ? op.table : rows_of(op.weight);
    const bool fit = in_packs(table, 4) && in_packs(op.y, 4) &&
                     (!op.position_table.present() || in_packs(op.position_table, 4));
    const DType other = op.position_table.present() ? op.position_table.dtype : table.dtype;
    with_type(table.dtype, [&]<class T>(T) {
        with_type(other, [&]<class P>(P) {
            with_packs<4>(fit, [&]<int count>(Count<count>) {
                launch_rows<embedding_kernel<T, P, count>>(
                    stream, rows, width, count,
                    Tables<T, P>{op.ids.as<std::int32_t>(), table.as<T>(), op.scale.as<float>(),
                                 op.positions.as<std::int32_t>(), op.position_table.as<P>(),
                                 op.y.as<float>(), rows, width, table.stride()});
            });
        });
    });
}

void launch(const EmbeddingBackward& op, CudaStream& stream) {
    const std::int64_t rows = op.dy.shape[0], width = op.dy.shape[1];
    if (rows == 0 || width == 0) return;
    const auto add = [&](const In& ids, const In& scale, const Out& table) {
        launch_kernel<add_rows_kernel>(
            stream.handle,
            {{blocks_for(width, threads_per_block), table_shares}, threads_per_block},
            ids.as<std::int32_t>(), scale.as<float>(), op.dy.as<float>(), table.as<float>(), rows,
            width);
    };
    add(op.ids, op.scale, op.dtable);
    if (op.positions.present()) add(op.positions, {}, op.dposition_table);
}

void launch(const RaggedPositions& op, CudaStream& stream) {
    const auto rows = std::int32_t(op.positions.shape[0]);
    if (rows == 0) return;
    launch_kernel<ragged_positions_kernel>(
        stream.handle, {blocks_for(rows, threads_per_block), threads_per_block},
        op.offsets.as<std::int32_t>(), std::int32_t(op.offsets.shape[0] - 1),
        op.positions.as<std::int32_t>(), rows);
}

} // namespace sweetspot

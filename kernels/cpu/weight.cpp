#include "kernels/cpu/packing.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/transpose.h"
#include "kernels/ops/weight_row.h"
#include <algorithm>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

template <class T>
float element(const char* p) {
    T x;
    std::memcpy(static_cast<void*>(&x), p, sizeof x);
    return to_float(x);
}

/// to[i · 64] = element k + i of a column, for i in [0, count).
template <class T>
SWEETSPOT_INLINE void read_column(const WeightRow& column, std::int64_t k, std::int64_t count,
                                  float* to) {
    const char* from = column.first + std::size_t(k) * column.step_bytes;
    if (column.step_bytes == sizeof(T) && count == chunk) {
        const Vector x = load(reinterpret_cast<const T*>(from));
#pragma GCC unroll 16
        for (int i = 0; i < int(chunk); ++i) to[i * block_columns] = x[i];
        return;
    }
    for (std::int64_t i = 0; i < count; ++i)
        to[i * block_columns] = element<T>(from + std::size_t(i) * column.step_bytes);
}

/// The weights of 64 columns for a chunk of the inner dimension; 0 past its end.
void read_chunk(const WeightRow (&columns)[block_columns], std::int64_t k, std::int64_t inner,
                Chunk& weights) {
    std::memset(weights, 0, sizeof weights);
    const std::int64_t rest = inner - k, count = rest < chunk ? rest : chunk;
    for (std::int64_t n = 0; n < block_columns; ++n) {
        if (!columns[n].first) continue;
        switch (columns[n].dtype) {
        case DType::f32: read_column<float>(columns[n], k, count, weights + n); break;
        case DType::bf16: read_column<BFloat16>(columns[n], k, count, weights + n); break;
        default: read_column<Float16>(columns[n], k, count, weights + n);
        }
    }
}

template <class T>
void pack_block(const PackWeight& op, std::int64_t block) {
    WeightRow columns[block_columns];
    for (std::int64_t n = 0; n < block_columns; ++n)
        columns[n] = find_weight_row(op, block * block_columns + n);
    const std::int64_t padded = op.packed.shape[1];
    const std::int64_t inner = op.sources[0].shape[op.transposed ? 0 : 1];
    T* to = op.packed.as<T>() + block * block_columns * padded;
    for (std::int64_t k = 0; k < padded; k += chunk) {
        alignas(64) Chunk weights;
        read_chunk(columns, k, k < inner ? inner : k, weights);
        write_chunk(weights, to + k * block_columns);
    }
}

void pack_nested(const PackWeight& op, CpuStream& stream) {
    const std::int64_t k = op.k(), blocks = op.n() * k / block_format(op.format).numbers;
    auto* numbers = static_cast<float*>(stream.workspace);
    float* scales = numbers + stream.threads * k;
    auto* rounded = reinterpret_cast<std::uint8_t*>(scales + blocks);
    const std::int64_t bytes = row_bytes(WeightFormat::nf4, k);
    sweetspot::pack_nested(op, scales, op.packed.as<std::uint8_t>(), [&](const auto& pack) {
        for_pieces(op.n(), stream.threads, [&](std::int64_t row, int thread) {
            pack(row, {numbers + thread * k, std::size_t(k)}, rounded + thread * bytes);
        });
    });
}

} // namespace

void launch(const PackWeight& op, CpuStream& stream) {
    if (block_format(op.format).nested) return pack_nested(op, stream);
    if (op.format != WeightFormat::dense) {
        const std::int64_t k = op.k(), bytes = row_bytes(op.format, k);
        for_pieces(op.n(), stream.threads, [&](std::int64_t row, int thread) {
            float* numbers = static_cast<float*>(stream.workspace) + thread * k;
            pack_blocks_of_row(op, op.format, row, {numbers, std::size_t(k)},
                               op.packed.as<std::uint8_t>() + row * bytes);
        });
        return;
    }
    with_type(op.packed.dtype, [&]<class T>(T) {
        for_rows(op.packed.shape[0] / block_columns, op.packed.bytes(), stream.threads,
                 [&](std::int64_t block) { pack_block<T>(op, block); });
    });
}

void launch(const RepackWeight& op, CpuStream& stream) {
    sweetspot::launch(PackWeight{.sources = {op.weight}, .packed = op.packed}, stream);
}

/// Square by square in registers.
void launch(const UnpackWeight& op, CpuStream& stream) {
    const std::int64_t n = op.weight.shape[0], k = op.weight.shape[1], padded = op.packed.shape[1];
    for_rows(op.packed.shape[0] / block_columns, op.packed.bytes(), stream.threads,
             [&](std::int64_t block) {
                 const std::int64_t first = block * block_columns,
                                    rows = std::min(block_columns, n - first);
                 const float* from = op.packed.as<float>() + first * padded;
                 float* to = op.weight.as<float>() + first * k;
                 for (std::int64_t row = 0; row < rows; row += lanes)
                     for (std::int64_t column = 0; column < k; column += lanes) {
                         const float* square = from + column * block_columns + row;
                         if (row + lanes <= rows && column + lanes <= k) {
                             transpose(square, block_columns, to + row * k + column, k);
                             continue;
                         }
                         for (std::int64_t i = row; i < std::min(row + lanes, rows); ++i)
                             for (std::int64_t j = column; j < std::min(column + lanes, k); ++j)
                                 to[i * k + j] = from[j * block_columns + i];
                     }
             });
}

} // namespace sweetspot::SWEETSPOT_TARGET

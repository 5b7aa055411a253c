#include "kernels/core/nested_scales.h"
#include "kernels/cpu/packing.h"
#include "kernels/cpu/parallel.h"
#include "kernels/ops/weight_row.h"

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

/// All rows become blocks of nf4; when all their scales are known, these are nested.
void pack_nested(const PackWeight& op, CpuStream& stream) {
    const std::int64_t n = op.n(), k = op.k(), in_row = k / block_format(op.format).numbers;
    const std::int64_t step = block_format(op.format).bytes;
    auto* numbers = static_cast<float*>(stream.workspace);
    float* scales = numbers + stream.threads * k;
    auto* rounded = reinterpret_cast<std::uint8_t*>(scales + n * in_row);
    auto* to = op.packed.as<std::uint8_t>();
    for_pieces(n, stream.threads, [&](std::int64_t row, int thread) {
        auto* blocks = rounded + thread * row_bytes(WeightFormat::nf4, k);
        pack_blocks_of_row(op, WeightFormat::nf4, row, {numbers + thread * k, std::size_t(k)},
                           blocks);
        set_scales_apart(blocks, in_row, to + row * in_row * step, scales + row * in_row);
    });
    nest({scales, std::size_t(n * in_row)}, to, step, to + n * in_row * step);
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

} // namespace sweetspot::SWEETSPOT_TARGET

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/tile_product.h"
#include "kernels/ops/matmul.h"

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// Rows of the inner dimension that are packed at once: a cache line of f32 from each source row.
constexpr std::int64_t chunk = 16;

/// Where the weights of one output column lie: element k is at `first` + k · step_bytes.
struct Column {
    const char* first = nullptr; ///< null for the columns that only fill up
    std::size_t step_bytes = 0;
    DType dtype = DType::f32;
};

/// In a head of interleaved rotary pairs, the row that becomes row i of halves.
std::int64_t interleaved_row(std::int64_t i, std::int64_t head_size) {
    const std::int64_t in_head = i % head_size, half = head_size / 2;
    return i - in_head + (in_head < half ? 2 * in_head : 2 * (in_head - half) + 1);
}

Column find_column(const PackWeight& op, std::int64_t n) {
    for (std::size_t s = 0; s < op.sources.size(); ++s) {
        const In& source = op.sources[s];
        const std::int64_t count = source.shape[op.transposed ? 1 : 0];
        if (n >= count) {
            n -= count;
            continue;
        }
        const int head_size = op.interleaved_head_sizes.empty() ? 0 : op.interleaved_head_sizes[s];
        const std::int64_t row = head_size ? interleaved_row(n, head_size) : n;
        const std::size_t element = size_of(source.dtype);
        const auto offset = std::size_t(op.transposed ? row : row * source.shape[1]) * element;
        return {static_cast<const char*>(source.data) + offset,
                op.transposed ? std::size_t(count) * element : element, source.dtype};
    }
    return {};
}

template <class T>
float element(const char* p) {
    T x;
    std::memcpy(static_cast<void*>(&x), p, sizeof x);
    return to_float(x);
}

/// to[i · 64] = element k + i of a column, for i in [0, count).
template <class T>
SWEETSPOT_INLINE void read_column(const Column& column, std::int64_t k, std::int64_t count,
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
void read_chunk(const Column (&columns)[block_columns], std::int64_t k, std::int64_t inner,
                float (&weights)[chunk * block_columns]) {
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

void write_chunk(const float (&weights)[chunk * block_columns], float* to) {
    std::memcpy(to, weights, sizeof weights);
}

/// Two rows of the inner dimension side by side.
void write_chunk(const float (&weights)[chunk * block_columns], BFloat16* to) {
    for (std::int64_t k = 0; k < chunk; k += 2)
        for (std::int64_t n = 0; n < block_columns; ++n) {
            *to++ = to_bfloat16(weights[k * block_columns + n]);
            *to++ = to_bfloat16(weights[(k + 1) * block_columns + n]);
        }
}

template <class T>
void pack_block(const PackWeight& op, std::int64_t block) {
    Column columns[block_columns];
    for (std::int64_t n = 0; n < block_columns; ++n)
        columns[n] = find_column(op, block * block_columns + n);
    const std::int64_t padded = op.packed.shape[1];
    const std::int64_t inner = op.sources[0].shape[op.transposed ? 0 : 1];
    T* to = op.packed.as<T>() + block * block_columns * padded;
    for (std::int64_t k = 0; k < padded; k += chunk) {
        alignas(64) float weights[chunk * block_columns];
        read_chunk(columns, k, k < inner ? inner : k, weights);
        write_chunk(weights, to + k * block_columns);
    }
}

} // namespace

void launch(const PackWeight& op, CpuStream& stream) {
    with_type(op.packed.dtype, [&]<class T>(T) {
        for_rows(op.packed.shape[0] / block_columns, op.packed.bytes(), stream.threads,
                 [&](std::int64_t block) { pack_block<T>(op, block); });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET

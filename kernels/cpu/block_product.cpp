// Products with weights in blocks: of a few rows straight from them, for many rows laid out as
// dense weights first.
#include "kernels/cpu/block_product.h"
#include "kernels/cpu/block_reader.h"
#include "kernels/cpu/packing.h"
#include "kernels/cpu/parallel.h"

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// sums[r · 64] = row r of a · the numbers in the blocks of one weight row. Fewer rows have two
/// sums each, so that one does not wait for the other; more would need registers that there are
/// not.
template <WeightFormat format, int rows>
[[gnu::noinline]] void multiply_row(const Byte* blocks, std::int64_t k, const float* a,
                                    std::int64_t a_stride, float* sums) {
    constexpr BlockFormat facts = block_format(format);
    constexpr int chains = rows < 4 ? 2 : 1;
    Vector s[rows][chains];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < chains; ++c) s[r][c] = 0.0f;
    for (std::int64_t first = 0; first < k; first += facts.numbers, blocks += facts.bytes) {
        const float* x = a + first;
        Block<format>::read(blocks, [&](auto place, Vector weights) {
            constexpr int chain = place / 16 % chains;
#pragma GCC unroll 4
            for (int r = 0; r < rows; ++r)
                s[r][chain] = fma(weights, load(x + r * a_stride + place), s[r][chain]);
        });
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r)
        sums[r * block_columns] = sum(chains == 2 ? s[r][0] + s[r][chains - 1] : s[r][0]);
}

} // namespace

void multiply_blocks(const Weight& weight, const float* a, std::int64_t a_stride, int rows,
                     std::int64_t first, std::int64_t count, float* sums) {
    const std::int64_t row_bytes = weight.data.shape[1];
    with_format(weight.format, [&]<WeightFormat format>() {
        for (std::int64_t n = 0; n < count; ++n) {
            const Byte* blocks = weight.data.as<Byte>() + (first + n) * row_bytes;
            int r = 0;
            const auto some = [&]<int now>() {
                for (; rows - r >= now; r += now)
                    multiply_row<format, now>(blocks, weight.k, a + r * a_stride, a_stride,
                                              sums + r * block_columns + n);
            };
            some.template operator()<4>();
            some.template operator()<2>();
            some.template operator()<1>();
        }
    });
}

void unpack_blocks(const Weight& weight, std::int64_t first, std::int64_t block, Out packed) {
    const std::int64_t row_bytes = weight.data.shape[1], padded = packed.shape[1];
    const std::int64_t begin = first + block * block_columns;
    const std::int64_t count = std::min(block_columns, weight.n - begin);
    with_type(packed.dtype, [&]<class T>(T) {
        T* to = packed.as<T>() + block * block_columns * padded;
        with_format(weight.format, [&]<WeightFormat format>() {
            constexpr BlockFormat facts = block_format(format);
            alignas(64) float chunks[facts.numbers * block_columns];
            if (count < block_columns) std::memset(chunks, 0, sizeof chunks);
            for (std::int64_t k = 0; k < weight.k; k += facts.numbers) {
                for (std::int64_t n = 0; n < count; ++n) {
                    const Byte* blocks = weight.data.as<Byte>() + (begin + n) * row_bytes +
                                         k / facts.numbers * std::int64_t(facts.bytes);
                    Block<format>::read(blocks, [&](auto place, Vector x) {
#pragma GCC unroll 16
                        for (int i = 0; i < lanes; ++i)
                            chunks[(place + i) * block_columns + n] = x[i];
                    });
                }
                for (std::int64_t at = 0; at < facts.numbers; at += chunk)
                    write_chunk(reinterpret_cast<const Chunk&>(chunks[at * block_columns]),
                                to + (k + at) * block_columns);
            }
        });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET

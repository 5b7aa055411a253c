// Products with weights in blocks: of a few rows straight from them, for many rows laid out as
// dense weights first.
#include "kernels/cpu/block_product.h"
#include "kernels/core/nested_scales.h"
#include "kernels/cpu/block_reader.h"
#include "kernels/cpu/packing.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/transpose.h"

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// The blocks of a weight, by row: most are all that has to be read of it. read() gives numbers,
/// read_codes() what they are times scale().
template <WeightFormat format>
class Blocks {
public:
    static constexpr bool scaled = Scaled<format>;

    explicit Blocks(const Weight& weight)
        : first_(weight.data.as<Byte>()), row_bytes_(row_bytes(format, weight.k)) {}

    template <class Give>
    SWEETSPOT_INLINE void read(std::int64_t row, std::int64_t block, Give&& give) const {
        read_block<format>(at(row, block), give);
    }
    template <class Give>
    SWEETSPOT_INLINE void read_codes(std::int64_t row, std::int64_t block, Give&& give) const {
        Block<format>::read(at(row, block), give);
    }
    float scale(std::int64_t row, std::int64_t block) const {
        return Block<format>::scale(at(row, block));
    }

private:
    const Byte* at(std::int64_t row, std::int64_t block) const {
        return first_ + row * row_bytes_ + block * block_format(format).bytes;
    }

    const Byte* first_;
    std::int64_t row_bytes_;
};
template <>
class Blocks<WeightFormat::nf4_dq> {
public:
    static constexpr bool scaled = true;

    explicit Blocks(const Weight& weight)
        : first_(weight.data.as<Byte>()), in_row_(weight.k / facts.numbers),
          scales_(first_ + weight.n * in_row_ * facts.bytes, weight.n * in_row_) {}

    template <class Give>
    SWEETSPOT_INLINE void read(std::int64_t row, std::int64_t block, Give&& give) const {
        const Vector greatest = scale(row, block);
        read_codes(row, block, [&](auto place, Vector x) { give(place, greatest * x); });
    }
    template <class Give>
    SWEETSPOT_INLINE void read_codes(std::int64_t row, std::int64_t block, Give&& give) const {
        read_nf4(at(row, block) + 1, give);
    }
    float scale(std::int64_t row, std::int64_t block) const {
        return scales_.scale(row * in_row_ + block, *at(row, block));
    }

private:
    static constexpr BlockFormat facts = block_format(WeightFormat::nf4_dq);

    const Byte* at(std::int64_t row, std::int64_t block) const {
        return first_ + (row * in_row_ + block) * facts.bytes;
    }

    const Byte* first_;
    std::int64_t in_row_;
    NestedScales scales_;
};

/// sums[r · 64] = row r of a · the numbers in the blocks of one weight row. Fewer rows have two
/// sums each, so that one does not wait for the other; more would need registers that there are
/// not. Nor do more have registers for the sum of a block, which its scale multiplies once: they
/// share its scaled numbers.
template <WeightFormat format, int rows>
[[gnu::noinline]] void multiply_row(const Blocks<format>& blocks, std::int64_t row, std::int64_t k,
                                    const float* a, std::int64_t a_stride, float* sums) {
    constexpr BlockFormat facts = block_format(format);
    constexpr int chains = rows < 4 ? 2 : 1;
    constexpr bool scaled_once = Blocks<format>::scaled && rows < 4;
    Vector s[rows][chains], total[rows];
    const auto clear = [&] {
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r)
            for (int c = 0; c < chains; ++c) s[r][c] = 0.0f;
    };
    clear();
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) total[r] = 0.0f;
    for (std::int64_t block = 0; block < k / facts.numbers; ++block) {
        const float* x = a + block * facts.numbers;
        const auto multiply = [&](auto place, Vector weights) {
            constexpr int chain = place / 16 % chains;
#pragma GCC unroll 4
            for (int r = 0; r < rows; ++r)
                s[r][chain] = fma(weights, load(x + r * a_stride + place), s[r][chain]);
        };
        if constexpr (scaled_once) {
            blocks.read_codes(row, block, multiply);
            const Vector scale = blocks.scale(row, block);
#pragma GCC unroll 4
            for (int r = 0; r < rows; ++r) total[r] = fma(scale, s[r][0] + s[r][1], total[r]);
            clear();
        } else {
            blocks.read(row, block, multiply);
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r)
        sums[r * block_columns] = sum(scaled_once   ? total[r]
                                      : chains == 2 ? s[r][0] + s[r][chains - 1]
                                                    : s[r][0]);
}

} // namespace

void multiply_blocks(const Weight& weight, const float* a, std::int64_t a_stride, int rows,
                     std::int64_t first, std::int64_t count, float* sums) {
    with_format(weight.format, [&]<WeightFormat format>() {
        const Blocks<format> blocks(weight);
        for (std::int64_t n = 0; n < count; ++n) {
            int r = 0;
            const auto some = [&]<int now>() {
                for (; rows - r >= now; r += now)
                    multiply_row<format, now>(blocks, first + n, weight.k, a + r * a_stride,
                                              a_stride, sums + r * block_columns + n);
            };
            some.template operator()<4>();
            some.template operator()<2>();
            some.template operator()<1>();
        }
    });
}

void unpack_blocks(const Weight& weight, std::int64_t first, std::int64_t block, Out packed) {
    const std::int64_t padded = packed.shape[1];
    const std::int64_t begin = first + block * block_columns;
    const std::int64_t count = std::min(block_columns, weight.n - begin);
    with_type(packed.dtype, [&]<class T>(T) {
        T* to = packed.as<T>() + block * block_columns * padded;
        with_format(weight.format, [&]<WeightFormat format>() {
            constexpr BlockFormat facts = block_format(format);
            const Blocks<format> blocks(weight);
            alignas(64) float chunks[facts.numbers * block_columns];
            alignas(64) float some[lanes * facts.numbers]; // rows as they lie
            for (std::int64_t k = 0; k < weight.k; k += facts.numbers) {
                for (std::int64_t first_row = 0; first_row < block_columns; first_row += lanes) {
                    for (std::int64_t i = 0; i < lanes; ++i) {
                        float* row = some + i * facts.numbers;
                        if (first_row + i < count)
                            blocks.read(begin + first_row + i, k / facts.numbers,
                                        [&](auto place, Vector x) { store(row + place, x); });
                        else
                            std::fill_n(row, facts.numbers, 0.0f);
                    }
                    for (std::int64_t at = 0; at < facts.numbers; at += lanes)
                        transpose(some + at, facts.numbers, chunks + at * block_columns + first_row,
                                  block_columns);
                }
                for (std::int64_t at = 0; at < facts.numbers; at += chunk)
                    write_chunk(reinterpret_cast<const Chunk&>(chunks[at * block_columns]),
                                to + (k + at) * block_columns);
            }
        });
    });
}

void turn_blocks(const Weight& weight, std::int64_t strip, Out turned) {
    const std::int64_t padded = turned.shape[1];
    with_type(turned.dtype, [&]<class T>(T) {
        with_format(weight.format, [&]<WeightFormat format>() {
            constexpr BlockFormat facts = block_format(format);
            constexpr std::int64_t columns = turned_columns(format);
            const Blocks<format> blocks(weight);
            const std::int64_t first = strip * columns, count = std::min(columns, weight.k - first);
            T* to = turned.as<T>() + first * padded;
            for (std::int64_t n = 0; n < padded; n += chunk) {
                alignas(64) Chunk chunks[columns / block_columns] = {};
                for (std::int64_t i = 0; i < std::min(chunk, weight.n - n); ++i)
                    for (std::int64_t at = 0; at < count; at += facts.numbers)
                        blocks.read(n + i, (first + at) / facts.numbers, [&](auto place, Vector x) {
                            const std::int64_t k = at + place;
                            store(chunks[k / block_columns] + i * block_columns + k % block_columns,
                                  x);
                        });
                for (std::int64_t k = 0; k < count; k += block_columns)
                    write_chunk(chunks[k / block_columns], to + k * padded + n * block_columns);
            }
        });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET

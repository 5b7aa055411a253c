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
    const Byte* at(std::int64_t row, std::int64_t block) const {
        return first_ + row * row_bytes_ + block * block_format(format).bytes;
    }

private:
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

/// Products of codes: of a block's 32 as many sums as a register holds.
typedef float Sums __attribute__((vector_size(target >= Isa::avx2 ? 32 : 16)));

/// Codes of a weight's block as the processor multiplies them with signed ones: magnitudes, and
/// where they have any, signs apart; 32 in a register, or 16.
template <int registers>
struct BlockCodes {
    using Register = std::conditional_t<registers == 1, __m256i, __m128i>;
    Register magnitudes[registers], signs[registers];
};
constexpr int code_registers = target >= Isa::avx2 ? 1 : 2;

template <WeightFormat format, int registers = code_registers>
SWEETSPOT_INLINE BlockCodes<registers> codes_of(const Byte* p) {
    BlockCodes<registers> y;
    const Byte* codes = p + 2; // behind the scale
    if constexpr (format == WeightFormat::q8_0 && registers == 1) {
        y.signs[0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
        y.magnitudes[0] = _mm256_sign_epi8(y.signs[0], y.signs[0]);
    } else if constexpr (format == WeightFormat::q8_0) {
        for (int i = 0; i < registers; ++i) {
            y.signs[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes) + i);
            y.magnitudes[i] = _mm_sign_epi8(y.signs[i], y.signs[i]);
        }
    } else {
        const __m128i pairs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
        const __m128i upper = _mm_srli_epi16(pairs, 4);
        if constexpr (registers == 1) {
            const __m256i both = _mm256_set_m128i(upper, pairs);
            y.magnitudes[0] = _mm256_and_si256(both, _mm256_set1_epi8(15));
        } else {
            y.magnitudes[0] = _mm_and_si128(pairs, _mm_set1_epi8(15));
            y.magnitudes[1] = _mm_and_si128(upper, _mm_set1_epi8(15));
        }
    }
    return y;
}
/// Of two neighbours the products come to 2 · 128 · 127 at most, which 16 bits hold.
template <WeightFormat format, int registers>
SWEETSPOT_INLINE Sums products_of(const BlockCodes<registers>& w, const std::int8_t* a) {
    constexpr bool has_signs = format == WeightFormat::q8_0;
    if constexpr (registers == 1) {
        __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
        if constexpr (has_signs) x = _mm256_sign_epi8(x, w.signs[0]);
        const __m256i pairs = _mm256_maddubs_epi16(w.magnitudes[0], x);
        return Sums(_mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
    } else {
        __m128i sum = _mm_setzero_si128();
        for (int i = 0; i < registers; ++i) {
            __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a) + i);
            if constexpr (has_signs) x = _mm_sign_epi8(x, w.signs[i]);
            const __m128i pairs = _mm_maddubs_epi16(w.magnitudes[i], x);
            sum = _mm_add_epi32(sum, _mm_madd_epi16(pairs, _mm_set1_epi16(1)));
        }
        return Sums(_mm_cvtepi32_ps(sum));
    }
}

/// sums[r · 64] = rounded row r · the numbers in the blocks of one weight row.
template <WeightFormat format, int rows>
[[gnu::noinline]] void multiply_row(const Blocks<format>& blocks, std::int64_t row,
                                    const RoundedRows& a, std::int64_t first, float* sums) {
    constexpr float middle = format == WeightFormat::q4_0 ? 8 : 0; // is taken from codes
    const std::int64_t count = a.blocks();
    const float *scales = a.scales + first * count, *a_sums = a.sums + first * count;
    const std::int8_t* codes = a.codes + first * a.k;
    Sums total[rows] = {};
    float offsets[rows] = {};
    for (std::int64_t block = 0; block < count; ++block) {
        const auto w = codes_of<format>(blocks.at(row, block));
        const float scale = blocks.scale(row, block);
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r) {
            const Sums products = products_of<format>(w, codes + r * a.k + block * rounded_block);
            total[r] += (scale * scales[r * count + block]) * products;
            if (middle != 0) offsets[r] += scale * a_sums[r * count + block];
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
        float y = -middle * offsets[r];
        for (std::size_t i = 0; i < sizeof(Sums) / sizeof(float); ++i) y += total[r][i];
        sums[r * block_columns] = y;
    }
}

/// some(now, r): as many of `rows` from r on as there is a product for.
template <class Some>
void in_fours(int rows, const Some& some) {
    int r = 0;
    const auto each_of = [&]<int now>() {
        for (; rows - r >= now; r += now) some.template operator()<now>(r);
    };
    each_of.template operator()<4>();
    each_of.template operator()<2>();
    each_of.template operator()<1>();
}

} // namespace

void multiply_blocks(const Weight& weight, const RoundedRows& a, int rows, std::int64_t first,
                     std::int64_t count, float* sums) {
    const auto multiply = [&]<WeightFormat format>() {
        const Blocks<format> blocks(weight);
        for (std::int64_t n = 0; n < count; ++n)
            in_fours(rows, [&]<int now>(int r) {
                multiply_row<format, now>(blocks, first + n, a, r, sums + r * block_columns + n);
            });
    };
    if (weight.format == WeightFormat::q8_0)
        multiply.template operator()<WeightFormat::q8_0>();
    else
        multiply.template operator()<WeightFormat::q4_0>();
}

void multiply_blocks(const Weight& weight, const float* a, std::int64_t a_stride, int rows,
                     std::int64_t first, std::int64_t count, float* sums) {
    with_format(weight.format, [&]<WeightFormat format>() {
        const Blocks<format> blocks(weight);
        for (std::int64_t n = 0; n < count; ++n)
            in_fours(rows, [&]<int now>(int r) {
                multiply_row<format, now>(blocks, first + n, weight.k, a + r * a_stride, a_stride,
                                          sums + r * block_columns + n);
            });
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
            T* to = turned.as<T>();
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

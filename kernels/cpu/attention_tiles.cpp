#include "kernels/cpu/attention_pairs.h"
#include "kernels/cpu/attention_steps.h"
#include "kernels/cpu/tile.h"
#include <utility>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

constexpr std::int64_t lane_bytes = queries * 4; ///< from one row of lanes to the next

/// f(integral_constant 0), f(1), ... below n.
template <int n, class F>
SWEETSPOT_INLINE void unrolled(F&& f) {
    [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        (f(std::integral_constant<int, i>{}), ...);
    }
    (std::make_integer_sequence<int, n>{});
}

/// Keys, queries, weights and values as tiles lie in memory. Values are packed transposed,
/// [keys / 32][width][32], so that 16 channels of 32 keys are one tile.
struct Tiles {
    const AttentionHead& h;

    SWEETSPOT_INLINE const BFloat16* keys(std::int64_t key, std::int64_t step) const {
        return static_cast<const BFloat16*>(h.packed_k) + key * h.width + step * 2 * tile;
    }
    SWEETSPOT_INLINE std::int64_t key_bytes() const { return h.width * 2; }
    SWEETSPOT_INLINE const float* query(int lane, std::int64_t step) const {
        return h.queries + step * tile * queries + lane;
    }
    SWEETSPOT_INLINE const BFloat16* values(std::int64_t key, std::int64_t channel) const {
        return static_cast<const BFloat16*>(h.packed_v) + key * h.width + channel * 2 * tile;
    }
    SWEETSPOT_INLINE std::uint32_t* weights(std::int64_t key, int lane) const {
        return static_cast<std::uint32_t*>(h.weights) + key / 2 * queries + lane;
    }
    SWEETSPOT_INLINE float* scores(std::int64_t key, int lane) const {
        return h.scores + key * queries + lane;
    }
    SWEETSPOT_INLINE float* out(std::int64_t channel, int lane) const {
        return h.out + channel * queries + lane;
    }
};

/// Plain flash attention of 16 · lane_tiles queries, with their outputs in registers throughout:
/// tiles channel · lane_tiles + lane. Takes 32 keys at a time. Tile products of the keys before and
/// after run while vector units turn scores into weights. For that, what is written meanwhile must
/// not share the lower twelve bits of its address with what is read, or loads wait for the stores.
template <int channel_tiles, int lane_tiles>
class KeyStream {
public:
    KeyStream(const AttentionHead& head, std::int64_t first_query, int lane)
        : h_(head), tiles_{head}, first_(first_query), lane_(lane) {}

    void run(std::int64_t keys) {
        const std::int64_t blocks = (keys + 31) / 32;
        Vector totals[lane_tiles];
        unrolled<lane_tiles>([&](auto l) { totals[l] = 0.0f; });
        unrolled<outputs>([&](auto i) { Tile<i>::zero(); });
        unrolled<lane_tiles>([&](auto l) { score<l>(0); });
        for (std::int64_t block = 0; block < blocks; ++block) {
            unrolled<lane_tiles>([&](auto l) {
                if (block + 1 < blocks) score<l>(block + 1);
                mask(h_, scores_at(block, l), block * 32, 32, first_ + lane_ + l * tile, tile,
                     tile);
                totals[l] = soften(scores_at(block, l), weights_at(block, l), totals[l]);
                if (l == 0 && block > 0) combine(block - 1); // not at once: stores take their time
            });
        }
        combine(blocks - 1);
        unrolled<channel_tiles>([&](auto c) {
            unrolled<lane_tiles>([&](auto l) {
                Tile<c * lane_tiles + l>::store(tiles_.out(c * tile, lane_ + l * tile), lane_bytes);
            });
        });
        unrolled<lane_tiles>([&](auto l) { store(h_.sum + lane_ + l * tile, totals[l]); });
    }

private:
    static constexpr int outputs = channel_tiles * lane_tiles;
    static_assert(outputs <= 4, "four tiles are left for the products");
    static constexpr std::int64_t page_words = 1024;

    /// Where the scores of 32 keys by 16 queries are, dense: in halves of two pages, such that
    /// those of (block, l) and of (block + 1, l) lie in different halves.
    SWEETSPOT_INLINE float* scores_at(std::int64_t block, int l) const {
        return h_.scores + block % 2 * page_words + (block + l) % 2 * (page_words / 2);
    }
    /// Their weights: in the half of a page that the scores are not in.
    SWEETSPOT_INLINE std::uint32_t* weights_at(std::int64_t block, int l) const {
        return static_cast<std::uint32_t*>(h_.weights) + block % 2 * (page_words * 5 / 4) +
               (block + l + 1) % 2 * (page_words / 2);
    }
    /// The scores of 32 keys.
    template <int l>
    SWEETSPOT_INLINE void score(std::int64_t block) const {
        const int lane = lane_ + l * tile;
        Tile<4>::zero();
        Tile<5>::zero();
        for (std::int64_t step = 0; step < h_.width / (2 * tile); ++step) {
            Tile<6>::load(tiles_.query(lane, step), lane_bytes);
            Tile<7>::load(tiles_.keys(block * 32, step), tiles_.key_bytes());
            Tile<4>::template add_product<7, 6>();
            Tile<7>::load(tiles_.keys(block * 32 + tile, step), tiles_.key_bytes());
            Tile<5>::template add_product<7, 6>();
        }
        float* scores = scores_at(block, l);
        Tile<4>::store(scores, 4 * tile);
        Tile<5>::store(scores + tile * tile, 4 * tile);
    }
    /// Weights of 32 keys, rounded to bf16: the sum is of the rounded ones.
    SWEETSPOT_INLINE static Vector soften(const float* score, std::uint32_t* weight, Vector total) {
        const auto ones = __m512bh(_mm512_set1_epi32(0x3f803f80));
        __m512 sum = __builtin_bit_cast(__m512, total);
#pragma GCC unroll 16
        for (int j = 0; j < 16; ++j) {
            const auto even = __builtin_bit_cast(__m512i, power_to_round(load(score)));
            const auto odd = __builtin_bit_cast(__m512i, power_to_round(load(score + tile)));
            const __m512i pair =
                _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(even, 16), odd);
            sum = _mm512_dpbf16_ps(sum, __m512bh(pair), ones);
            _mm512_storeu_si512(weight, pair);
            score += 2 * tile;
            weight += tile;
        }
        return __builtin_bit_cast(Vector, sum);
    }
    /// 2^x with half a unit of bf16 added, so that its upper half is rounded. The polynomial on
    /// [0, 1), which is in [1, 2), is where the unit does not depend on x.
    SWEETSPOT_INLINE static Vector power_to_round(Vector x) {
        const auto t = __builtin_bit_cast(__m512, x);
        const __m512 f = _mm512_reduce_ps(t, 0x09); // t - floor(t)
        __m512 p = 0.07802452266443137f * f + 0.22606715539313227f;
        p = p * f + 0.6958335405064464f;
        p = p * f + (0.9999252185640101f + 0x1p-8f);
        return __builtin_bit_cast(Vector, _mm512_scalef_ps(p, t));
    }
    /// Adds 32 keys' values by their weights.
    SWEETSPOT_INLINE void combine(std::int64_t block) const {
        unrolled<lane_tiles>([&](auto l) { Tile<6 + l>::load(weights_at(block, l), 4 * tile); });
        unrolled<channel_tiles>([&](auto c) {
            Tile<4 + c % 2>::load(tiles_.values(block * 32, c * tile), 4 * tile);
            unrolled<lane_tiles>([&](auto l) {
                Tile<c * lane_tiles + l>::template add_product<4 + c % 2, 6 + l>();
            });
        });
    }

    const AttentionHead& h_;
    const Tiles tiles_;
    const std::int64_t first_;
    const int lane_;
};

/// Products of bf16 by AMX tiles, with the layouts of PairMath but for the values.
struct TileMath : PairMath {
    static constexpr int key_step = 32;
    struct Session {
        TinyIsZero tiny_is_zero{};
        TileSession tiles{};
    };

    static void pack_values(const AttentionHead& h) {
        const auto* from = static_cast<const BFloat16*>(h.v);
        auto* to = static_cast<float*>(h.packed_v); // words, moved only
        for (std::int64_t j = 0; j < rounded_up(h.rows, 64); j += 2 * tile) {
            for (std::int64_t i = j + 2 * tile; i < std::min(j + 4 * tile, h.real); ++i)
                prefetch(from + i * h.v_stride, h.size);
            for (std::int64_t d = 0; d < h.width; d += tile) {
                float words[tile * tile];
                for (int i = 0; i < tile; ++i)
                    _mm512_storeu_si512(words + i * tile,
                                        pairs(row_part(h, from, j + 2 * i, d),
                                              row_part(h, from, j + 2 * i + 1, d)));
                transpose(words, tile, to + j / 2 * h.width + d * tile, tile);
            }
        }
    }
    static void scores(const AttentionHead& h, std::int64_t first, std::int64_t n, int used) {
        const Tiles t{h};
        for (std::int64_t j = 0; j < n; j += 2 * tile)
            for (int lane = 0; lane < used; lane += 2 * tile)
                square<false>(h.width / 2 / tile, t.keys(first + j, 0), t.key_bytes(), 2 * tile,
                              t.query(lane, 0), t.scores(j, lane));
    }
    template <bool add>
    static void values(const AttentionHead& h, std::int64_t first, std::int64_t n, int used) {
        const Tiles t{h};
        for (std::int64_t d = 0; d < h.size; d += 2 * tile)
            for (int lane = 0; lane < used; lane += 2 * tile)
                square<add>(n / 2 / tile, t.values(first, d), 4 * tile, h.width * 2 * tile,
                            t.weights(0, lane), t.out(d, lane));
    }

    static constexpr std::int64_t largest_streamed_size = 4 * tile;
    /// All of a block, where no maximum is needed.
    static void stream(const AttentionHead& h, std::int64_t first, int count) {
        switch ((h.size + tile - 1) / tile) {
        case 1: return stream_lanes<1, 2>(h, first, count);
        case 2: return stream_lanes<2, 2>(h, first, count);
        case 3: return stream_lanes<3, 1>(h, first, count);
        case 4: return stream_lanes<4, 1>(h, first, count);
        }
    }

private:
    template <int channel_tiles, int lane_tiles>
    static void stream_lanes(const AttentionHead& h, std::int64_t first, int count) {
        for (int lane = 0; lane < count; lane += lane_tiles * tile)
            KeyStream<channel_tiles, lane_tiles>(h, first, lane)
                .run(keys_of(h, first + lane, lane_tiles * tile));
    }
    /// 32 rows by 32 lanes of c (+)= a product of `steps` steps.
    template <bool add>
    SWEETSPOT_INLINE static void square(std::int64_t steps, const BFloat16* left,
                                        std::int64_t left_bytes, std::int64_t left_step,
                                        const void* right, float* c) {
        const std::int64_t below = tile * queries;
        if constexpr (add) {
            Tile<0>::load(c, lane_bytes);
            Tile<1>::load(c + tile, lane_bytes);
            Tile<2>::load(c + below, lane_bytes);
            Tile<3>::load(c + below + tile, lane_bytes);
        } else {
            unrolled<4>([](auto i) { Tile<i>::zero(); });
        }
        const auto* b = static_cast<const float*>(right);
        for (std::int64_t step = 0; step < steps; ++step, left += left_step, b += below) {
            Tile<4>::load(left, left_bytes);
            Tile<6>::load(b, lane_bytes);
            Tile<0>::add_product<4, 6>();
            Tile<7>::load(b + tile, lane_bytes);
            Tile<1>::add_product<4, 7>();
            Tile<5>::load(left + left_bytes / 2 * tile, left_bytes);
            Tile<2>::add_product<5, 6>();
            Tile<3>::add_product<5, 7>();
        }
        Tile<0>::store(c, lane_bytes);
        Tile<1>::store(c + tile, lane_bytes);
        Tile<2>::store(c + below, lane_bytes);
        Tile<3>::store(c + below + tile, lane_bytes);
    }
};

} // namespace

const AttentionKernel& attention_tiles_kernel() {
    return attention_steps<TileMath>;
}

} // namespace sweetspot::SWEETSPOT_TARGET

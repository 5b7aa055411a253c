#include "kernels/cpu/attention_pairs.h"
#include "kernels/cpu/attention_steps.h"

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// Products of bf16 by AMX tiles: the layouts of PairMath, but values are packed transposed,
/// [keys / 32][width][32], so that 16 channels of 32 keys are one tile.
struct TileMath : PairMath {
    static constexpr int key_step = 32;
    static constexpr int tile = 16; ///< rows of a tile, and words in each

    /// Sets the tiles up for this thread, all of 16 rows of 64 bytes, and gives them back.
    struct Session : TinyIsZero {
        Session() {
            struct alignas(64) Configuration {
                std::uint8_t palette = 1, start_row = 0, reserved[14]{};
                std::uint16_t row_bytes[16]{};
                std::uint8_t rows[16]{};
            } all;
            for (int i = 0; i < 8; ++i) {
                all.row_bytes[i] = 64;
                all.rows[i] = 16;
            }
            order_memory();
            _tile_loadconfig(&all);
        }
        ~Session() { _tile_release(); }
    };
    /// Tile loads do not say that they read memory, so the compiler must be told.
    SWEETSPOT_INLINE static void order_memory() { asm volatile("" ::: "memory"); }

    static void pack_values(const AttentionHead& h) {
        const auto* from = static_cast<const BFloat16*>(h.v);
        auto* to = static_cast<float*>(h.packed_v); // words, moved only
        for (std::int64_t j = 0; j < rounded_up(h.rows, 64); j += 2 * tile)
            for (std::int64_t d = 0; d < h.width; d += tile) {
                float words[tile * tile];
                for (int i = 0; i < tile; ++i)
                    _mm512_storeu_si512(words + i * tile,
                                        pairs(row_part(h, from, j + 2 * i, d),
                                              row_part(h, from, j + 2 * i + 1, d)));
                transpose(words, tile, to + j / 2 * h.width + d * tile, tile);
            }
    }
    static void scores(const AttentionHead& h, std::int64_t first, std::int64_t n, int used) {
        const auto* k = static_cast<const BFloat16*>(h.packed_k) + first * h.width;
        const Sides sides{k, h.width * 2, 2 * tile, h.queries, tile * queries, h.width / 2 / tile};
        for (std::int64_t j = 0; j < n; j += 2 * tile)
            lanes_product<false, true>(sides, k + j * h.width, used, h.scores + j * queries);
        order_memory();
    }
    template <bool add>
    static void values(const AttentionHead& h, std::int64_t first, std::int64_t n, int used) {
        const auto* v = static_cast<const BFloat16*>(h.packed_v) + first * h.width;
        const Sides sides{v,
                          64,
                          h.width * 2 * tile,
                          static_cast<const float*>(h.weights),
                          tile * queries,
                          n / 2 / tile};
        std::int64_t d = 0;
        for (; d + tile < h.size; d += 2 * tile)
            lanes_product<add, true>(sides, v + d * 2 * tile, used, h.out + d * queries);
        if (d < h.size)
            lanes_product<add, false>(sides, v + d * 2 * tile, used, h.out + d * queries);
        order_memory();
    }

private:
    /// A product of tiles: how far it is from one left or right tile to the next of the same sum.
    struct Sides {
        const BFloat16* left;
        std::int64_t left_row_bytes, left_step; ///< step in elements
        const float* right;                     ///< [.., 64] words
        std::int64_t right_step;                ///< in words
        std::int64_t steps;
    };
    /// One or two tiles of rows by all used lanes.
    template <bool add, bool two_rows>
    SWEETSPOT_INLINE static void lanes_product(const Sides& s, const BFloat16* left, int used,
                                               float* c) {
        order_memory();
        int lane = 0;
        for (; lane + tile < used; lane += 2 * tile)
            tiles_product<add, two_rows, true>(s, left, lane, c + lane);
        if (lane < used) tiles_product<add, two_rows, false>(s, left, lane, c + lane);
    }
    template <bool add, bool two_rows, bool two_lanes>
    SWEETSPOT_INLINE static void tiles_product(const Sides& s, const BFloat16* left, int lane,
                                               float* c) {
        constexpr std::int64_t stride = queries * 4, below = tile * queries;
        if constexpr (add) {
            _tile_loadd(0, c, stride);
            if constexpr (two_lanes) _tile_loadd(1, c + tile, stride);
            if constexpr (two_rows) _tile_loadd(2, c + below, stride);
            if constexpr (two_rows && two_lanes) _tile_loadd(3, c + below + tile, stride);
        } else {
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            _tile_zero(3);
        }
        for (std::int64_t step = 0; step < s.steps; ++step) {
            const BFloat16* a = left + step * s.left_step;
            const float* b = s.right + step * s.right_step + lane;
            _tile_loadd(4, a, s.left_row_bytes);
            _tile_loadd(6, b, stride);
            _tile_dpbf16ps(0, 4, 6);
            if constexpr (two_lanes) {
                _tile_loadd(7, b + tile, stride);
                _tile_dpbf16ps(1, 4, 7);
            }
            if constexpr (two_rows) {
                _tile_loadd(5, a + s.left_row_bytes / 2 * tile, s.left_row_bytes);
                _tile_dpbf16ps(2, 5, 6);
                if constexpr (two_lanes) _tile_dpbf16ps(3, 5, 7);
            }
        }
        _tile_stored(0, c, stride);
        if constexpr (two_lanes) _tile_stored(1, c + tile, stride);
        if constexpr (two_rows) _tile_stored(2, c + below, stride);
        if constexpr (two_rows && two_lanes) _tile_stored(3, c + below + tile, stride);
    }
};

} // namespace

const AttentionKernel& attention_tiles_kernel() {
    return attention_steps<TileMath>;
}

} // namespace sweetspot::SWEETSPOT_TARGET

#pragma once
#include "kernels/cpu/vector.h"

/// AMX: eight registers of 16 rows of 16 words. For sources compiled for the target amx.
namespace sweetspot::SWEETSPOT_TARGET {

constexpr int tile = 16; ///< rows of a tile, and words in each

/// Sets up all tiles of this thread as full ones, and gives them back.
class TileSession {
public:
    TileSession() {
        struct alignas(64) Configuration {
            std::uint8_t palette = 1, start_row = 0, reserved[14]{};
            std::uint16_t row_bytes[16]{};
            std::uint8_t rows[16]{};
        } all;
        for (int i = 0; i < 8; ++i) {
            all.row_bytes[i] = 4 * tile;
            all.rows[i] = tile;
        }
        asm volatile("ldtilecfg %0" ::"m"(all));
    }
    ~TileSession() { asm volatile("tilerelease"); }
    TileSession(const TileSession&) = delete;
    TileSession& operator=(const TileSession&) = delete;
};

/// One register, by its number. GCC's own intrinsics do not say that loads read memory.
template <int n>
struct Tile {
    SWEETSPOT_INLINE static void zero() { asm volatile("tilezero %%tmm%c0" ::"i"(n)); }
    SWEETSPOT_INLINE static void load(const void* p, std::int64_t row_bytes) {
        asm volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(n), "r"(p), "r"(row_bytes) : "memory");
    }
    SWEETSPOT_INLINE static void store(void* p, std::int64_t row_bytes) {
        asm volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(n), "r"(p), "r"(row_bytes) : "memory");
    }
    /// += the product of tiles a [row][32] and b [16][word] of pairs of bf16.
    template <int a, int b>
    SWEETSPOT_INLINE static void add_product() {
        asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(n), "i"(a), "i"(b));
    }
};

} // namespace sweetspot::SWEETSPOT_TARGET

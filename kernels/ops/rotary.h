#pragma once
#include "kernels/core/context.h"

namespace sweetspot {

/// Which two channels of a head turn together: (i, i + size/2), or (2i, 2i + 1).
enum class RotaryPairs { halves, interleaved };
constexpr std::array<std::string_view, 2> names_of(RotaryPairs) {
    return {"halves", "interleaved"};
}

/// cos and sin of position · base^(-2i/head_size), the rotary angles (Su et al., 2021), times
/// magnitude; slower by a factor for each i, if there are such.
struct RotaryTable {
    static constexpr auto name = "rotary_table";

    Out cosine, sine; ///< [positions, head_size/2], f32; angles are computed in f64
    In slower{};      ///< [head_size/2], f32: what each angle is divided by, or absent
    float base = 10000.0f;
    float magnitude = 1;

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// Turns each head's channels by its row's position, in place.
struct Rotary {
    static constexpr auto name = "rotary";

    Out x;           ///< [rows, heads · head_size], f32, bf16 or f16, rows may be strided
    In positions;    ///< [rows], i32
    In cosine, sine; ///< [positions, head_size/2], f32
    RotaryPairs pairs = RotaryPairs::halves;

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const RotaryTable&, CpuStream&);
void launch(const RotaryTable&, CudaStream&);
void launch(const Rotary&, CpuStream&);
void launch(const Rotary&, CudaStream&);

} // namespace sweetspot

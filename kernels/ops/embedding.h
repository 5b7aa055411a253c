#pragma once
#include "kernels/core/context.h"

namespace sweetspot {

/// y = table[ids] · scale + position_table[positions].
struct Embedding {
    static constexpr auto name = "embedding";

    In ids;              ///< [rows], i32, each in [0, vocabulary); host values are not checked here
    In table;            ///< [vocabulary, width], f32 or bf16
    In scale{};          ///< [rows], f32, or absent: ESM-2's token dropout, 0 at <mask> and padding
    In positions{};      ///< [rows], i32, or absent
    In position_table{}; ///< [positions, width], f32 or bf16; present with positions
    Out y;               ///< [rows, width], f32

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const Embedding&, CpuStream&);
void launch(const Embedding&, CudaStream&);

} // namespace sweetspot

#pragma once
#include "kernels/ops/weight.h"

namespace sweetspot {

/// y = table[ids] · scale + position_table[positions].
struct Embedding {
    static constexpr auto name = "embedding";

    In ids;              ///< [rows], i32, each in [0, vocabulary); host values are not checked here
    In table{};          ///< [vocabulary, width], f32, bf16 or f16, or absent
    Weight weight{};     ///< then its rows are the table: the output product's, if they are tied
    In scale{};          ///< [rows], f32, or absent: ESM-2's token dropout, 0 at <mask> and padding
    In positions{};      ///< [rows], i32, or absent
    In position_table{}; ///< [positions, width], f32, bf16 or f16; present with positions
    Out y;               ///< [rows, width], f32

    DType table_type() const { return table.present() ? table.dtype : weight.dtype(); }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// The gradients of Embedding by its tables, added to them row by row in the order of the rows, so
/// that they are the same each time.
struct EmbeddingBackward {
    static constexpr auto name = "embedding_backward";

    In ids;                ///< as Embedding's
    In scale{};            ///< likewise, or absent
    In positions{};        ///< likewise, or absent
    In dy;                 ///< [rows, width], f32: the loss's gradient by y
    Out dtable;            ///< [vocabulary, width], f32: added to
    Out dposition_table{}; ///< [positions, width], f32: added to; present with positions

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// positions[row] = row - the first row of its sequence: what Embedding and Rotary ask for, from
/// the offsets of a ragged batch.
struct RaggedPositions {
    static constexpr auto name = "ragged_positions";

    In offsets;    ///< [sequences + 1], i32: Segments::offsets
    Out positions; ///< [rows], i32

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const Embedding&, CpuStream&);
void launch(const Embedding&, CudaStream&);
void launch(const EmbeddingBackward&, CpuStream&);
void launch(const EmbeddingBackward&, CudaStream&);
void launch(const RaggedPositions&, CpuStream&);
void launch(const RaggedPositions&, CudaStream&);

} // namespace sweetspot

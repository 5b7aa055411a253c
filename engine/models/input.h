#pragma once
#include "engine/data/batches.h"
#include "kernels/ops/segments.h"

namespace sweetspot {

/// A batch as rows that go through the layers.
struct InputRows {
    std::vector<std::int32_t> ids{}; ///< [rows]; 0 in rows of padding; empty of a shape
    Segments segments{};             ///< which rows belong to which sequence, and how many are real
    std::int32_t mask = -1;          ///< which of the ids is <mask>; -1 where there is none

    std::int64_t rows() const { return segments.rows(); }
};

/// Padded and bucketed: each sequence gets as many rows as the longest has tokens. Ragged: as many
/// as it has itself. Throws Error(bad_input) if the batch or one of its sequences is empty, or if
/// they are more rows than 2^31 - 1.
InputRows lay_out(const Batch&, Layout, std::int32_t mask);
InputRows lay_out(const BatchShape&, Layout);

/// For each sequence of the batch its values in the rows that lay_out() gives its tokens;
/// `padding` in the others.
std::vector<std::int32_t> lay_out(const std::vector<Tokens>& values, const Segments&,
                                  std::int32_t padding);

/// The position of each row in its sequence, from 0.
std::vector<std::int32_t> positions_of(const Segments&);

/// ESM-2's factor for each row's embedding: 0 for <mask> and padding; else (1 - 0.12) / (1 - share
/// of <mask> in the sequence), as it was trained with so many masked.
std::vector<float> token_dropout_scale(const InputRows&);

} // namespace sweetspot

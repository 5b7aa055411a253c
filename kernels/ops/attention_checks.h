#pragma once
#include "kernels/ops/segments.h"

/// What attention of each kind demands of its tensors.
namespace sweetspot {

inline void require_shape(bool holds, const char* expected,
                          std::source_location where = std::source_location::current()) {
    require(holds, Failure::bad_shape, expected, where);
}

inline bool is_matrix(const In& t, std::int64_t rows, std::int64_t width) {
    return t.shape == Shape{rows, width} && t.stride() >= width;
}

inline void check_segments(const Segments* segments, std::int64_t rows) {
    require_shape(segments, "attention needs segments");
    const auto& offsets = segments->offsets;
    const auto& lengths = segments->lengths;
    require_shape(!lengths.empty() && offsets.size() == lengths.size() + 1 && offsets.front() == 0,
                  "segments have one offset more than lengths, and at least one sequence");
    require_shape(segments->rows() == rows, "segments cover the rows of q, k and v");
    for (int s = 0; s < segments->count(); ++s)
        require_shape(lengths[s] >= 1 && lengths[s] <= segments->rows_of(s),
                      "each sequence has at least one token and no more than its rows");
}

inline void check_rotary(const In& cosine, const In& sine, std::int64_t positions,
                         std::int64_t head_size) {
    require_shape(cosine.present() == sine.present(), "cosine and sine are both present or absent");
    if (!cosine.present()) return;
    require_shape(head_size % 2 == 0, "rotary needs an even head size");
    require_shape(cosine.dtype == DType::f32 && sine.dtype == DType::f32,
                  "cosine and sine are f32");
    require_shape(cosine.shape.rank == 2 && cosine.shape == sine.shape &&
                      cosine.shape[1] == head_size / 2 && !cosine.row_stride && !sine.row_stride,
                  "cosine and sine are dense [positions, head_size/2]");
    require_shape(cosine.shape[0] >= positions, "cosine and sine cover every position");
}

/// Throws Error(unsupported): kernels for GPUs see all keys.
inline void require_no_window(int window) {
    require(!window, Failure::unsupported,
            "attention to a window that is shorter than the sequence is computed on the CPU only");
}

/// Read of the rotary table for so many positions.
inline double table_bytes(const In& cosine, double positions) {
    return cosine.present() ? 2 * positions * double(cosine.shape[1]) * sizeof(float) : 0;
}

} // namespace sweetspot

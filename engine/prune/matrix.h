#pragma once
#include "engine/weights/source.h"

namespace sweetspot {

/// The numbers of a parameter that are to be changed, f32 in workspace of the host: the rows of all
/// its sources, one below the other. A plan has them without numbers.
struct Matrix {
    Tensor held{};
    std::vector<std::int64_t> rows{}; ///< of each source
    std::int64_t columns = 1;
    bool vector = false; ///< one number a row

    std::int64_t total_rows() const;
    std::int64_t count() const { return total_rows() * columns; }
    float* row(std::int64_t i) const { return held.as<float>() + i * columns; }
    /// Of each source, as WeightSource::find() gives them.
    std::vector<In> views() const;

    /// Only these rows, in order, of which each source has `of_sources`; only these columns.
    void keep_rows(const std::vector<std::int64_t>& kept, std::vector<std::int64_t> of_sources);
    void keep_columns(const std::vector<std::int64_t>& kept);
};

Matrix read_matrix(WeightSource&, const Parameter&, Context&);

} // namespace sweetspot

#pragma once
#include "engine/probe/labels.h"
#include "kernels/core/tensor.h"

namespace sweetspot {

/// What a head says of the rows of test, in order.
struct HeadPredictions {
    std::vector<double> numbers{};
    std::vector<int> classes{}; ///< likewise, where classes are predicted
    std::string note{};         ///< which head, and what rows of validation chose of it
};

/// Fits the head that the run asks for to the features of the rows of train, [rows, width] f32 on
/// the host, standardised by what these rows have; sums are in doubles or in a fixed order, so that
/// it repeats to the bit. Rows of validation choose the penalty or the epoch. Throws
/// Error(bad_input) if a feature is no number.
HeadPredictions fit_head(In features, const Labels&, const RunConfig&, int threads);

/// The ridge solution: the w [width, outputs] that makes |x·w - y|² + penalty·|w|² least, for rows
/// x [rows, width] and y [rows, outputs], each in rows.
std::vector<double> ridge(const std::vector<float>& x, const std::vector<double>& y,
                          std::int64_t width, std::int64_t outputs, double penalty, int threads);

} // namespace sweetspot

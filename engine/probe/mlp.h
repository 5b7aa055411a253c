#pragma once
#include <cstdint>
#include <vector>

namespace sweetspot {

/// Rows of one split: features x [rows, width] and what they should give, y [rows, outputs].
struct ProbeRows {
    std::vector<float> x{};
    std::vector<double> y{};
};

/// What a head is fitted to, chosen by and asked.
struct HeadProblem {
    ProbeRows train{}, validation{}, test{};
    std::int64_t width = 0, outputs = 1;
};

struct MlpFit {
    std::vector<double> test{}; ///< [rows of test, outputs]: numbers, or the classes' logits
    int epochs = 0;             ///< that were tried
};

/// One hidden layer of ReLU, by Adam on batches of 32 rows that each epoch shuffles anew, until
/// `epochs` or ten in a row that were no better for the rows of validation than the best, which is
/// the one that answers. The loss is the mean square, or, of classes, the cross-entropy, where y is
/// largest at the right one.
MlpFit fit_mlp(const HeadProblem&, bool classes, int hidden, int epochs, std::uint64_t seed);

} // namespace sweetspot

#pragma once
#include "kernels/ops/matmul.h"
#include <optional>
#include <string>

/// Weights in 2:4 on a GPU. No header of the toolkit is included here: every build has these
/// declarations, as those of device.h.
namespace sweetspot {

/// A product of a linear, as it will be computed again and again.
struct LinearShape {
    std::int64_t m = 0, n = 0, k = 0; ///< rows of x, of the weight, of its columns
    DType dtype = DType::bf16;
    bool bias = false;
    Activation activation = Activation::none;
};

/// What it takes on a GPU: seconds of one product, the median of some, with all that is behind it
/// up to the activation. Of no more than `most_rows` rows, behind which both grow alike.
struct ProductTimes {
    static constexpr std::int64_t most_rows = 8192;

    std::int64_t rows = 0; ///< that were measured; 0: nothing was
    double dense = 0;
    double two_of_four = 0; ///< 0: no kernel takes it
    std::string why{};      ///< no kernel takes it, a phrase

    bool gains() const { return two_of_four > 0 && two_of_four < dense; }
};

/// Measured once on each GPU, with memory of the context's for a moment; then known from a file.
/// Throws Error(unsupported) if the library is missing, and on a CPU.
ProductTimes time_products(const LinearShape&, Context&);

} // namespace sweetspot

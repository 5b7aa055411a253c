#pragma once
#include "kernels/core/context.h"
#include <string>

/// Matrix products that the benches time, and numbers to multiply.
namespace sweetspot::bench {

/// c[rows, outputs] = a[rows, inputs] · weightᵀ, with `count` weights of their own.
struct Product {
    std::int64_t rows = 0, outputs = 0, inputs = 0, count = 0;
    double flops() const { return 2.0 * double(rows * outputs * inputs * count); }
};

/// Of ROWSxOUTPUTSxINPUTSxCOUNT. Throws Error(bad_input) for anything else.
Product parsed_product(const std::string& text);

/// Uniform in [-0.5, 0.5): zeros and denormals would run at another speed.
Tensor drawn(Context&, std::int64_t rows, std::int64_t columns, DType);

} // namespace sweetspot::bench

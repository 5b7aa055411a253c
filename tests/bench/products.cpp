#include "tests/bench/products.h"
#include "kernels/ops/elementwise.h"
#include <algorithm>
#include <cstdio>
#include <random>

namespace sweetspot::bench {

Product parsed_product(const std::string& text) {
    Product p;
    char rest = 0;
    const int read = std::sscanf(text.c_str(), "%ldx%ldx%ldx%ld%c", &p.rows, &p.outputs, &p.inputs,
                                 &p.count, &rest);
    require(read == 4 && p.rows > 0 && p.outputs > 0 && p.inputs > 0 && p.count > 0,
            Failure::bad_input, "a product is ROWSxOUTPUTSxINPUTSxCOUNT.");
    return p;
}

Tensor drawn(Context& context, std::int64_t rows, std::int64_t columns, DType dtype) {
    Tensor values(context.allocator, {rows, columns}, DType::f32);
    std::minstd_rand generator;
    std::generate_n(values.as<float>(), rows * columns,
                    [&] { return float(generator()) * 0x1p-31f - 0.5f; });
    if (dtype == DType::f32) return values;
    Tensor converted(context.allocator, {rows, columns}, dtype);
    run(Convert{.x = values, .y = converted}, context);
    return converted;
}

} // namespace sweetspot::bench

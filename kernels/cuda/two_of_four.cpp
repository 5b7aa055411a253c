#include "kernels/cuda/two_of_four.h"
#include "kernels/core/float_types.h"
#include "kernels/cuda/cusparselt.h"
#include "kernels/ops/transfer.h"
#include <algorithm>
#include <charconv>
#include <random>
#include <sstream>

// Which of two ways a linear takes is decided by measuring both with the model's own epilogue, once
// for each shape.

namespace sweetspot {

namespace {

constexpr int warm_ups = 3, samples = 9;

std::string describe(const LinearShape& p, std::int64_t m) {
    return "times of " + std::to_string(m) + " rows x [" + std::to_string(p.n) + ", " +
           std::to_string(p.k) + "]^T, " + std::string(names_of(p.dtype)[std::size_t(p.dtype)]) +
           (p.bias ? ", bias" : "") + ", " +
           std::string(names_of(p.activation)[std::size_t(p.activation)]);
}

std::string text_of(double x) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, x).ptr};
}

/// Numbers of unit variance; with `sparse` two of four neighbours are 0. How long a product takes
/// depends on them, by the power that it draws.
Tensor drawn(const Shape& shape, bool sparse, Context& context) {
    Tensor y(context.host_allocator, shape, DType::f32, Purpose::workspace);
    std::minstd_rand random(1);
    for (std::int64_t i = 0; i < shape.count(); ++i)
        y.as<float>()[i] = sparse && i % 4 > 1 ? 0 : (float(random()) * 0x1p-31f - 0.5f) * 3.46f;
    return y;
}

double median_seconds(const MatMul& op, CudaStream& stream, Context& context) {
    const auto clock = stream.device->clock();
    for (int i = 0; i < warm_ups; ++i) run(op, context);
    double seconds[samples];
    for (double& x : seconds) x = seconds_of(*clock, [&] { run(op, context); });
    std::nth_element(seconds, seconds + samples / 2, seconds + samples);
    return seconds[samples / 2];
}

} // namespace

ProductTimes time_products(const LinearShape& p, Context& context) {
    auto* stream = std::get_if<CudaStream>(&context.stream);
    require(stream != nullptr, Failure::unsupported, "products in 2:4 are timed on a GPU");
    CusparseLt& library = stream->device->libraries().cusparselt();
    const std::int64_t m = std::min(p.m, ProductTimes::most_rows);
    ProductTimes y{.rows = m};
    if (auto why = library.refusal(p.n, p.k, p.dtype)) {
        y.why = *why;
        return y;
    }
    const std::string what = describe(p, m);
    if (const auto known = library.known(what))
        if (std::istringstream(*known) >> y.dense >> y.two_of_four) return y;
    const auto format =
        p.dtype == DType::f16 ? WeightFormat::two_of_four_f16 : WeightFormat::two_of_four_bf16;
    const auto on_device = [&](const Shape& shape, DType type) {
        return Tensor(context.allocator, shape, type, Purpose::workspace);
    };
    const Tensor x = on_device({m, p.k}, p.dtype), c = on_device({m, p.n}, p.dtype),
                 bias = on_device({p.n}, DType::f32);
    run(Upload{.x = drawn({m, p.k}, false, context), .y = x}, context);
    run(Upload{.x = drawn({p.n}, false, context), .y = bias}, context);
    const Tensor numbers = drawn({p.n, p.k}, true, context);
    const auto seconds = [&](WeightFormat stored) {
        const Tensor packed =
            on_device(packed_shape(stored, p.n, p.k, p.dtype), packed_type(stored, p.dtype));
        run(PackWeight{.sources = {numbers}, .packed = packed, .format = stored}, context);
        return median_seconds({.a = x,
                               .weight = {.data = packed, .n = p.n, .k = p.k, .format = stored},
                               .bias = p.bias ? bias.in() : In{},
                               .c = c,
                               .activation = p.activation},
                              *stream, context);
    };
    y.dense = seconds(WeightFormat::dense);
    y.two_of_four = seconds(format);
    library.keep(what, text_of(y.dense) + ' ' + text_of(y.two_of_four));
    return y;
}

} // namespace sweetspot

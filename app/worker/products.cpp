#include "app/worker/products.h"
#include "engine/config/fields.h"
#include "kernels/core/memory.h"
#include "kernels/cpu/ceiling.h"
#include "kernels/ops/matmul_backward.h"
#include <algorithm>
#include <chrono>
#include <cmath>

namespace sweetspot {

namespace {

constexpr std::int64_t tokens = 512, width = 768, mlp = 2048, vocabulary = 32000;

/// Zeros would be as fast: only the least numbers are slow.
Tensor filled(Context& context, Shape shape, DType type) {
    Tensor tensor(context.allocator, shape, type);
    std::fill_n(static_cast<char*>(tensor.as<void>()), In(tensor).bytes(), char(0x3c));
    return tensor;
}

/// Of the quickest of some runs: others only add to it.
template <class F>
double least_seconds(const F& f) {
    double least = INFINITY;
    for (int i = 0; i < 7; ++i) {
        const auto start = std::chrono::steady_clock::now();
        f();
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        least = std::min(least, seconds.count());
    }
    return least;
}

/// Nothing is quicker than its ceiling: where it seems to be, others ran while that was measured.
constexpr double clock_error = 1.05;

std::string said(const std::string& what, const std::string& kernel, double rate, const char* unit,
                 std::optional<double> ceiling, const std::string& of) {
    const std::string text =
        what + ": " + kernel + ", " + to_text(std::llround(rate / 1e9)) + ' ' + unit;
    if (!ceiling) return text;
    const double share = rate / *ceiling;
    if (share > clock_error) return text + "; no share, as others disturbed " + of;
    return text + ", " + to_text(std::round(100 * share) / 100) + " of " + of;
}

} // namespace

void say_products(int threads, const std::function<void(const std::string&)>& say) {
    HostAllocator allocator;
    Context context(CpuStream{.threads = threads}, allocator);
    for (const DType type : {DType::f32, DType::bf16}) {
        const std::string name = type == DType::f32 ? "f32" : "bf16";
        const auto multiplied = [&](const std::string& what, const std::string& kernel,
                                    const auto& op) {
            const auto ceiling = register_flops(type, threads); // now: clocks and load change
            const double rate = op.cost().flops / least_seconds([&] { run(op, context); });
            say(said(name + " " + what, kernel, rate, "GFLOP/s", ceiling,
                     "what registers alone multiply"));
        };
        const Tensor x = filled(context, {tokens, width}, type);
        const Tensor y = filled(context, {tokens, mlp}, type);
        const Tensor gradient = filled(context, {mlp, width}, DType::f32);
        const Tensor packed = filled(context, packed_shape(mlp, width, type), type);
        const Weight weight{.data = packed, .n = mlp, .k = width};
        multiplied("forward", product_kernel(tokens, mlp, width, type),
                   MatMul{.a = x, .weight = weight, .c = y});
        multiplied("gradient of inputs", product_kernel(tokens, width, mlp, type),
                   MatMulBackward{.dy = y, .weight = weight, .dx = x});
        multiplied("gradient of weights", gradient_kernel(mlp, width, tokens, type),
                   WeightGradient{.dy = y, .x = x, .dw = gradient});

        const Tensor head = filled(context, packed_shape(vocabulary, width, type), type);
        const Tensor token = filled(context, {1, width}, type);
        const Tensor logits = filled(context, {1, vocabulary}, DType::f32);
        const MatMul decode{
            .a = token, .weight = {.data = head, .n = vocabulary, .k = width}, .c = logits};
        const auto bytes = double(In(head).bytes());
        const double read = bytes / least_seconds([&] {
                                read_plainly(head.as<void>(), std::size_t(bytes), threads);
                            });
        const double rate = bytes / least_seconds([&] { run(decode, context); });
        say(said(name + " one token", product_kernel(1, vocabulary, width, type), rate, "GB/s",
                 read, "a plain read"));
    }
}

} // namespace sweetspot

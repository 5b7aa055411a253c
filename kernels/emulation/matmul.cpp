// Stands for cuBLASLt, which cannot run here: products are plain loops, queued on the stream as the
// library's kernels would be. Like there, sums, bias and activation are in f32, and the result is
// rounded once. So what is tested with it is what our code does around a product.
#include "kernels/cuda/check.h"
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/product.h"
#include "mma.h"
#include "watch.h"
#include <vector>

namespace sweetspot {

namespace {

constexpr std::int64_t lanes = 16; // partial sums of a row, so that the compiler makes vectors

std::int64_t padded(std::int64_t k) {
    return (k + lanes - 1) / lanes * lanes;
}

float dot(const float* a, const float* b, std::int64_t padded_k) {
    float sums[lanes] = {};
    for (std::int64_t i = 0; i < padded_k; i += lanes)
        for (std::int64_t lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
    float sum = 0;
    for (const float x : sums) sum += x;
    return sum;
}

float gelu_tanh(float x) {
    return 0.5f * x * (1 + std::tanh(float(M_2_SQRTPI * M_SQRT1_2) * (x + 0.044715f * x * x * x)));
}

/// [rows][padded(k)] floats of a factor, whose rows these are or, transposed, whose columns.
template <class T>
std::vector<float> factor(const In& from, std::int64_t first, std::int64_t rows, std::int64_t k,
                          bool transposed, bool tf32) {
    const std::int64_t along = transposed ? from.stride() : 1,
                       across = transposed ? 1 : from.stride();
    std::vector<float> to(std::size_t(rows * padded(k)), 0.0f);
    for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t i = 0; i < k; ++i) {
            const float x = to_float(from.as<T>()[(first + row) * across + i * along]);
            to[std::size_t(row * padded(k) + i)] = tf32 ? std::bit_cast<float>(to_tf32(x)) : x;
        }
    return to;
}

template <class T, class Result>
void multiply(const Product& p) {
    const std::int64_t m = p.c.shape[0], n = p.c.shape[1], k = p.k();
    const bool tf32 = p.tf32 && p.a.dtype == DType::f32;
    const auto a = factor<T>(p.a, 0, m, k, p.a_transposed, tf32);
    const auto* bias = static_cast<const Result*>(p.bias);
    for (std::int64_t column = 0; column < n; ++column) {
        const auto b = factor<T>(p.b, column, 1, k, !p.b_transposed, tf32);
        for (std::int64_t row = 0; row < m; ++row) {
            Result& c = p.c.as<Result>()[row * p.c.stride() + column];
            float y = dot(&a[std::size_t(row * padded(k))], b.data(), padded(k));
            if (p.accumulate) y += to_float(c);
            if (p.epilogue.bias) y += to_float(bias[column]);
            if (p.epilogue.before)
                p.before.as<Result>()[row * p.before.stride() + column] = from_float<Result>(y);
            c = from_float<Result>(p.epilogue.gelu ? gelu_tanh(y) : y);
        }
    }
}

} // namespace

bool launch_product(const Product& p, CudaStream& stream) {
    if (p.epilogue.gelu && p.c.shape[1] % 2) return false; // so that callers go without at times
    const auto work = [=] {
        emulation::note({.what = emulation::Done::kernel,
                         .name = "product",
                         .grid = {unsigned(p.c.shape.count()), 1, 1},
                         .block = {1, 1, 1}});
        with_type(p.a.dtype, [&]<class T>(T) {
            with_type(p.c.dtype, [&]<class Result>(Result) { multiply<T, Result>(p); });
        });
    };
    check_cuda(emulation::enqueue(stream.handle, work), "cublasLtMatmul");
    return true;
}

} // namespace sweetspot

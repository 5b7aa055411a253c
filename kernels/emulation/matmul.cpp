// Stands for cuBLASLt, which cannot run here: products are plain loops, queued on the stream as the
// library's kernels would be. Like there, sums, bias and activation are in f32, and the result is
// rounded once. So what is tested with it is what our code does around a product.
#include "kernels/ops/matmul.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/convert.cuh"
#include "mma.h"
#include <vector>

namespace sweetspot {

namespace {

constexpr std::int64_t lanes = 16; // partial sums of a row, so that the compiler makes vectors

std::int64_t padded(std::int64_t k) {
    return (k + lanes - 1) / lanes * lanes;
}

/// [rows][padded(k)] floats, zeros at the ends.
template <class T>
std::vector<float> floats(const T* from, std::int64_t rows, std::int64_t k, std::int64_t stride,
                          bool tf32) {
    std::vector<float> to(std::size_t(rows * padded(k)), 0.0f);
    for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t i = 0; i < k; ++i) {
            const float x = to_float(from[row * stride + i]);
            to[std::size_t(row * padded(k) + i)] = tf32 ? std::bit_cast<float>(to_tf32(x)) : x;
        }
    return to;
}

float dot(const float* a, const float* b, std::int64_t padded_k) {
    float sums[lanes] = {};
    for (std::int64_t i = 0; i < padded_k; i += lanes)
        for (std::int64_t lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
    float sum = 0;
    for (const float x : sums) sum += x;
    return sum;
}

float activated(float x, Activation activation) {
    switch (activation) {
    case Activation::none: return x;
    case Activation::gelu: return 0.5f * x * (1 + std::erf(x * float(M_SQRT1_2)));
    case Activation::gelu_tanh:
        return 0.5f * x *
               (1 + std::tanh(float(M_2_SQRTPI * M_SQRT1_2) * (x + 0.044715f * x * x * x)));
    case Activation::silu: return x / (1 + std::exp(-x));
    }
    return x;
}

template <class T, class Result>
void multiply(const MatMul& op) {
    const std::int64_t m = op.a.shape[0], k = op.a.shape[1], n = op.c.shape[1];
    const bool tf32 = op.tf32 && op.a.dtype == DType::f32;
    const auto a = floats(op.a.as<T>(), m, k, op.a.stride(), tf32);
    for (std::int64_t column = 0; column < n; ++column) {
        const std::int64_t stride = op.weight.shape[1];
        const auto weight = floats(op.weight.as<T>() + column * stride, 1, k, stride, tf32);
        const float bias = op.bias.present() ? op.bias.as<float>()[column] : 0;
        for (std::int64_t row = 0; row < m; ++row) {
            Result& c = op.c.as<Result>()[row * op.c.stride() + column];
            const float sum = dot(&a[std::size_t(row * padded(k))], weight.data(), padded(k));
            const float y = activated(sum + bias, op.activation);
            c = from_float<Result>(op.accumulate ? to_float(c) + y : y);
        }
    }
}

} // namespace

void launch(const MatMul& op, CudaStream& stream) {
    const auto work = [op] {
        with_type(op.a.dtype, [&]<class T>(T) {
            with_type(op.c.dtype, [&]<class Result>(Result) { multiply<T, Result>(op); });
        });
    };
    check_cuda(emulation::enqueue(stream.handle, work), "cublasLtMatmul");
}

} // namespace sweetspot

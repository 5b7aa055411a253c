// Stands for cuBLASLt, which cannot run here: products are plain loops, queued on the stream as the
// library's kernels would be. Like there, sums, bias and activation are in f32, and the result is
// rounded once. So what is tested with it is what our code does around a product.
#include "kernels/cuda/check.h"
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/product.h"
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

float gelu_tanh(float x) {
    return 0.5f * x * (1 + std::tanh(float(M_2_SQRTPI * M_SQRT1_2) * (x + 0.044715f * x * x * x)));
}

template <class T, class Result>
void multiply(const MatMul& op, Epilogue epilogue, const Result* bias) {
    const std::int64_t m = op.a.shape[0], k = op.a.shape[1], n = op.c.shape[1];
    const bool tf32 = op.tf32 && op.a.dtype == DType::f32;
    const auto a = floats(op.a.as<T>(), m, k, op.a.stride(), tf32);
    for (std::int64_t column = 0; column < n; ++column) {
        const std::int64_t stride = op.weight.shape[1];
        const auto weight = floats(op.weight.as<T>() + column * stride, 1, k, stride, tf32);
        for (std::int64_t row = 0; row < m; ++row) {
            Result& c = op.c.as<Result>()[row * op.c.stride() + column];
            float y = dot(&a[std::size_t(row * padded(k))], weight.data(), padded(k));
            if (op.accumulate) y += to_float(c);
            if (epilogue.bias) y += to_float(bias[column]);
            c = from_float<Result>(epilogue.gelu ? gelu_tanh(y) : y);
        }
    }
}

} // namespace

bool launch_product(const MatMul& op, Epilogue epilogue, const void* bias, CudaStream& stream) {
    if (epilogue.gelu && op.c.shape[1] % 2) return false; // so that callers go without at times
    const auto work = [=] {
        with_type(op.a.dtype, [&]<class T>(T) {
            with_type(op.c.dtype, [&]<class Result>(Result) {
                multiply<T, Result>(op, epilogue, static_cast<const Result*>(bias));
            });
        });
    };
    check_cuda(emulation::enqueue(stream.handle, work), "cublasLtMatmul");
    return true;
}

} // namespace sweetspot

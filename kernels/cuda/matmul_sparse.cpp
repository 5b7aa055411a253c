#include "kernels/cuda/check.h"
#include "kernels/cuda/cusparselt.h"
#include "kernels/cuda/product.h"

// Products of weights in 2:4: by cuSPARSELt, which adds the bias and, where its form is the
// model's, does the activation. It takes rows in eights: what does not fill the last eight goes by
// itself, filled up with zeros.

namespace sweetspot {

namespace {

bool fuses(const MatMul& op, CusparseLt& library) {
    if (op.before.present()) return false;
    switch (op.activation) {
    case Activation::gelu: return library.gelu_form(op.a.dtype) == GeluForm::erf;
    case Activation::gelu_tanh: return library.gelu_form(op.a.dtype) == GeluForm::tanh;
    default: return false;
    }
}

void copy_rows(const Out& to, const In& from, const CudaStream& stream) {
    const std::size_t element = size_of(from.dtype);
    check_cuda(cudaMemcpy2DAsync(to.data, std::size_t(to.stride()) * element, from.data,
                                 std::size_t(from.stride()) * element,
                                 std::size_t(from.shape[1]) * element, std::size_t(from.shape[0]),
                                 cudaMemcpyDefault, stream.handle),
               "cudaMemcpy2DAsync");
}

} // namespace

void launch_two_of_four(const MatMul& op, CudaStream& stream) {
    const DType type = op.weight.format == WeightFormat::two_of_four_f16 ? DType::f16 : DType::bf16;
    if (op.a.dtype != type || op.c.dtype != type || op.accumulate)
        throw Error(Failure::unsupported,
                    "on a GPU products of a weight in 2:4 read and write the type of its numbers");
    CusparseLt& library = stream.device->libraries().cusparselt();
    const Epilogue done{.bias = op.bias.present(), .gelu = fuses(op, library)};
    const void* bias = done.bias ? bias_of_type(op, stream) : nullptr;
    const auto multiply = [&](const In& x, const Out& y) {
        if (!library.multiply(
                {.x = x, .weight = op.weight.data.data, .y = y, .bias = bias, .gelu = done.gelu},
                stream))
            throw Error(Failure::unsupported,
                        "cuSPARSELt has no algorithm for this product: its strides or alignment");
    };
    constexpr std::int64_t step = SparseProduct::row_step;
    const std::int64_t m = op.a.shape[0], rest = m % step, whole = m - rest;
    if (whole) multiply(rows(op.a, 0, whole), rows(op.c, 0, whole));
    if (rest) {
        const auto element = std::int64_t(size_of(type));
        char* free = static_cast<char*>(stream.workspace) + MatMul::library_workspace_bytes +
                     (done.bias ? op.weight.n * element : 0);
        const Out x{free, {step, op.weight.k}, type};
        const Out y{free + step * op.weight.k * element, {step, op.weight.n}, type};
        check_cuda(cudaMemsetAsync(x.data, 0, x.bytes(), stream.handle), "cudaMemsetAsync");
        copy_rows(rows(x, 0, rest), rows(op.a, whole, rest), stream);
        multiply(x, y);
        copy_rows(rows(op.c, whole, rest), rows(y, 0, rest), stream);
    }
    finish(op, done, stream);
}

} // namespace sweetspot

#include "kernels/ops/matmul.h"
#include "kernels/cuda/block_product.h"
#include "kernels/cuda/epilogue.h"
#include "kernels/cuda/product.h"
#include "kernels/ops/elementwise.h"
#include <algorithm>

namespace sweetspot {

const void* bias_of_type(const MatMul& op, CudaStream& stream) {
    if (op.c.dtype == DType::f32) return op.bias.data;
    char* copy = static_cast<char*>(stream.workspace) + MatMul::library_workspace_bytes;
    launch(Convert{.x = op.bias, .y = {copy, op.bias.shape, op.c.dtype}}, stream);
    return copy;
}

namespace {

/// The library knows the tanh form of GELU only, by an approximate tanh (2e-6 off on an H200, too
/// much for c in f32), and keeps what it was given in whole packs. Where a pass of our own has to
/// follow, it adds the bias too.
Epilogue wanted(const MatMul& op) {
    const Epilogue bias{.bias = op.bias.present()};
    if (op.activation == Activation::none) return bias;
    const bool can_keep =
        op.before.stride() % 8 == 0 && reinterpret_cast<std::uintptr_t>(op.before.data) % 16 == 0;
    if (op.activation != Activation::gelu_tanh || op.c.dtype == DType::f32 ||
        (op.before.present() && !can_keep))
        return {};
    return {.bias = bias.bias, .gelu = true, .before = op.before.present()};
}

} // namespace

void finish(const MatMul& op, Epilogue done, CudaStream& stream) {
    const In bias = done.bias ? In{} : op.bias;
    const Activation activation = done.gelu ? Activation::none : op.activation;
    if (bias.present() || activation != Activation::none)
        launch_epilogue(op.c, bias, activation, done.before ? Out{} : op.before, stream);
}

In rows_of(const Weight& weight) {
    return {weight.data.data, {weight.n, weight.k}, weight.dtype(), weight.data.shape[1]};
}

void launch_any(Product product, CudaStream& stream) {
    if (product.c.shape.count() == 0) return;
    if (!launch_product(product, stream))
        throw Error(Failure::unsupported,
                    "cuBLASLt has no algorithm for this product: its types, strides or alignment");
}

/// With the rows of a dense weight.
static void multiply(const MatMul& op, const In& rows, CudaStream& stream) {
    Product product{.a = op.a,
                    .b = rows,
                    .b_transposed = true,
                    .c = op.c,
                    .accumulate = op.accumulate,
                    .tf32 = op.tf32,
                    .before = op.before};
    product.epilogue = wanted(op);
    if (product.epilogue != Epilogue{}) {
        if (product.epilogue.bias) product.bias = bias_of_type(op, stream);
        if (launch_product(product, stream)) return finish(op, product.epilogue, stream);
        product.epilogue = {};
        product.bias = nullptr;
    }
    launch_any(product, stream);
    finish(op, product.epilogue, stream);
}

/// Panel by panel of a weight in blocks, laid out as dense rows.
static void multiply_panels(const MatMul& op, CudaStream& stream) {
    const std::int64_t at_once = op.gpu_panel_rows();
    char* panel = static_cast<char*>(stream.workspace) + op.gpu_panel_offset();
    for (std::int64_t first = 0; first < op.weight.n; first += at_once) {
        const std::int64_t count = std::min(at_once, op.weight.n - first);
        const Out rows{panel, {count, op.weight.k}, op.a.dtype};
        unpack_blocks(op.weight, first, 0, rows, stream);
        MatMul part = op;
        part.c = columns(op.c, first, count);
        if (op.before.present()) part.before = columns(op.before, first, count);
        if (op.bias.present()) part.bias = {op.bias.as<float>() + first, {count}, DType::f32};
        multiply(part, rows, stream);
    }
}

void launch(const MatMul& op, CudaStream& stream) {
    require(!op.rounds_a, Failure::unsupported, "a GPU rounds no activations");
    if (stores_two_of_four(op.weight.format)) return launch_two_of_four(op, stream);
    if (op.c.shape[0] == 0) return;
    if (op.weight.dense()) return multiply(op, rows_of(op.weight), stream);
    if (op.reads_few_rows()) return multiply_blocks(op, stream);
    multiply_panels(op, stream);
}

} // namespace sweetspot

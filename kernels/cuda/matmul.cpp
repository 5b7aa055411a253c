#include "kernels/ops/matmul.h"
#include "kernels/cuda/epilogue.h"
#include "kernels/cuda/product.h"
#include "kernels/ops/elementwise.h"

namespace sweetspot {

namespace {

/// The library adds a bias only if it has c's type: of one in f32 it gets a copy, rounded as the
/// result will be. The copy lies behind the library's own workspace.
const void* bias_of_type(const MatMul& op, CudaStream& stream) {
    if (op.c.dtype == DType::f32) return op.bias.data;
    char* copy = static_cast<char*>(stream.workspace) + MatMul::library_workspace_bytes;
    launch(Convert{.x = op.bias, .y = {copy, op.bias.shape, op.c.dtype}}, stream);
    return copy;
}

/// The library knows the tanh form of GELU only. Where a pass of our own has to follow, it adds the
/// bias too.
Epilogue wanted(const MatMul& op) {
    switch (op.activation) {
    case Activation::none: return {.bias = op.bias.present()};
    case Activation::gelu_tanh: return {.bias = op.bias.present(), .gelu = true};
    default: return {};
    }
}

/// What the product's own kernel has not done.
void finish(const MatMul& op, Epilogue done, CudaStream& stream) {
    const In bias = done.bias ? In{} : op.bias;
    const Activation activation = done.gelu ? Activation::none : op.activation;
    if (bias.present() || activation != Activation::none)
        launch_epilogue(op.c, bias, activation, stream);
}

} // namespace

void launch(const MatMul& op, CudaStream& stream) {
    if (op.c.shape[0] == 0) return;
    for (const Epilogue epilogue : {wanted(op), Epilogue{}}) {
        const void* bias = epilogue.bias ? bias_of_type(op, stream) : nullptr;
        if (!launch_product(op, epilogue, bias, stream)) continue;
        finish(op, epilogue, stream);
        return;
    }
    throw Error(Failure::unsupported,
                "cuBLASLt has no algorithm for this product: its types, strides or alignment");
}

} // namespace sweetspot

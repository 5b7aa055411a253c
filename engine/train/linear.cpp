#include "engine/train/linear.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/matmul_backward.h"

// The products of a training step, with what is learned beside them.

namespace sweetspot {

void activated(const LayerContext& layer, In x, Out y, Activation activation) {
    run(Convert{.x = x, .y = y}, layer.context);
    run(Activate{.x = y, .activation = activation}, layer.context);
}

void linear_forward(const LayerContext& layer, const LinearWeights& weights, In x, Out y,
                    Out before, Activation activation) {
    if (!layer.fused()) {
        const Out sum = before.present() ? before : y;
        run(MatMul{.a = x, .weight = weights.packed(), .c = sum, .tf32 = layer.tf32},
            layer.context);
        if (weights.bias.present()) run(AddBias{.x = sum, .bias = weights.bias}, layer.context);
        if (activation != Activation::none) activated(layer, sum, y, activation);
        return;
    }
    run(MatMul{.a = x,
               .weight = weights.packed(),
               .bias = weights.bias,
               .before = before,
               .c = y,
               .activation = activation,
               .tf32 = layer.tf32},
        layer.context);
}

void linear_forward(const LayerContext& layer, const Adapted& linear, In x, Out y, Out before,
                    Activation activation) {
    if (linear.adapters.empty())
        return linear_forward(layer, linear.weights, x, y, before, activation);
    const Out sum = before.present() ? before : y;
    Tensor wide;
    if (sum.dtype != DType::f32) wide = layer.activations(sum.shape[0], sum.shape[1], DType::f32);
    const Out added = wide.present() ? wide.out() : sum;
    linear_forward(layer, linear.weights, x, added);
    adapt(layer, linear.adapters, x, added, linear.saved);
    if (wide.present()) run(Convert{.x = wide, .y = sum}, layer.context);
    if (activation != Activation::none) activated(layer, sum, y, activation);
}

void linear_backward(const LayerContext& layer, const LinearWeights& weights, In x, In dy, Out dx,
                     LinearWeights& gradients) {
    if (gradients.weight.present())
        run(WeightGradient{.dy = dy,
                           .x = x,
                           .dw = gradients.weight,
                           .dbias = gradients.bias,
                           .accumulate = true,
                           .tf32 = layer.tf32},
            layer.context);
    if (dx.present())
        run(MatMulBackward{.dy = dy, .weight = weights.packed(), .dx = dx, .tf32 = layer.tf32},
            layer.context);
}

void linear_backward(const LayerContext& layer, const Adapted& linear, In x, In dy, Out dx,
                     LinearWeights& gradients) {
    Tensor wide;
    if (dx.present() && !linear.adapters.empty() && dx.dtype != DType::f32)
        wide = layer.activations(dx.shape[0], dx.shape[1], DType::f32);
    const Out sum = wide.present() ? wide.out() : dx;
    linear_backward(layer, linear.weights, x, dy, sum, gradients);
    adapt_backward(layer, linear.adapters, x, dy, sum, linear.saved);
    if (wide.present()) run(Convert{.x = wide, .y = dx}, layer.context);
}

} // namespace sweetspot

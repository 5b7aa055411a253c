#include "kernels/ops/norm.h"

namespace sweetspot {

void Norm::check() const {
    require(x.shape.rank == 2 && x.dense() && x.dtype == DType::f32, Failure::bad_shape,
            "x is [rows, width], f32, dense");
    require(!delta.present() || (delta.shape == x.shape && delta.dense()), Failure::bad_shape,
            "delta has x's shape, dense");
    require(!delta.present() || is_computed(delta.dtype), Failure::bad_shape,
            "delta is f32, bf16 or f16");
    const Shape width{x.shape[1]};
    require(weight.shape == width && weight.dtype == DType::f32, Failure::bad_shape,
            "weight is [width], f32");
    require(!bias.present() || (bias.shape == width && bias.dtype == DType::f32),
            Failure::bad_shape, "bias is [width], f32");
    require(y.shape == x.shape && y.dense(), Failure::bad_shape, "y has x's shape, dense");
    require(is_computed(y.dtype), Failure::bad_shape, "y is f32, bf16 or f16");
    require(dropout.probability >= 0 && dropout.probability < 1, Failure::bad_shape,
            "dropout's probability is in [0, 1)");
}

Cost Norm::cost() const {
    const double elements = double(x.shape.count());
    const double residual = delta.present() ? double(delta.bytes() + x.bytes()) : 0;
    return {.flops =
                (kind == NormKind::layer ? 7 : 4) * elements + (delta.present() ? elements : 0),
            .bytes = double(x.bytes() + y.bytes() + weight.bytes()) + residual +
                     (bias.present() ? double(bias.bytes()) : 0)};
}

} // namespace sweetspot

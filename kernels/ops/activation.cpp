#include "kernels/ops/activation.h"

namespace sweetspot {

void Activate::check() const {
    require(x.shape.rank == 2 && x.dense(), Failure::bad_shape, "x is [rows, width], dense");
    require(is_computed(x.dtype), Failure::bad_shape, "x is f32, bf16 or f16");
}

Cost Activate::cost() const {
    return {.flops = activation == Activation::none ? 0 : 10 * double(x.shape.count()),
            .bytes = 2 * double(x.bytes())};
}

void SwiGlu::check() const {
    require(gate.shape.rank == 2, Failure::bad_shape, "gate is [rows, width]");
    require(is_computed(gate.dtype), Failure::bad_shape, "gate is f32, bf16 or f16");
    require(up.shape == gate.shape && up.dtype == gate.dtype, Failure::bad_shape,
            "up is like gate");
    require(y.shape == gate.shape && y.dtype == gate.dtype, Failure::bad_shape, "y is like gate");
    require(y.dense(), Failure::bad_shape, "y is dense");
}

Cost SwiGlu::cost() const {
    return {.flops = 10 * double(y.shape.count()), .bytes = 3 * double(y.bytes())};
}

} // namespace sweetspot

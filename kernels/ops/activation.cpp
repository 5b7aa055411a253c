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

void ActivateBackward::check() const {
    require(x.shape.rank == 2 && x.dense(), Failure::bad_shape, "x is [rows, width], dense");
    require(is_computed(x.dtype), Failure::bad_shape, "x is f32, bf16 or f16");
    require(dy.shape == x.shape && dy.dtype == x.dtype && dy.dense(), Failure::bad_shape,
            "dy is like x");
    require(dx.shape == x.shape && dx.dtype == x.dtype && dx.dense(), Failure::bad_shape,
            "dx is like x");
}

Cost ActivateBackward::cost() const {
    return {.flops = (activation == Activation::none ? 0 : 15) * double(x.shape.count()),
            .bytes = 3 * double(x.bytes())};
}

void SwiGluBackward::check() const {
    require(gate.shape.rank == 2, Failure::bad_shape, "gate is [rows, width]");
    require(is_computed(gate.dtype), Failure::bad_shape, "gate is f32, bf16 or f16");
    const auto is_like_gate = [&](const In& t) {
        return t.shape == gate.shape && t.dtype == gate.dtype;
    };
    require(is_like_gate(up), Failure::bad_shape, "up is like gate");
    require(is_like_gate(dy) && dy.dense(), Failure::bad_shape, "dy is like gate, dense");
    require(is_like_gate(dgate) && is_like_gate(dup), Failure::bad_shape,
            "dgate and dup are like gate");
}

Cost SwiGluBackward::cost() const {
    return {.flops = 15 * double(dy.shape.count()), .bytes = 5 * double(dy.bytes())};
}

} // namespace sweetspot

#include "kernels/ops/optimizer.h"
#include <cmath>

namespace sweetspot {

namespace {

bool is_f32(const In& t, const Shape& shape) {
    return t.shape == shape && t.dtype == DType::f32 && t.dense();
}

void check_update(const Out& weight, const In& gradient, const In& scale,
                  const DeviceStep& on_device, std::int64_t numbers) {
    require(weight.present() && is_f32(weight, weight.shape), Failure::bad_shape,
            "weight is f32, dense");
    require(is_f32(gradient, weight.shape), Failure::bad_shape, "gradient is like weight");
    require(!scale.present() || is_f32(scale, {1}), Failure::bad_shape, "scale is [1], f32");
    require(!on_device.numbers.present() || is_f32(on_device.numbers, {numbers}),
            Failure::bad_shape, "a step's numbers on the device are f32, as many as it has");
    require(!on_device.norm.present() || is_f32(on_device.norm, {1}), Failure::bad_shape,
            "the norm on the device is [1], f32");
}

} // namespace

float AdamW::kept_weight() const {
    return float(1 - learning_rate * decay);
}

float AdamW::step_size() const {
    return float(learning_rate / (1 - std::pow(beta1, step)));
}

float AdamW::square_factor() const {
    return float(1 / std::sqrt(1 - std::pow(beta2, step)));
}

void AdamW::check() const {
    check_update(weight, gradient, scale, on_device, 4);
    require(is_f32(mean, weight.shape) && is_f32(square, weight.shape), Failure::bad_shape,
            "mean and square are like weight");
    require(step >= 1, Failure::bad_shape, "step counts from 1");
    require(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, Failure::bad_shape,
            "beta1 and beta2 are in [0, 1)");
}

Cost AdamW::cost() const {
    return {.flops = 16 * double(weight.shape.count()), .bytes = 7 * double(weight.bytes())};
}

void Sgd::check() const {
    check_update(weight, gradient, scale, on_device, 2);
    require(velocity.present() == (momentum != 0), Failure::bad_shape,
            "velocity is present with momentum");
    require(!velocity.present() || is_f32(velocity, weight.shape), Failure::bad_shape,
            "velocity is like weight");
}

Cost Sgd::cost() const {
    const double tensors = velocity.present() ? 5 : 3;
    return {.flops = (velocity.present() ? 7 : 5) * double(weight.shape.count()),
            .bytes = tensors * double(weight.bytes())};
}

void SquareSum::check() const {
    require(x.present() && is_f32(x, x.shape), Failure::bad_shape, "x is f32, dense");
    require(is_f32(sum, {1}), Failure::bad_shape, "sum is [1], f32");
}

Cost SquareSum::cost() const {
    return {.flops = 2 * double(x.shape.count()), .bytes = double(x.bytes() + sum.bytes())};
}

std::size_t SquareSum::workspace_bytes(int) const {
    return std::size_t(pieces()) * sizeof(double);
}

std::size_t SquareSum::gpu_workspace_bytes() const {
    return std::size_t(pieces()) * sizeof(float);
}

void ClipScale::check() const {
    require(squares.shape.rank == 1 && is_f32(squares, squares.shape), Failure::bad_shape,
            "squares is [n], f32");
    require(is_f32(norm, {1}) && is_f32(scale, {1}), Failure::bad_shape,
            "norm and scale are [1], f32");
    require(limit >= 0, Failure::bad_shape, "limit is 0 or more");
}

Cost ClipScale::cost() const {
    return {.flops = double(squares.shape.count()),
            .bytes = double(squares.bytes() + norm.bytes() + scale.bytes())};
}

void StochasticRound::check() const {
    require(x.present() && is_f32(x, x.shape), Failure::bad_shape, "x is f32, dense");
    require(y.shape == x.shape && y.dtype == DType::bf16 && y.dense(), Failure::bad_shape,
            "y is like x, bf16");
    require(first >= 0 && first % 4 == 0, Failure::bad_shape, "first is a multiple of 4");
}

Cost StochasticRound::cost() const {
    return {.flops = double(x.shape.count()), .bytes = double(x.bytes() + y.bytes())};
}

} // namespace sweetspot

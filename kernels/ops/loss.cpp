#include "kernels/ops/loss.h"

namespace sweetspot {

void CrossEntropy::check() const {
    require(logits.shape.rank == 2 && logits.dense() && logits.dtype == DType::f32,
            Failure::bad_shape, "logits is [rows, vocabulary], f32, dense");
    const Shape rows{logits.shape[0]};
    require(targets.shape == rows && targets.dtype == DType::i32, Failure::bad_shape,
            "targets is [rows], i32");
    require(losses.shape == rows && losses.dtype == DType::f32, Failure::bad_shape,
            "losses is [rows], f32");
}

Cost CrossEntropy::cost() const {
    return {.flops = 10 * double(logits.shape.count()),
            .bytes = double(logits.bytes() + targets.bytes() + losses.bytes())};
}

void CrossEntropyGradient::check() const {
    CrossEntropy{.logits = logits, .targets = targets, .losses = losses}.check();
    require(dlogits.shape == logits.shape && dlogits.dense() && is_computed(dlogits.dtype),
            Failure::bad_shape, "dlogits has logits' shape, f32, bf16 or f16, dense");
    require(!device_scale.present() ||
                (device_scale.shape == Shape{1} && device_scale.dtype == DType::f32),
            Failure::bad_shape, "device_scale is [1], f32");
}

Cost CrossEntropyGradient::cost() const {
    return {.flops = 20 * double(logits.shape.count()),
            .bytes = double(logits.bytes() + targets.bytes() + losses.bytes()) +
                     double(dlogits.bytes())};
}

void Sample::check() const {
    require(logits.shape.rank == 2 && logits.dense() && logits.dtype == DType::f32,
            Failure::bad_shape, "logits is [rows, vocabulary], f32, dense");
    const Shape rows{logits.shape[0]};
    require(uniforms.shape == rows && uniforms.dtype == DType::f32, Failure::bad_shape,
            "uniforms is [rows], f32");
    require(ids.shape == rows && ids.dtype == DType::i32, Failure::bad_shape, "ids is [rows], i32");
    require(temperature >= 0, Failure::bad_shape, "temperature is 0 or more");
    require(top_p > 0 && top_p <= 1, Failure::bad_shape, "top_p is in (0, 1]");
}

Cost Sample::cost() const {
    return {.flops = (temperature > 0 ? 10 : 1) * double(logits.shape.count()),
            .bytes = double(logits.bytes() + uniforms.bytes() + ids.bytes())};
}

/// A probability and a token id for each token, a list for each thread.
std::size_t Sample::workspace_bytes(int threads) const {
    if (temperature == 0) return 0;
    return std::size_t(threads) * std::size_t(logits.shape[1]) * 8;
}

/// A weight for each token of each row, computed once.
std::size_t Sample::gpu_workspace_bytes() const {
    return temperature == 0 ? 0 : logits.bytes();
}

} // namespace sweetspot

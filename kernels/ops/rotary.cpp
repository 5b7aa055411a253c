#include "kernels/ops/rotary.h"

namespace sweetspot {

void RotaryTable::check() const {
    require(cosine.shape.rank == 2 && cosine.dense() && cosine.dtype == DType::f32,
            Failure::bad_shape, "cosine is [positions, head_size/2], f32, dense");
    require(sine.shape == cosine.shape && sine.dense() && sine.dtype == DType::f32,
            Failure::bad_shape, "sine is like cosine");
    require(!slower.present() || (slower.shape == Shape{cosine.shape[1]} && slower.dense() &&
                                  slower.dtype == DType::f32),
            Failure::bad_shape, "slower is [head_size/2], f32, dense");
}

Cost RotaryTable::cost() const {
    return {.flops = 3 * double(cosine.shape.count()),
            .bytes = double(cosine.bytes() + sine.bytes())};
}

void Rotary::check() const {
    require(x.shape.rank == 2 && is_computed(x.dtype), Failure::bad_shape,
            "x is [rows, heads · head_size], f32, bf16 or f16");
    require(positions.shape == Shape{x.shape[0]} && positions.dtype == DType::i32,
            Failure::bad_shape, "positions is [rows], i32");
    require(cosine.shape.rank == 2 && cosine.dense() && cosine.dtype == DType::f32,
            Failure::bad_shape, "cosine is [positions, head_size/2], f32, dense");
    require(sine.shape == cosine.shape && sine.dense() && sine.dtype == DType::f32,
            Failure::bad_shape, "sine is like cosine");
    require(x.shape[1] % (2 * cosine.shape[1]) == 0, Failure::bad_shape,
            "x's width is a multiple of the head size");
}

Cost Rotary::cost() const {
    return {.flops = 3 * double(x.shape.count()), .bytes = 2 * double(x.bytes())};
}

} // namespace sweetspot

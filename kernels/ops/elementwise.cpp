#include "kernels/ops/elementwise.h"

namespace sweetspot {

void AddBias::check() const {
    require(x.shape.rank == 2, Failure::bad_shape, "x is [rows, width]");
    require(is_computed(x.dtype), Failure::bad_shape, "x is f32, bf16 or f16");
    require(bias.shape == Shape{x.shape[1]} && bias.dtype == DType::f32, Failure::bad_shape,
            "bias is [width], f32");
}

Cost AddBias::cost() const {
    return {.flops = double(x.shape.count()), .bytes = double(2 * x.bytes() + bias.bytes())};
}

void Add::check() const {
    require(x.shape.rank == 2 && x.dense() && x.dtype == DType::f32, Failure::bad_shape,
            "x is [rows, width], f32, dense");
    require(delta.shape == x.shape && delta.dense(), Failure::bad_shape,
            "delta has x's shape, dense");
    require(is_computed(delta.dtype), Failure::bad_shape, "delta is f32, bf16 or f16");
}

Cost Add::cost() const {
    return {.flops = double(x.shape.count()), .bytes = double(2 * x.bytes() + delta.bytes())};
}

void Zero::check() const {
    require(x.present() && x.dense(), Failure::bad_shape, "x is dense");
}

Cost Zero::cost() const {
    return {.bytes = double(x.bytes())};
}

void Convert::check() const {
    require(y.shape == x.shape, Failure::bad_shape, "y has x's shape");
    require(x.dense() && y.dense(), Failure::bad_shape, "x and y are dense");
    require(x.dtype != DType::i32, Failure::bad_shape, "x is f32, bf16 or f16");
    require(is_computed(y.dtype), Failure::bad_shape, "y is f32, bf16 or f16");
}

Cost Convert::cost() const {
    return {.bytes = double(x.bytes() + y.bytes())};
}

void Scale::check() const {
    require(x.shape.rank == 2 && is_computed(x.dtype), Failure::bad_shape,
            "x is [rows, width], f32, bf16 or f16");
    require(y.shape == x.shape && y.dtype == x.dtype && y.dense(), Failure::bad_shape,
            "y has x's shape and type, dense");
}

Cost Scale::cost() const {
    return {.flops = double(x.shape.count()), .bytes = double(x.bytes() + y.bytes())};
}

void HoldZeros::check() const {
    require(is_computed(x.dtype) && x.dense(), Failure::bad_shape, "x is f32, bf16 or f16, dense");
    require(y.shape == x.shape && y.dtype == DType::f32 && y.dense(), Failure::bad_shape,
            "y has x's shape, f32, dense");
}

Cost HoldZeros::cost() const {
    return {.flops = double(x.shape.count()), .bytes = double(x.bytes() + 2 * y.bytes())};
}

void GatherRows::check() const {
    require(x.shape.rank == 2, Failure::bad_shape, "x is [rows, width]");
    require(is_computed(x.dtype), Failure::bad_shape, "x is f32, bf16 or f16");
    require(indices.shape.rank == 1 && indices.dtype == DType::i32, Failure::bad_shape,
            "indices is [n], i32");
    require(y.shape == Shape({indices.shape[0], x.shape[1]}) && y.dtype == x.dtype,
            Failure::bad_shape, "y is [n, width], of x's type");
    require(y.dense(), Failure::bad_shape, "y is dense");
}

Cost GatherRows::cost() const {
    return {.bytes = double(2 * y.bytes() + indices.bytes())};
}

void ScatterRows::check() const {
    require(x.shape.rank == 2, Failure::bad_shape, "x is [n, width]");
    require(is_computed(x.dtype), Failure::bad_shape, "x is f32, bf16 or f16");
    require(indices.shape == Shape{x.shape[0]} && indices.dtype == DType::i32, Failure::bad_shape,
            "indices is [n], i32");
    require(y.shape.rank == 2 && y.shape[1] == x.shape[1] && y.dtype == x.dtype, Failure::bad_shape,
            "y is [rows, width], of x's type");
    require(y.dense(), Failure::bad_shape, "y is dense");
}

Cost ScatterRows::cost() const {
    return {.bytes = double(2 * x.bytes() + y.bytes() + indices.bytes())};
}

} // namespace sweetspot

#include "kernels/ops/norm.h"

namespace sweetspot {

void Norm::check() const {
    require(x.shape.rank == 2 && x.dense() && x.dtype == DType::f32, Failure::bad_shape,
            "x is [rows, width], f32, dense");
    require(!delta.present() || (delta.shape == x.shape && delta.dense()), Failure::bad_shape,
            "delta has x's shape, dense");
    require(!delta.present() || is_computed(delta.dtype), Failure::bad_shape,
            "delta is f32, bf16 or f16");
    require(sum.present() == delta.present(), Failure::bad_shape, "sum is present with delta");
    require(!sum.present() || (sum.shape == x.shape && sum.dense() && sum.dtype == DType::f32),
            Failure::bad_shape, "sum has x's shape, f32, dense");
    const Shape width{x.shape[1]}, rows{x.shape[0]};
    require(weight.shape == width && weight.dtype == DType::f32, Failure::bad_shape,
            "weight is [width], f32");
    require(!bias.present() || (bias.shape == width && bias.dtype == DType::f32),
            Failure::bad_shape, "bias is [width], f32");
    require(y.shape == x.shape && y.dense(), Failure::bad_shape, "y has x's shape, dense");
    require(is_computed(y.dtype), Failure::bad_shape, "y is f32, bf16 or f16");
    require(!mean.present() ||
                (mean.shape == rows && mean.dtype == DType::f32 && kind == NormKind::layer),
            Failure::bad_shape, "mean is [rows], f32, of the layer kind");
    require(!rstd.present() || (rstd.shape == rows && rstd.dtype == DType::f32), Failure::bad_shape,
            "rstd is [rows], f32");
    require(dropout.probability >= 0 && dropout.probability < 1, Failure::bad_shape,
            "dropout's probability is in [0, 1)");
}

Cost Norm::cost() const {
    const double elements = double(x.shape.count());
    double written = double(y.bytes());
    for (const Out& t : {sum, mean, rstd})
        if (t.present()) written += double(t.bytes());
    return {.flops =
                (kind == NormKind::layer ? 7 : 4) * elements + (delta.present() ? elements : 0),
            .bytes = double(x.bytes() + weight.bytes()) + written +
                     (delta.present() ? double(delta.bytes()) : 0) +
                     (bias.present() ? double(bias.bytes()) : 0)};
}

void HeadNorm::check() const {
    require(x.shape.rank == 2 && is_computed(x.dtype), Failure::bad_shape,
            "x is [rows, heads · head_size], f32, bf16 or f16");
    require(weight.shape.rank == 1 && weight.dtype == DType::f32 && weight.shape[0] > 0 &&
                x.shape[1] % weight.shape[0] == 0,
            Failure::bad_shape, "weight is [head_size], f32, and x's width a multiple of it");
}

Cost HeadNorm::cost() const {
    return {.flops = 4 * double(x.shape.count()),
            .bytes = 2 * double(x.bytes()) + double(weight.bytes())};
}

void NormBackward::check() const {
    const auto is_f32 = [](const In& t, const Shape& shape) {
        return t.shape == shape && t.dtype == DType::f32 && t.dense();
    };
    require(x.shape.rank == 2 && is_f32(x, x.shape), Failure::bad_shape,
            "x is [rows, width], f32, dense");
    const Shape width{x.shape[1]}, rows{x.shape[0]};
    require(is_f32(weight, width), Failure::bad_shape, "weight is [width], f32");
    require(mean.present() == (kind == NormKind::layer), Failure::bad_shape,
            "mean is present with the layer kind");
    require(!mean.present() || is_f32(mean, rows), Failure::bad_shape, "mean is [rows], f32");
    require(is_f32(rstd, rows), Failure::bad_shape, "rstd is [rows], f32");
    require(dy.shape == x.shape && dy.dense() && is_computed(dy.dtype), Failure::bad_shape,
            "dy has x's shape, f32, bf16 or f16, dense");
    require(is_f32(dx, x.shape), Failure::bad_shape, "dx has x's shape, f32, dense");
    require(is_f32(dweight, width), Failure::bad_shape, "dweight is [width], f32");
    require(!dbias.present() || is_f32(dbias, width), Failure::bad_shape, "dbias is [width], f32");
}

Cost NormBackward::cost() const {
    const double vectors = double(dweight.bytes()) * (dbias.present() ? 2 : 1);
    return {.flops = (kind == NormKind::layer ? 14 : 11) * double(x.shape.count()),
            .bytes = double(x.bytes() + dy.bytes() + weight.bytes()) +
                     (accumulate ? 2 : 1) * double(dx.bytes()) + 2 * vectors};
}

void HeadNormBackward::check() const {
    require(x.shape.rank == 2 && is_computed(x.dtype), Failure::bad_shape,
            "x is [rows, heads · head_size], f32, bf16 or f16");
    require(weight.shape.rank == 1 && weight.dtype == DType::f32 && weight.shape[0] > 0 &&
                x.shape[1] % weight.shape[0] == 0,
            Failure::bad_shape, "weight is [head_size], f32, and x's width a multiple of it");
    require(dx.shape == x.shape && dx.dtype == x.dtype, Failure::bad_shape, "dx is like x");
    require(!dweight.present() || (dweight.shape == weight.shape && dweight.dtype == DType::f32),
            Failure::bad_shape, "dweight is like weight");
}

Cost HeadNormBackward::cost() const {
    return {.flops = 13 * double(x.shape.count()),
            .bytes = double(x.bytes() + 2 * dx.bytes() + weight.bytes() + 2 * dweight.bytes())};
}

std::size_t HeadNormBackward::workspace_bytes(int) const {
    return std::size_t(parts) * weight.bytes();
}

} // namespace sweetspot

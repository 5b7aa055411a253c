#include "kernels/ops/fused.h"

/// Two ops in one demand what both demand and cost what both cost, less the tensor between them,
/// which is never stored.
namespace sweetspot {

namespace {

void require_shape(bool holds, const char* expected,
                   std::source_location where = std::source_location::current()) {
    require(holds, Failure::bad_shape, expected, where);
}

bool is_vector(const In& t, std::int64_t width) {
    return t.shape == Shape{width} && t.dtype == DType::f32;
}

} // namespace

void NormMatMul::check() const {
    require_shape(x.shape.rank == 2 && x.dense() && x.dtype == DType::f32,
                  "x is [rows, width], f32, dense");
    require_shape(c.shape.rank == 2 && c.shape[0] == x.shape[0] && is_computed(c.dtype),
                  "c is [rows, n], f32, bf16 or f16");
    require_shape(!delta.present() ||
                      (delta.shape == x.shape && delta.dense() && delta.dtype == c.dtype),
                  "delta has x's shape and c's type, dense");
    require_shape(delta.present() == sum.present(), "sum is present with delta");
    require_shape(!sum.present() ||
                      (sum.shape == x.shape && sum.dense() && sum.dtype == DType::f32),
                  "sum has x's shape, f32, dense");
    require_shape(is_vector(norm_weight, x.shape[1]), "norm_weight is [width], f32");
    require_shape(!norm_bias.present() || is_vector(norm_bias, x.shape[1]),
                  "norm_bias is [width], f32");
    weight.check();
    require_shape(weight.n == c.shape[1] && weight.k == x.shape[1] && weight.dtype() == c.dtype,
                  "weight is [n, width], of c's type");
    require_shape(!bias.present() || is_vector(bias, c.shape[1]), "bias is [n], f32");
}

Cost NormMatMul::cost() const {
    const Norm norm{.x = {nullptr, x.shape},
                    .delta = delta,
                    .weight = norm_weight,
                    .bias = norm_bias,
                    .sum = sum,
                    .y = {nullptr, x.shape, c.dtype},
                    .kind = kind};
    Cost cost = norm.cost();
    cost.flops += 2 * double(c.shape.count()) * double(x.shape[1]);
    cost.bytes += double(weight.bytes()) + double(In(c).bytes()) -
                  double(norm.y.bytes()); // the normalised rows are never stored
    if (bias.present()) cost.bytes += double(bias.bytes());
    return cost;
}

std::size_t NormMatMul::gpu_workspace_bytes() const {
    return std::size_t(x.shape[0]) * 2 * sizeof(float); // each row's mean and scale
}

void AttentionProjection::check() const {
    const std::int64_t width = attention.q.shape[1];
    Attention whole = attention;
    whole.y = {nullptr, attention.q.shape, attention.q.dtype};
    whole.check();
    require_shape(attention.kind == AttentionKind::flash && !attention.log_sum_exp.present() &&
                      !attention.y.present(),
                  "attention is flash, without y and log_sum_exp");
    require_shape(x.shape.rank == 2 && x.shape[0] == attention.q.shape[0] && x.dense() &&
                      x.dtype == DType::f32,
                  "x is [rows, width], f32, dense");
    weight.check();
    require_shape(weight.n == x.shape[1] && weight.k == width &&
                      weight.dtype() == attention.q.dtype,
                  "weight is [width, heads * head_size], of q's type");
    require_shape(!bias.present() || is_vector(bias, x.shape[1]), "bias is [width], f32");
}

Cost AttentionProjection::cost() const {
    const std::int64_t width = attention.q.shape[1];
    Cost cost = attention.cost(); // without y: its heads' outputs are never stored
    cost.flops += 2 * double(x.shape.count()) * double(width);
    cost.bytes += double(weight.bytes()) + 2 * double(In(x).bytes());
    if (bias.present()) cost.bytes += double(bias.bytes());
    return cost;
}

std::size_t AttentionProjection::gpu_workspace_bytes() const {
    return attention.gpu_workspace_bytes();
}

} // namespace sweetspot

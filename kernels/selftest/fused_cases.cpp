#include "kernels/ops/fused.h"
#include "kernels/selftest/bench.h"
#include <cmath>

namespace sweetspot::selftest {

namespace {

/// A weight [n, k] as files have it, for the reference, and as the device reads it.
struct WeightPair {
    Value source, packed;

    Weight on(Side side) const {
        return {.data = packed.in(side), .n = source.shape()[0], .k = source.shape()[1]};
    }
};

WeightPair weight_of(Bench& t, std::int64_t n, std::int64_t k, DType type) {
    const Value source = t.normal({n, k}, type, 0.3);
    const Shape shape = packed_shape(n, k, type);
    const std::vector<double> numbers = t.reference(source);
    std::vector<double> filled(std::size_t(shape.count()), 0.0);
    for (std::int64_t row = 0; row < n; ++row)
        for (std::int64_t column = 0; column < k; ++column)
            filled[std::size_t(row * shape[1] + column)] = numbers[std::size_t(row * k + column)];
    return {source, t.of(shape, type, filled)};
}

/// c = activation(a · weightᵀ + bias), or c += …, on the CPU.
void reference_product(Context& cpu, const Value& source, In a, In bias, Out c,
                       Activation activation, bool accumulate = false) {
    const std::int64_t n = source.shape()[0], k = source.shape()[1];
    Tensor packed(cpu.allocator, packed_shape(n, k, DType::f32), DType::f32);
    run(PackWeight{.sources = {source.in(Side::reference)}, .packed = packed}, cpu);
    run(MatMul{.a = a,
               .weight = {.data = packed, .n = n, .k = k},
               .bias = bias,
               .c = c,
               .activation = activation,
               .accumulate = accumulate},
        cpu);
}

struct NormMatMulSettings {
    std::int64_t rows, width, n;
    NormKind kind;
    DType type;
    bool delta, bias;
    Activation activation;
    std::int64_t c_stride;
};

void check(Bench& t, const NormMatMulSettings& s) {
    const Value x = t.normal({s.rows, s.width}, DType::f32, 3);
    const Value delta = t.normal({s.rows, s.width}, s.type);
    const Value norm_weight = t.normal({s.width}, DType::f32),
                norm_bias = t.normal({s.width}, DType::f32), bias = t.normal({s.n}, DType::f32);
    const WeightPair weight = weight_of(t, s.n, s.width, s.type);
    const Value c = t.output({s.rows, s.n}, s.type, s.c_stride);
    t.run(
        [&](Side side) {
            return NormMatMul{.x = x.in(side),
                              .delta = s.delta ? delta.in(side) : In{},
                              .sum = s.delta ? x.out(side) : Out{},
                              .norm_weight = norm_weight.in(side),
                              .norm_bias = s.bias ? norm_bias.in(side) : In{},
                              .kind = s.kind,
                              .weight = weight.on(side),
                              .bias = s.bias ? bias.in(side) : In{},
                              .activation = s.activation,
                              .c = c.out(side)};
        },
        [&](Context& cpu) {
            const Side side = Side::reference;
            Tensor y(cpu.allocator, {s.rows, s.width}, DType::f32);
            run(Norm{.x = x.out(side),
                     .delta = s.delta ? delta.in(side) : In{},
                     .weight = norm_weight.in(side),
                     .bias = s.bias ? norm_bias.in(side) : In{},
                     .sum = s.delta ? x.out(side) : Out{},
                     .y = y,
                     .kind = s.kind},
                cpu);
            reference_product(cpu, weight.source, y, s.bias ? bias.in(side) : In{}, c.out(side),
                              s.activation);
        });
    t.expect_close(c, 2 * epsilon_of(s.type) + 2e-6, "c");
    if (s.delta)
        t.expect_within(x, 0, "x");
    else
        t.expect_unchanged(x, "x");
    t.expect_unchanged(weight.packed, "weight");
}

struct ProjectionSettings {
    DType type;
    int head_size, heads, kv_heads;
    bool causal, rotary, bias;
    std::int64_t n;
    std::vector<std::int32_t> lengths;
};

void check(Bench& t, const ProjectionSettings& s) {
    Segments segments{.offsets = {0}, .lengths = s.lengths};
    for (const auto length : s.lengths)
        segments.offsets.push_back(segments.offsets.back() + length);
    const std::int64_t rows = segments.rows(), width = s.heads * s.head_size,
                       kv_width = s.kv_heads * s.head_size;
    const Value qkv = t.normal({rows, width + 2 * kv_width}, s.type);
    const Value cosine = t.uniform({segments.longest(), s.head_size / 2}, DType::f32, -1, 1);
    const Value sine = t.uniform({segments.longest(), s.head_size / 2}, DType::f32, -1, 1);
    const Value offsets = t.of({segments.count() + 1}, DType::i32, as_numbers(segments.offsets));
    const Value lengths = t.of({segments.count()}, DType::i32, as_numbers(segments.lengths));
    const Value bias = t.normal({s.n}, DType::f32), x = t.normal({rows, s.n}, DType::f32, 0.1);
    const WeightPair weight = weight_of(t, s.n, width, s.type);
    const auto attention = [&](Side side) {
        segments.device_offsets = offsets.in(side);
        segments.device_lengths = lengths.in(side);
        return Attention{.q = columns(qkv.in(side), 0, width),
                         .k = columns(qkv.in(side), width, kv_width),
                         .v = columns(qkv.in(side), width + kv_width, kv_width),
                         .cosine = s.rotary ? cosine.in(side) : In{},
                         .sine = s.rotary ? sine.in(side) : In{},
                         .segments = &segments,
                         .heads = s.heads,
                         .kv_heads = s.kv_heads,
                         .causal = s.causal,
                         .scale = float(1 / std::sqrt(double(s.head_size)))};
    };
    t.run(
        [&](Side side) {
            return AttentionProjection{.attention = attention(side),
                                       .weight = weight.on(side),
                                       .bias = s.bias ? bias.in(side) : In{},
                                       .x = x.out(side)};
        },
        [&](Context& cpu) {
            Tensor y(cpu.allocator, {rows, width}, DType::f32);
            Attention op = attention(Side::reference);
            op.y = y;
            run(op, cpu);
            reference_product(cpu, weight.source, y, s.bias ? bias.in(Side::reference) : In{},
                              x.out(Side::reference), Activation::none, true);
        });
    t.expect_close(x, 2 * epsilon_of(s.type), "x");
    t.expect_unchanged(qkv, "q, k and v");
    t.expect_unchanged(weight.packed, "weight");
}

} // namespace

std::vector<Case> fused_cases() {
    std::vector<Case> cases;
    for (const ProjectionSettings& s :
         {ProjectionSettings{DType::bf16, 64, 2, 2, true, false, true, 97, {1, 70, 130}},
          ProjectionSettings{DType::bf16, 24, 3, 1, false, true, false, 33, {5, 65}},
          ProjectionSettings{DType::bf16, 130, 1, 1, true, false, true, 66, {40, 3}},
          ProjectionSettings{DType::f16, 128, 2, 1, false, true, true, 32, {33}}})
        cases.push_back({"attention_projection, head size " + std::to_string(s.head_size) + ", " +
                             name_of(s.type) + (s.causal ? ", causal" : "") +
                             (s.rotary ? ", rotary" : ""),
                         [s](Bench& t) { check(t, s); }});
    for (const DType type : {DType::f32, DType::bf16, DType::f16})
        for (const NormMatMulSettings s :
             {NormMatMulSettings{1, 1, 1, NormKind::layer, type, true, true, Activation::none, 0},
              NormMatMulSettings{5, 33, 65, NormKind::rms, type, false, false, Activation::silu, 0},
              NormMatMulSettings{130, 70, 131, NormKind::layer, type, true, true,
                                 Activation::gelu_tanh, 136},
              NormMatMulSettings{17, 96, 129, NormKind::rms, type, true, false, Activation::gelu,
                                 0}})
            cases.push_back({"norm_matmul, " + std::to_string(s.rows) + "x" +
                                 std::to_string(s.width) + "x" + std::to_string(s.n) + ", " +
                                 name_of(type),
                             [s](Bench& t) { check(t, s); }});
    return cases;
}

} // namespace sweetspot::selftest

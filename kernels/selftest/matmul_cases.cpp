#include "kernels/ops/matmul.h"
#include "kernels/selftest/bench.h"
#include <algorithm>

/// Products with every epilogue, which the library does for some shapes and types and we for the
/// others: one result, whoever does it.
namespace sweetspot::selftest {

namespace {

struct Settings {
    std::int64_t m, n, k;
    DType type, c_type;
    bool bias = false;
    Activation activation = Activation::none;
    bool accumulate = false, tf32 = false;
    std::int64_t a_gap = 0, c_gap = 0; ///< between rows
    bool keeps = false;                ///< what comes before the activation
    WeightFormat format = WeightFormat::dense;
};

std::string describe(const Settings& s) {
    return "matmul, " + std::to_string(s.m) + " x " + std::to_string(s.n) + " x " +
           std::to_string(s.k) + ", " + (s.tf32 ? "tf32" : name_of(s.type)) + " to " +
           name_of(s.c_type) + (s.bias ? ", bias" : "") +
           (s.activation == Activation::none
                ? ""
                : ", " + std::string(names_of(s.activation)[std::size_t(s.activation)])) +
           (s.keeps ? ", kept" : "") + (s.accumulate ? ", added" : "") +
           (s.a_gap || s.c_gap ? ", strided" : "") +
           (s.format == WeightFormat::dense
                ? ""
                : ", " + std::string(names_of(s.format)[std::size_t(s.format)]));
}

double limit(const Settings& s) {
    // Scaled codes and offsets are summed apart, and may be larger than what they come to.
    const double sums = s.format == WeightFormat::dense ? 8 : 16;
    const bool panels = s.format != WeightFormat::dense &&
                        (s.m > MatMul::gpu_few_rows || block_format(s.format).nested);
    const double product = s.tf32 ? 0x1p-10 : sums * epsilon_of(DType::f32),
                 weights = panels ? epsilon_of(s.type) : 0; // become dense rows of a's type
    return product + weights + (s.c_type == DType::f32 ? 0 : 2 * epsilon_of(s.c_type));
}

void check(Bench& t, const Settings& s) {
    const auto stride = [](std::int64_t width, std::int64_t gap) { return gap ? width + gap : 0; };
    const Value a = t.normal({s.m, s.k}, s.type, 1, stride(s.k, s.a_gap));
    const Value source = t.normal({s.n, s.k}, s.type, 0.3), bias = t.normal({s.n}, DType::f32);
    const Value c = s.accumulate ? t.normal({s.m, s.n}, s.c_type, 1, stride(s.n, s.c_gap))
                                 : t.output({s.m, s.n}, s.c_type, stride(s.n, s.c_gap));
    const Value before = t.output({s.m, s.n}, s.c_type, stride(s.n, s.c_gap));
    const Value packed =
        t.output(packed_shape(s.format, s.n, s.k, s.type), packed_type(s.format, s.type));
    run(PackWeight{.sources = {source.in(Side::reference)},
                   .packed = packed.out(Side::device),
                   .format = s.format},
        t.device());
    Tensor packed_reference(t.cpu().allocator, packed_shape(s.format, s.n, s.k, DType::f32),
                            packed_type(s.format, DType::f32));
    run(PackWeight{.sources = {source.in(Side::reference)},
                   .packed = packed_reference,
                   .format = s.format},
        t.cpu());
    if (s.format != WeightFormat::dense) {
        const auto* blocks = packed_reference.as<std::uint8_t>();
        t.expect(std::ranges::equal(t.on_device(packed),
                                    std::span(blocks, packed_reference.in().bytes())),
                 "the device has the same blocks");
    }
    t.run([&](Side side) {
        return MatMul{
            .a = a.in(side),
            .weight = {.data = side == Side::device ? packed.in(side) : packed_reference.in(),
                       .n = s.n,
                       .k = s.k,
                       .format = s.format},
            .bias = s.bias ? bias.in(side) : In{},
            .before = s.keeps ? before.out(side) : Out{},
            .c = c.out(side),
            .activation = s.activation,
            .accumulate = s.accumulate,
            .tf32 = s.tf32};
    });
    t.expect_close(c, limit(s), "c");
    if (s.keeps) t.expect_close(before, limit(s), "before");
    t.expect_unchanged(a, "a");
    t.expect_unchanged(bias, "bias");
}

/// Weights in blocks: of few rows, in one go and in several, and of many.
void add_blocks(std::vector<Settings>& all) {
    using enum WeightFormat;
    for (const WeightFormat format :
         {int8, int4, nf4, nf4_dq, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k}) {
        const std::int64_t k = block_format(format).numbers == 256 ? 512 : 320;
        for (const DType type : {DType::f32, DType::bf16, DType::f16})
            for (const std::int64_t m : {1, 17})
                all.push_back({.m = m,
                               .n = 37,
                               .k = k,
                               .type = type,
                               .c_type = type,
                               .bias = true,
                               .c_gap = m == 1 ? 3 : 0,
                               .format = format});
        all.push_back({.m = 6,
                       .n = 5,
                       .k = k,
                       .type = DType::bf16,
                       .c_type = DType::f32,
                       .bias = true,
                       .activation = Activation::gelu,
                       .a_gap = 3,
                       .keeps = true,
                       .format = format});
        all.push_back({.m = 2,
                       .n = 9,
                       .k = k,
                       .type = DType::f32,
                       .c_type = DType::f32,
                       .accumulate = true,
                       .format = format});
    }
    for (const WeightFormat format : {int4, q4_0, q4_k}) // more than a block's threads have at once
        all.push_back({.m = 1,
                       .n = 4,
                       .k = 8192,
                       .type = DType::f16,
                       .c_type = DType::f16,
                       .format = format});
}

std::vector<Settings> all_settings() {
    std::vector<Settings> all;
    for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
        for (const bool bias : {false, true})
            for (const Activation activation :
                 {Activation::none, Activation::gelu, Activation::gelu_tanh, Activation::silu})
                for (const std::int64_t n : {32, 33})
                    all.push_back({.m = 5,
                                   .n = n,
                                   .k = 17,
                                   .type = type,
                                   .c_type = type,
                                   .bias = bias,
                                   .activation = activation,
                                   .c_gap = n == 33 ? 7 : 0});
        for (const Activation activation :
             {Activation::gelu, Activation::gelu_tanh, Activation::silu})
            for (const DType c_type : {type, DType::f32})
                for (const std::int64_t n : {32, 33})
                    all.push_back({.m = 5,
                                   .n = n,
                                   .k = 17,
                                   .type = type,
                                   .c_type = c_type,
                                   .bias = n == 32,
                                   .activation = activation,
                                   .c_gap = activation == Activation::silu ? 8 : 0,
                                   .keeps = true});
        for (const bool bias : {false, true})
            all.push_back({.m = 3,
                           .n = 65,
                           .k = 33,
                           .type = type,
                           .c_type = DType::f32,
                           .bias = bias,
                           .accumulate = true,
                           .a_gap = 8});
        for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{1, 7, 1},
                                      {1, 65, 130},
                                      {3, 64, 32},
                                      {17, 130, 96},
                                      {33, 1, 64},
                                      {0, 64, 32}})
            for (const DType c_type : {type, DType::f32})
                all.push_back({.m = m,
                               .n = n,
                               .k = k,
                               .type = type,
                               .c_type = c_type,
                               .bias = true,
                               .a_gap = n,
                               .c_gap = 16});
    }
    add_blocks(all);
    all.push_back(
        {.m = 9, .n = 40, .k = 100, .type = DType::f32, .c_type = DType::f32, .tf32 = true});
    return all;
}

} // namespace

std::vector<Case> matmul_cases() {
    std::vector<Case> cases;
    for (const Settings& s : all_settings())
        cases.push_back({describe(s), [s](Bench& t) { check(t, s); }});
    return cases;
}

} // namespace sweetspot::selftest

#include "kernels/ops/matmul_backward.h"
#include "kernels/selftest/bench.h"

/// The two gradients of a product, for shapes that fill tiles and ones that do not: what the
/// library is asked for transposed is easily asked for the wrong way round, and square shapes hide
/// it.
namespace sweetspot::selftest {

namespace {

struct Settings {
    std::int64_t m, n, k;
    DType type, dx_type;
    bool accumulate = false, tf32 = false, bias = true;
    std::int64_t gap = 0; ///< between rows of dy and dx
    WeightFormat format = WeightFormat::dense;
};

std::string describe(const Settings& s) {
    return std::to_string(s.m) + " x " + std::to_string(s.n) + " x " + std::to_string(s.k) + ", " +
           (s.tf32 ? "tf32" : name_of(s.type)) + " to " + name_of(s.dx_type) +
           (s.bias ? "" : ", no bias") + (s.accumulate ? ", added" : "") +
           (s.gap ? ", strided" : "") +
           (s.format == WeightFormat::dense
                ? ""
                : ", " + std::string(names_of(s.format)[std::size_t(s.format)]));
}

double limit(const Settings& s, DType result) {
    const double product = s.tf32 ? 0x1p-10 : 8 * epsilon_of(DType::f32),
                 weights = s.format == WeightFormat::dense ? 0 : epsilon_of(s.type); // as matmul's
    return product + weights + (result == DType::f32 ? 0 : 2 * epsilon_of(result));
}

Value to_write(Bench& t, const Settings& s, Shape shape, DType type, std::int64_t stride = 0) {
    return s.accumulate ? t.normal(shape, type, 1, stride) : t.output(shape, type, stride);
}

void check_backward(Bench& t, const Settings& s) {
    const auto stride = [&](std::int64_t width) { return s.gap ? width + s.gap : 0; };
    const Value dy = t.normal({s.m, s.n}, s.type, 1, stride(s.n));
    const Value weight = t.normal({s.n, s.k}, s.type, 0.3);
    const bool dense = s.format == WeightFormat::dense;
    const Value packed =
        t.output(packed_shape(s.format, s.n, s.k, s.type), dense ? s.type : DType::u8);
    const Value dx = to_write(t, s, {s.m, s.k}, s.dx_type, stride(s.k));
    Tensor of_reference(t.cpu().allocator, packed_shape(s.format, s.n, s.k, DType::f32),
                        dense ? DType::f32 : DType::u8);
    const auto pack = [&](Out to, Context& context) {
        run(PackWeight{.sources = {weight.in(Side::reference)}, .packed = to, .format = s.format},
            context);
    };
    pack(packed.out(Side::device), t.device());
    pack(of_reference, t.cpu());
    t.run([&](Side side) {
        return MatMulBackward{
            .dy = dy.in(side),
            .weight = {.data = side == Side::device ? packed.in(side) : of_reference.in(),
                       .n = s.n,
                       .k = s.k,
                       .format = s.format},
            .dx = dx.out(side),
            .accumulate = s.accumulate,
            .tf32 = s.tf32};
    });
    t.expect_close(dx, limit(s, s.dx_type), "dx");
    t.expect_unchanged(dy, "dy");
    t.expect_unchanged(weight, "weight");
}

void check_gradient(Bench& t, const Settings& s) {
    const Value dy = t.normal({s.m, s.n}, s.type), x = t.normal({s.m, s.k}, s.type);
    const Value dw = to_write(t, s, {s.n, s.k}, DType::f32);
    const Value dbias = to_write(t, s, {s.n}, DType::f32);
    t.run([&](Side side) {
        return WeightGradient{.dy = dy.in(side),
                              .x = x.in(side),
                              .dw = dw.out(side),
                              .dbias = s.bias ? dbias.out(side) : Out{},
                              .accumulate = s.accumulate,
                              .tf32 = s.tf32};
    });
    t.expect_close(dw, limit(s, DType::f32), "dw");
    if (s.bias) t.expect_close(dbias, 8 * epsilon_of(DType::f32), "dbias");
    t.expect_unchanged(dy, "dy");
    t.expect_unchanged(x, "x");
}

std::vector<Settings> all_settings() {
    std::vector<Settings> all;
    for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
        for (const auto& [m, n, k] :
             {std::array<std::int64_t, 3>{1, 1, 1}, {5, 33, 17}, {70, 64, 32}, {33, 130, 65}})
            for (const bool accumulate : {false, true})
                all.push_back({.m = m,
                               .n = n,
                               .k = k,
                               .type = type,
                               .dx_type = accumulate ? DType::f32 : type,
                               .accumulate = accumulate});
        all.push_back({.m = 9,
                       .n = 24,
                       .k = 40,
                       .type = type,
                       .dx_type = DType::f32,
                       .bias = false,
                       .gap = 8});
    }
    for (const WeightFormat format : {WeightFormat::q4_k, WeightFormat::nf4, WeightFormat::nf4_dq})
        for (const DType type : {DType::f32, DType::bf16})
            all.push_back({.m = 9,
                           .n = 40,
                           .k = 512,
                           .type = type,
                           .dx_type = type,
                           .bias = false,
                           .format = format});
    all.push_back(
        {.m = 9, .n = 40, .k = 100, .type = DType::f32, .dx_type = DType::f32, .tf32 = true});
    return all;
}

} // namespace

std::vector<Case> matmul_backward_cases() {
    std::vector<Case> cases;
    for (const Settings& s : all_settings()) {
        cases.push_back(
            {"matmul backward, " + describe(s), [s](Bench& t) { check_backward(t, s); }});
        cases.push_back(
            {"weight gradient, " + describe(s), [s](Bench& t) { check_gradient(t, s); }});
    }
    return cases;
}

} // namespace sweetspot::selftest

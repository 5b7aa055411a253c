#include "kernels/ops/norm.h"
#include "kernels/selftest/bench.h"

namespace sweetspot::selftest {

namespace {

struct Settings {
    std::int64_t rows, width;
    NormKind kind;
    DType delta_type, type;
    bool delta, bias;
};

void check(Bench& t, const Settings& s) {
    const Value x = t.normal({s.rows, s.width}, DType::f32, 3);
    const Value delta = t.normal({s.rows, s.width}, s.delta_type);
    const Value weight = t.normal({s.width}, DType::f32), bias = t.normal({s.width}, DType::f32);
    const Value y = t.output({s.rows, s.width}, s.type);
    t.run([&](Side side) {
        return Norm{.x = x.out(side),
                    .delta = s.delta ? delta.in(side) : In{},
                    .weight = weight.in(side),
                    .bias = s.bias ? bias.in(side) : In{},
                    .y = y.out(side),
                    .kind = s.kind};
    });
    t.expect_close(y, 2 * epsilon_of(s.type) + 1e-6, "y");
    if (s.delta)
        t.expect_within(x, 0, "x");
    else
        t.expect_unchanged(x, "x");
    t.expect_unchanged(delta, "delta");
}

} // namespace

std::vector<Case> norm_cases() {
    std::vector<Case> cases;
    for (const NormKind kind : {NormKind::layer, NormKind::rms})
        for (const std::int64_t width : {1, 3, 33, 65, 640, 1280})
            for (const DType type : {DType::f32, DType::bf16, DType::f16})
                for (const bool with : {false, true}) {
                    const Settings s{5, width, kind, type, type, with, with};
                    cases.push_back({"norm, " + std::string(names_of(kind)[std::size_t(kind)]) +
                                         ", width " + std::to_string(width) + ", " +
                                         std::string(names_of(type)[std::size_t(type)]) +
                                         (with ? ", residual and bias" : ""),
                                     [s](Bench& t) { check(t, s); }});
                }
    return cases;
}

} // namespace sweetspot::selftest

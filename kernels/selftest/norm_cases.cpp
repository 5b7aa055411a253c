#include "kernels/ops/norm.h"
#include "kernels/selftest/bench.h"

namespace sweetspot::selftest {

namespace {

struct Settings {
    std::int64_t rows, width;
    NormKind kind;
    DType delta_type, type;
    bool delta, bias;
    double mean = 0;
    float dropout = 0;
    std::int64_t first = 0; ///< delta and y begin so many numbers after an aligned address
    bool keeps = false;     ///< the sum in a tensor of its own, and the statistics
};

/// [rows, width] in the middle of a longer row.
Out after(const Value& value, Side side, const Settings& s) {
    Out view = columns(value.out(side), s.first, s.rows * s.width);
    view.shape = {s.rows, s.width};
    view.row_stride = 0;
    return view;
}

void check(Bench& t, const Settings& s) {
    std::normal_distribution<double> normal(s.mean, 3);
    std::vector<double> numbers(std::size_t(s.rows * s.width), 0.0);
    for (double& number : numbers) number = normal(t.random());
    const Value x = t.of({s.rows, s.width}, DType::f32, numbers);
    const Value delta = t.normal({1, s.first + s.rows * s.width}, s.delta_type);
    const Value weight = t.normal({s.width}, DType::f32), bias = t.normal({s.width}, DType::f32);
    const Value y = t.output({1, s.first + s.rows * s.width}, s.type);
    const Value sum = t.output({s.rows, s.width}, DType::f32);
    const Value mean = t.output({s.rows}, DType::f32), rstd = t.output({s.rows}, DType::f32);
    const bool means = s.keeps && s.kind == NormKind::layer;
    t.run([&](Side side) {
        return Norm{.x = x.in(side),
                    .delta = s.delta ? In(after(delta, side, s)) : In{},
                    .weight = weight.in(side),
                    .bias = s.bias ? bias.in(side) : In{},
                    .sum = !s.delta  ? Out{}
                           : s.keeps ? sum.out(side)
                                     : x.out(side),
                    .y = after(y, side, s),
                    .mean = means ? mean.out(side) : Out{},
                    .rstd = s.keeps ? rstd.out(side) : Out{},
                    .kind = s.kind,
                    .dropout = {.probability = s.dropout, .seed = 0x123456789abcdef}};
    });
    // What a mean of 1000 leaves of numbers in f32, normalised.
    t.expect_close(y, 2 * epsilon_of(s.type) + (s.mean > 0 ? 4e-5 : 1e-6), "y");
    if (s.delta) { // a scaled number may be added in one rounding: the last place of less than 64
        const double scaled = 1 / (1 - double(s.dropout));
        t.expect_within(s.keeps ? sum : x, s.dropout > 0 ? scaled > 4 ? 4e-6 : 2e-6 : 0, "sum");
    }
    if (!s.delta || s.keeps) t.expect_unchanged(x, "x");
    if (means) t.expect_close(mean, 1e-5, "mean");
    if (s.keeps) t.expect_close(rstd, s.mean > 0 ? 4e-5 : 1e-5, "rstd");
    t.expect_unchanged(delta, "delta");
}

void check_heads(Bench& t, std::int64_t heads, std::int64_t size, DType type) {
    const std::int64_t rows = 5, first = 3, width = heads * size; // in the middle of wider rows
    const Value x = t.normal({rows, first + width + 8}, type),
                weight = t.normal({size}, DType::f32);
    t.run([&](Side side) {
        return HeadNorm{.x = columns(x.out(side), first, width), .weight = weight.in(side)};
    });
    t.expect_close(x, 2 * epsilon_of(type) + 1e-6, "x");
    t.expect_unchanged(weight, "weight");
}

void check_heads_backward(Bench& t, std::int64_t rows, std::int64_t size, DType type,
                          bool learned) {
    const std::int64_t first = 3, width = 3 * size, stride = first + width + 8;
    const Value x = t.normal({rows, stride}, type), weight = t.normal({size}, DType::f32),
                dweight = t.normal({size}, DType::f32);
    const Value dx = t.normal({rows, width}, type, 1, width + 5);
    t.run([&](Side side) {
        return HeadNormBackward{.x = columns(x.in(side), first, width),
                                .weight = weight.in(side),
                                .dx = dx.out(side),
                                .dweight = learned ? dweight.out(side) : Out{}};
    });
    t.expect_close(dx, 2 * epsilon_of(type) + 2e-6, "dx");
    if (learned)
        t.expect_close(dweight, 2e-6, "dweight");
    else
        t.expect_unchanged(dweight, "dweight");
    for (const Value& in : {x, weight}) t.expect_unchanged(in, "an input");
}

/// All that is added to is given numbers before.
void check_backward(Bench& t, std::int64_t rows, std::int64_t width, NormKind kind, DType type,
                    bool bias, bool accumulate) {
    const Value x = t.normal({rows, width}, DType::f32, 2), dy = t.normal({rows, width}, type);
    const Value weight = t.normal({width}, DType::f32), mean = t.normal({rows}, DType::f32, 0.2);
    const Value rstd = t.uniform({rows}, DType::f32, 0.2, 2);
    const Value dx =
        accumulate ? t.normal({rows, width}, DType::f32) : t.output({rows, width}, DType::f32);
    const Value dweight = t.normal({width}, DType::f32), dbias = t.normal({width}, DType::f32);
    t.run([&](Side side) {
        return NormBackward{.x = x.in(side),
                            .weight = weight.in(side),
                            .mean = kind == NormKind::layer ? mean.in(side) : In{},
                            .rstd = rstd.in(side),
                            .dy = dy.in(side),
                            .dx = dx.out(side),
                            .dweight = dweight.out(side),
                            .dbias = bias ? dbias.out(side) : Out{},
                            .kind = kind,
                            .accumulate = accumulate};
    });
    t.expect_close(dx, 2e-6, "dx");
    t.expect_close(dweight, 2e-6, "dweight");
    if (bias)
        t.expect_close(dbias, 2e-6, "dbias");
    else
        t.expect_unchanged(dbias, "dbias");
    for (const Value& in : {x, dy, weight, mean, rstd}) t.expect_unchanged(in, "an input");
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
                                         ", width " + std::to_string(width) + ", " + name_of(type) +
                                         (with ? ", residual and bias" : ""),
                                     [s](Bench& t) { check(t, s); }});
                }
    const auto add_case = [&](const std::string& name, std::function<void(Bench&)> run) {
        cases.push_back({"norm, " + name, std::move(run)});
    };
    const auto add = [&](const std::string& name, const Settings& s) {
        add_case(name, [s](Bench& t) { check(t, s); });
    };
    const DType bf16 = DType::bf16, f16 = DType::f16, f32 = DType::f32;
    const NormKind layer = NormKind::layer, rms = NormKind::rms;
    add("more than a warp", {2, 1284, layer, bf16, f32, true, true});
    add("a thousand threads", {1, 16384, rms, f16, bf16, true, false});
    add("wider than registers", {1, 16388, layer, f32, f32, true, true});
    for (const std::int64_t width : {64, 65, 640, 2060}) {
        const std::string of_width = ", width " + std::to_string(width);
        add("a large mean" + of_width, {3, width, layer, f32, f32, false, false, 1000});
        add("dropout" + of_width, {3, width, layer, bf16, f32, true, true, 0, 0.3f});
        add("dropout, unaligned" + of_width, {3, width, rms, f16, f16, true, false, 0, 0.9f, 1});
        add("unaligned" + of_width, {3, width, layer, bf16, bf16, true, true, 0, 0, 3});
    }
    for (const std::int64_t width : {33, 64, 640, 1284, 16388}) {
        const std::string kept = "all that is kept, width " + std::to_string(width);
        add(kept + ", layer", {5, width, layer, bf16, bf16, true, true, 0, 0, 0, true});
        add(kept + ", rms", {5, width, rms, f32, f16, true, false, 0, 0.3f, 0, true});
        add(kept + ", no delta", {5, width, layer, f32, f32, false, true, 0, 0, 0, true});
    }
    for (const DType type : {f32, bf16, f16})
        for (const std::int64_t size : {1, 16, 33, 128})
            add_case("heads of " + std::to_string(size) + ", " + name_of(type),
                     [=](Bench& t) { check_heads(t, 3, size, type); });
    const auto add_heads_backward = [&](std::int64_t rows, std::int64_t size, DType type,
                                        bool learned) {
        add_case("backward of heads of " + std::to_string(size) + " in " + std::to_string(rows) +
                     " rows, " + name_of(type) + (learned ? ", learned" : ""),
                 [=](Bench& t) { check_heads_backward(t, rows, size, type, learned); });
    };
    for (const DType type : {f32, bf16, f16}) {
        for (const std::int64_t size : {2, 16, 33, 128})
            for (const bool learned : {false, true}) add_heads_backward(3, size, type, learned);
        add_heads_backward(300, 33, type, true); // a part of several rows
    }
    for (const NormKind kind : {layer, rms})
        for (const DType type : {f32, bf16, f16})
            for (const std::int64_t width : {1, 33, 320, 1284})
                for (const bool more : {false, true})
                    add_case("backward, " + std::string(names_of(kind)[std::size_t(kind)]) +
                                 ", width " + std::to_string(width) + ", " + name_of(type) +
                                 (more ? ", bias and added" : ""),
                             [=](Bench& t) {
                                 check_backward(t, width > 300 ? 40 : 3, width, kind, type, more,
                                                more);
                             });
    return cases;
}

} // namespace sweetspot::selftest

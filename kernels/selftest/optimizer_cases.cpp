#include "kernels/ops/elementwise.h"
#include "kernels/ops/optimizer.h"
#include "kernels/selftest/bench.h"

namespace sweetspot::selftest {

namespace {

void check_adamw(Bench& t, std::int64_t count, int step, bool scaled) {
    const Shape shape{count};
    const Value weight = t.normal(shape, DType::f32), gradient = t.normal(shape, DType::f32),
                mean = t.normal(shape, DType::f32, 0.1),
                square = t.uniform(shape, DType::f32, 0, 0.1),
                scale = t.of({1}, DType::f32, {0.25});
    t.run([&](Side side) {
        return AdamW{.weight = weight.out(side),
                     .gradient = gradient.in(side),
                     .mean = mean.out(side),
                     .square = square.out(side),
                     .scale = scaled ? scale.in(side) : In{},
                     .step = step,
                     .learning_rate = 0.01,
                     .decay = 0.1};
    });
    for (const Value& value : {weight, mean, square}) t.expect_close(value, 1e-6, "a result");
    t.expect_unchanged(gradient, "gradient");
    t.expect_unchanged(scale, "scale");
}

void check_sgd(Bench& t, std::int64_t count, bool momentum, bool scaled) {
    const Shape shape{count};
    const Value weight = t.normal(shape, DType::f32), gradient = t.normal(shape, DType::f32),
                velocity = t.normal(shape, DType::f32), scale = t.of({1}, DType::f32, {0.25});
    t.run([&](Side side) {
        return Sgd{.weight = weight.out(side),
                   .gradient = gradient.in(side),
                   .velocity = momentum ? velocity.out(side) : Out{},
                   .scale = scaled ? scale.in(side) : In{},
                   .learning_rate = 0.1,
                   .momentum = momentum ? 0.9 : 0,
                   .decay = 0.01};
    });
    t.expect_close(weight, 1e-6, "weight");
    t.expect_close(velocity, 1e-6, "velocity");
    t.expect_unchanged(gradient, "gradient");
}

void check_square_sum(Bench& t, std::int64_t count) {
    const Value x = t.normal({count}, DType::f32), sum = t.output({1}, DType::f32);
    t.run([&](Side side) { return SquareSum{.x = x.in(side), .sum = sum.out(side)}; });
    t.expect_close(sum, 1e-6, "sum");
    t.expect_unchanged(x, "x");
}

void check_clip(Bench& t, const std::vector<double>& squares, float limit) {
    const Value given = t.of({std::int64_t(squares.size())}, DType::f32, squares);
    const Value norm = t.output({1}, DType::f32), scale = t.output({1}, DType::f32);
    t.run([&](Side side) {
        return ClipScale{.squares = given.in(side),
                         .norm = norm.out(side),
                         .scale = scale.out(side),
                         .limit = limit};
    });
    t.expect_within(norm, 1e-6, "norm");
    t.expect_within(scale, 1e-6, "scale");
}

void check_stochastic_round(Bench& t, std::int64_t count) {
    const Value x = t.normal({count}, DType::f32), y = t.output({count}, DType::bf16);
    std::vector<std::uint16_t> rounded(static_cast<std::size_t>(count));
    const Out bf16{rounded.data(), {count}, DType::bf16};
    const auto rounding = [](In from, Out to) {
        return StochasticRound{.x = from, .y = to, .seed = 9, .first = 4};
    };
    t.run([&](Side side) { return rounding(x.in(side), y.out(side)); },
          [&](Context& cpu) { // the reference's values are f32
              run(rounding(x.in(Side::reference), bf16), cpu);
              run(Convert{.x = bf16, .y = y.out(Side::reference)}, cpu);
          });
    t.expect_close(y, 0, "y"); // the same draws on every device
    t.expect_unchanged(x, "x");
}

} // namespace

std::vector<Case> optimizer_cases() {
    std::vector<Case> cases;
    for (const std::int64_t count : {1, 33, 1000, 40000}) {
        const std::string name = ", " + std::to_string(count);
        for (const bool more : {false, true}) {
            cases.push_back({"adamw" + name + (more ? ", scaled" : ""),
                             [=](Bench& t) { check_adamw(t, count, more ? 7 : 1, more); }});
            cases.push_back({"sgd" + name + (more ? ", momentum" : ", scaled"),
                             [=](Bench& t) { check_sgd(t, count, more, !more); }});
        }
        cases.push_back(
            {"stochastic_round" + name, [=](Bench& t) { check_stochastic_round(t, count); }});
        cases.push_back({"square_sum" + name, [=](Bench& t) { check_square_sum(t, count); }});
    }
    for (const float limit : {0.0f, 1.0f, 10.0f})
        cases.push_back({"clip_scale, " + std::to_string(int(limit)), [=](Bench& t) {
                             check_clip(t, {4, 5, 7}, limit);
                         }});
    return cases;
}

} // namespace sweetspot::selftest

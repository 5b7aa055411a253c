#include "kernels/ops/loss.h"
#include "kernels/selftest/bench.h"

namespace sweetspot::selftest {

namespace {

void check_loss(Bench& t, std::int64_t rows, std::int64_t vocabulary, double deviation) {
    const Value logits = t.normal({rows, vocabulary}, DType::f32, deviation);
    const Value targets = t.integers({rows}, -1, std::int32_t(vocabulary));
    const Value losses = t.output({rows}, DType::f32);
    t.run([&](Side side) {
        return CrossEntropy{
            .logits = logits.in(side), .targets = targets.in(side), .losses = losses.out(side)};
    });
    // A loss is a difference of logits: of a deviation of 30 some are over 128, whose last place is
    // worth 1.5e-5, and either side may round it the other way.
    t.expect_within(losses, 2e-6 + 1e-6 * deviation, "losses");
    t.expect_unchanged(logits, "logits");
    t.expect_unchanged(targets, "targets");
}

void check_gradient(Bench& t, std::int64_t rows, std::int64_t vocabulary, DType type,
                    bool in_place) {
    const Value logits = t.normal({rows, vocabulary}, DType::f32, 3);
    const Value targets = t.integers({rows}, -1, std::int32_t(vocabulary));
    const Value losses = t.output({rows}, DType::f32), dlogits = t.output({rows, vocabulary}, type);
    const Value& written = in_place ? logits : dlogits;
    t.run([&](Side side) {
        return CrossEntropyGradient{.logits = logits.in(side),
                                    .targets = targets.in(side),
                                    .losses = losses.out(side),
                                    .dlogits = written.out(side),
                                    .scale = 0.25f};
    });
    t.expect_within(losses, 4e-6, "losses");
    t.expect_within(written, 1e-6 + epsilon_of(type), "dlogits");
    t.expect_unchanged(targets, "targets");
    if (!in_place) t.expect_unchanged(logits, "logits");
}

/// The token that both sides draw is the same one, whatever decides: `logits` may have equals.
void check_sample(Bench& t, std::int64_t rows, const Value& logits, float temperature,
                  float top_p) {
    const Value uniforms = t.uniform({rows}, DType::f32, 0, 1), ids = t.output({rows}, DType::i32);
    t.run([&](Side side) {
        return Sample{.logits = logits.in(side),
                      .uniforms = uniforms.in(side),
                      .ids = ids.out(side),
                      .temperature = temperature,
                      .top_p = top_p};
    });
    t.expect_within(ids, 0, "ids");
    t.expect_unchanged(logits, "logits");
    t.expect_unchanged(uniforms, "uniforms");
}

/// Numbers of which many are alike.
Value coarse(Bench& t, std::int64_t rows, std::int64_t vocabulary) {
    std::uniform_int_distribution<int> steps(-8, 1);
    std::vector<double> values(std::size_t(rows * vocabulary), 0.0);
    for (double& x : values) x = 0.75 * steps(t.random());
    return t.of({rows, vocabulary}, DType::f32, values);
}

std::string number(float x) {
    return std::to_string(x).substr(0, 4);
}

} // namespace

std::vector<Case> loss_cases() {
    std::vector<Case> cases;
    for (const std::int64_t vocabulary : {1, 3, 33, 257, 1030, 9001})
        for (const double deviation : {1.0, 30.0})
            cases.push_back({"cross_entropy, vocabulary " + std::to_string(vocabulary) +
                                 (deviation > 1 ? ", peaked" : ""),
                             [=](Bench& t) {
                                 check_loss(t, vocabulary > 9000 ? 2 : 6, vocabulary, deviation);
                             }});
    for (const std::int64_t vocabulary : {1, 3, 33, 1030, 9001})
        for (const DType type : {DType::f32, DType::bf16, DType::f16})
            for (const bool in_place : {false, true})
                if (!in_place || type == DType::f32)
                    cases.push_back({"cross_entropy_gradient, vocabulary " +
                                         std::to_string(vocabulary) + ", " + name_of(type) +
                                         (in_place ? ", in place" : ""),
                                     [=](Bench& t) {
                                         check_gradient(t, vocabulary > 9000 ? 2 : 6, vocabulary,
                                                        type, in_place);
                                     }});
    cases.push_back(
        {"cross_entropy, logits far away", [](Bench& t) {
             const Value logits = t.of({2, 3}, DType::f32, {-1e30, 0, 1e4, -1e4, -1e4, -1e4});
             const Value targets = t.of({2}, DType::i32, {1, 2});
             const Value losses = t.output({2}, DType::f32);
             t.run([&](Side side) {
                 return CrossEntropy{.logits = logits.in(side),
                                     .targets = targets.in(side),
                                     .losses = losses.out(side)};
             });
             t.expect_within(losses, 1e-6, "losses");
         }});

    for (const std::int64_t vocabulary : {1, 3, 33, 700}) {
        const std::string size = "vocabulary " + std::to_string(vocabulary);
        for (const bool equals : {false, true})
            for (const auto& [temperature, top_p] :
                 {std::pair(0.0f, 1.0f), {1.0f, 1.0f}, {0.7f, 0.9f}, {1.5f, 0.3f}, {1.0f, 0.999f}})
                cases.push_back({"sample, " + size + ", temperature " + number(temperature) +
                                     ", top_p " + number(top_p) + (equals ? ", equals" : ""),
                                 [=](Bench& t) {
                                     const std::int64_t rows = 4;
                                     const Value logits =
                                         equals ? coarse(t, rows, vocabulary)
                                                : t.normal({rows, vocabulary}, DType::f32, 3);
                                     check_sample(t, rows, logits, temperature, top_p);
                                 }});
    }
    cases.push_back({"sample, a token that leaves no other a chance", [](Bench& t) {
                         const Value logits =
                             t.of({2, 4}, DType::f32, {0, 300, -300, 0, -1e30, -1e30, -1e30, 5});
                         check_sample(t, 2, logits, 1, 0.9f);
                         check_sample(t, 2, logits, 0.01f, 1);
                     }});
    return cases;
}

} // namespace sweetspot::selftest

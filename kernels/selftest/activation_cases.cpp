#include "kernels/ops/activation.h"
#include "kernels/selftest/bench.h"

namespace sweetspot::selftest {

namespace {

/// `first` > 0 makes the address unaligned.
void check_activate(Bench& t, Activation activation, std::int64_t count, DType type,
                    std::int64_t first) {
    const Value x = t.normal({1, first + count + 1}, type, 3);
    t.run([&](Side side) {
        return Activate{.x = flat(x, side, first, count), .activation = activation};
    });
    t.expect_close(x, 2 * epsilon_of(type) + 2e-6, "x");
}

void check_extremes(Bench& t, Activation activation) {
    const Value x = t.of({1, 6}, DType::f32, {1e30, 1000, -1000, 88.5, -88.5, 0});
    t.run([&](Side side) { return Activate{.x = x.out(side), .activation = activation}; });
    for (int i = 0; i < 6; ++i)
        t.expect(std::abs(t.on_device(x)[i] - t.reference(x)[i]) <=
                     1e-6 + 1e-6 * std::abs(t.reference(x)[i]),
                 "an extreme is off");
}

void check_swiglu(Bench& t, std::int64_t rows, std::int64_t width, DType type, std::int64_t first) {
    const Value both = t.normal({rows, first + 2 * width}, type, 2),
                y = t.output({rows, width}, type);
    t.run([&](Side side) {
        return SwiGlu{.gate = columns(both.in(side), first, width),
                      .up = columns(both.in(side), first + width, width),
                      .y = y.out(side)};
    });
    t.expect_close(y, 2 * epsilon_of(type) + 2e-6, "y");
    t.expect_unchanged(both, "gate and up");
}

void check_activate_backward(Bench& t, Activation activation, std::int64_t count, DType type,
                             std::int64_t first, bool in_place) {
    const Value x = t.normal({1, first + count + 1}, type, 3),
                dy = t.normal({1, first + count + 1}, type),
                dx = t.output({1, first + count + 1}, type);
    const Value& written = in_place ? dy : dx;
    t.run([&](Side side) {
        return ActivateBackward{.x = flat(x, side, first, count),
                                .dy = flat(dy, side, first, count),
                                .dx = flat(written, side, first, count),
                                .activation = activation};
    });
    for (std::int64_t i = first; i < first + count; ++i)
        t.expect(
            std::abs(t.on_device(written)[std::size_t(i)] - t.reference(written)[std::size_t(i)]) <=
                4e-6 + 2 * epsilon_of(type) * std::abs(t.reference(written)[std::size_t(i)]),
            "dx is off");
    t.expect_unchanged(x, "x");
    if (!in_place) t.expect_unchanged(dy, "dy");
}

void check_swiglu_backward(Bench& t, std::int64_t rows, std::int64_t width, DType type,
                           std::int64_t first) {
    const Value both = t.normal({rows, first + 2 * width}, type, 2),
                dy = t.normal({rows, width}, type), written = t.normal({rows, 2 * width}, type);
    t.run([&](Side side) {
        return SwiGluBackward{.gate = columns(both.in(side), first, width),
                              .up = columns(both.in(side), first + width, width),
                              .dy = dy.in(side),
                              .dgate = columns(written.out(side), 0, width),
                              .dup = columns(written.out(side), width, width)};
    });
    t.expect_close(written, 2 * epsilon_of(type) + 2e-6, "dgate and dup");
    t.expect_unchanged(both, "gate and up");
    t.expect_unchanged(dy, "dy");
}

} // namespace

std::vector<Case> activation_cases() {
    std::vector<Case> cases;
    for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
        const std::string name(names_of(type)[std::size_t(type)]);
        for (const Activation activation :
             {Activation::none, Activation::gelu, Activation::gelu_tanh, Activation::silu})
            for (const std::int64_t count : {1, 7, 33, 8200})
                for (const std::int64_t first : {0, 1}) {
                    if (count == 8200 && activation != Activation::gelu) continue;
                    if (count < 8200)
                        cases.push_back(
                            {"activate backward, " +
                                 std::string(names_of(activation)[std::size_t(activation)]) + ", " +
                                 std::to_string(count) + " from " + std::to_string(first) + ", " +
                                 name,
                             [=](Bench& t) {
                                 check_activate_backward(t, activation, count, type, first,
                                                         count == 33);
                             }});
                    cases.push_back(
                        {"activate, " + std::string(names_of(activation)[std::size_t(activation)]) +
                             ", " + std::to_string(count) + " from " + std::to_string(first) +
                             ", " + name,
                         [=](Bench& t) { check_activate(t, activation, count, type, first); }});
                }
        for (const std::int64_t width : {1, 3, 33, 64, 65, 2056})
            for (const std::int64_t first : {0, 1})
                cases.push_back({"swiglu, width " + std::to_string(width) + " from " +
                                     std::to_string(first) + ", " + name,
                                 [=](Bench& t) { check_swiglu(t, 5, width, type, first); }});
        for (const std::int64_t width : {1, 33, 64, 2056})
            for (const std::int64_t first : {0, 1})
                cases.push_back(
                    {"swiglu backward, width " + std::to_string(width) + " from " +
                         std::to_string(first) + ", " + name,
                     [=](Bench& t) { check_swiglu_backward(t, 5, width, type, first); }});
    }
    for (const Activation activation : {Activation::gelu, Activation::gelu_tanh, Activation::silu})
        cases.push_back({"activate, " + std::string(names_of(activation)[std::size_t(activation)]) +
                             ", extremes",
                         [=](Bench& t) { check_extremes(t, activation); }});
    return cases;
}

} // namespace sweetspot::selftest

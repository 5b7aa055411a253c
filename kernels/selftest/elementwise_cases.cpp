#include "kernels/core/float_types.h"
#include "kernels/ops/elementwise.h"
#include "kernels/selftest/bench.h"

namespace sweetspot::selftest {

namespace {

constexpr DType types[] = {DType::f32, DType::bf16, DType::f16};

/// Adds to columns [first, first + width) of a wider x; the others stay as they are.
void check_add_bias(Bench& t, std::int64_t width, std::int64_t first, DType type) {
    const Value x = t.normal({5, first + width + 8}, type), bias = t.normal({width}, DType::f32);
    t.run([&](Side side) {
        return AddBias{.x = columns(x.out(side), first, width), .bias = bias.in(side)};
    });
    t.expect_close(x, 2 * epsilon_of(type), "x");
    t.expect_unchanged(bias, "bias");
}

void check_add(Bench& t, std::int64_t count, std::int64_t first, DType type) {
    const Value x = t.normal({1, first + count + 1}, DType::f32);
    const Value delta = t.normal({1, first + count + 1}, type);
    t.run([&](Side side) {
        return Add{.x = flat(x, side, first, count), .delta = flat(delta, side, first, count)};
    });
    t.expect_within(x, 0, "x");
    t.expect_unchanged(delta, "delta");
}

void check_scale(Bench& t, std::int64_t width, std::int64_t first, DType type) {
    const Value x = t.normal({5, first + width + 8}, type), y = t.output({5, width}, type);
    t.run([&](Side side) {
        return Scale{.x = columns(x.in(side), first, width), .y = y.out(side), .factor = 0.37f};
    });
    t.expect_close(y, epsilon_of(type), "y");
    t.expect_unchanged(x, "x");
}

double rounded(DType type, double x) {
    if (type == DType::bf16) return double(to_float(to_bfloat16(float(x))));
    return type == DType::f16 ? double(float(_Float16(float(x)))) : x;
}

/// Every number is the nearest one of y's type.
void check_convert(Bench& t, std::int64_t count, std::int64_t first, DType from, DType to) {
    const Value x = t.normal({1, first + count + 1}, from);
    const Value y = t.output({1, first + count + 1}, to);
    t.run([&](Side side) {
        return Convert{.x = flat(x, side, first, count), .y = flat(y, side, first, count)};
    });
    const auto actual = t.on_device(y), expected = t.reference(y);
    for (std::int64_t i = 0; i < y.shape().count(); ++i) {
        const bool written = i >= first && i < first + count;
        t.expect(written ? actual[i] == rounded(to, expected[i]) : std::isnan(actual[i]),
                 "y is not what it is rounded to");
    }
    t.expect_unchanged(x, "x");
}

void check_gather(Bench& t, std::int64_t width, std::int64_t stride, std::int64_t first,
                  DType type) {
    const Value x = t.normal({7, stride}, type), indices = t.integers({12}, 0, 7);
    const Value y = t.output({12, width}, type);
    t.run([&](Side side) {
        return GatherRows{
            .x = columns(x.in(side), first, width), .indices = indices.in(side), .y = y.out(side)};
    });
    t.expect_within(y, 0, "y");
    t.expect_unchanged(x, "x");
}

void check_scatter(Bench& t, std::int64_t width, std::int64_t stride, std::int64_t first,
                   DType type) {
    const Value x = t.normal({4, stride}, type), indices = t.of({4}, DType::i32, {8, 0, 3, 5});
    const Value y = t.output({9, width}, type);
    t.run([&](Side side) {
        return ScatterRows{
            .x = columns(x.in(side), first, width), .indices = indices.in(side), .y = y.out(side)};
    });
    t.expect_within(y, 0, "y");
    t.expect_unchanged(x, "x");
}

void check_zero(Bench& t, std::int64_t count, std::int64_t first, DType type) {
    const Value x = t.normal({1, first + count + 1}, type);
    t.run([&](Side side) { return Zero{.x = flat(x, side, first, count)}; });
    t.expect_within(x, 0, "x");
}

/// A third of x is 0, of either sign.
void check_hold_zeros(Bench& t, std::int64_t count, std::int64_t first, DType type) {
    const Shape shape{1, first + count + 1};
    std::vector<double> mask;
    for (std::int64_t i = 0; i < shape[1]; ++i)
        mask.push_back(i % 3 ? double(i % 7) - 2.5 : i % 2 ? -0.0 : 0.0);
    const Value x = t.of(shape, type, mask), y = t.normal(shape, DType::f32);
    t.run([&](Side side) {
        return HoldZeros{.x = flat(x, side, first, count), .y = flat(y, side, first, count)};
    });
    t.expect_within(y, 0, "y");
    t.expect_unchanged(x, "x");
}

} // namespace

std::vector<Case> elementwise_cases() {
    std::vector<Case> cases;
    for (const DType type : types)
        for (const std::int64_t first : {0, 1}) {
            const auto add = [&](const std::string& op, std::int64_t size, auto check) {
                cases.push_back({op + ", " + std::to_string(size) + " from " +
                                     std::to_string(first) + ", " + name_of(type),
                                 check});
            };
            for (const std::int64_t width : {1, 3, 33, 64, 2056})
                add("add_bias", width, [=](Bench& t) { check_add_bias(t, width, first, type); });
            for (const std::int64_t count : {1, 3, 65, 4100})
                add("add", count, [=](Bench& t) { check_add(t, count, first, type); });
            for (const std::int64_t count : {1, 3, 65, 4100})
                add("hold_zeros", count,
                    [=](Bench& t) { check_hold_zeros(t, count, first, type); });
            for (const std::int64_t count : {1, 4100})
                add("zero", count, [=](Bench& t) { check_zero(t, count, first, type); });
            for (const std::int64_t width : {1, 3, 33, 64, 65, 128}) {
                add("scale", width, [=](Bench& t) { check_scale(t, width, first, type); });
                add("gather_rows", width,
                    [=](Bench& t) { check_gather(t, width, width + 8, first, type); });
                add("scatter_rows", width,
                    [=](Bench& t) { check_scatter(t, width, width + 8, first, type); });
            }
            for (const DType to : types)
                for (const std::int64_t count : {1, 7, 33, 8200})
                    add("convert to " + name_of(to), count,
                        [=](Bench& t) { check_convert(t, count, first, type, to); });
        }
    return cases;
}

} // namespace sweetspot::selftest

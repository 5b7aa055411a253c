#include "kernels/ops/rotary.h"
#include "kernels/selftest/bench.h"

namespace sweetspot::selftest {

namespace {

struct Settings {
    RotaryPairs pairs;
    std::int64_t heads, half, first; ///< x begins at column `first` of a wider tensor
    DType type;
};

void check(Bench& t, const Settings& s) {
    const std::int64_t rows = 5, places = 40, width = s.heads * 2 * s.half;
    const Value x = t.normal({rows, s.first + width + 8}, s.type);
    const Value positions = t.integers({rows}, 0, std::int32_t(places));
    const Value cosine = t.uniform({places, s.half}, DType::f32, -1, 1);
    const Value sine = t.uniform({places, s.half}, DType::f32, -1, 1);
    t.run([&](Side side) {
        return Rotary{.x = columns(x.out(side), s.first, width),
                      .positions = positions.in(side),
                      .cosine = cosine.in(side),
                      .sine = sine.in(side),
                      .pairs = s.pairs};
    });
    t.expect_close(x, 2 * epsilon_of(s.type), "x");
    for (const Value& in : {positions, cosine, sine}) t.expect_unchanged(in, "an input");
}

void check_table(Bench& t, std::int64_t positions, std::int64_t half, float base, bool scaled) {
    const Value cosine = t.output({positions, half}, DType::f32);
    const Value sine = t.output({positions, half}, DType::f32);
    const Value slower = t.uniform({half}, DType::f32, 1, 8);
    t.run([&](Side side) {
        return RotaryTable{.cosine = cosine.out(side),
                           .sine = sine.out(side),
                           .slower = scaled ? slower.in(side) : In{},
                           .base = base,
                           .magnitude = scaled ? 1.25f : 1.0f};
    });
    const double last_place = scaled ? 1.2e-7 * 1.25 : 1.2e-7;
    t.expect_within(cosine, last_place, "cosine");
    t.expect_within(sine, last_place, "sine");
}

} // namespace

std::vector<Case> rotary_cases() {
    std::vector<Case> cases;
    for (const RotaryPairs pairs : {RotaryPairs::halves, RotaryPairs::interleaved})
        for (const DType type : {DType::f32, DType::bf16, DType::f16})
            for (const std::int64_t half : {1, 8, 12, 32, 65})
                for (const std::int64_t first : {0, 1})
                    cases.push_back({"rotary, " + std::string(names_of(pairs)[std::size_t(pairs)]) +
                                         ", head size " + std::to_string(2 * half) + " from " +
                                         std::to_string(first) + ", " + name_of(type),
                                     [=](Bench& t) {
                                         check(t, {pairs, 3, half, first, type});
                                     }});
    for (const std::int64_t half : {1, 12, 65})
        cases.push_back({"rotary_table, half " + std::to_string(half),
                         [=](Bench& t) { check_table(t, 70, half, 10000, false); }});
    cases.push_back(
        {"rotary_table, base 500000", [](Bench& t) { check_table(t, 33, 64, 500000, false); }});
    cases.push_back(
        {"rotary_table, scaled", [](Bench& t) { check_table(t, 70, 12, 10000, true); }});
    return cases;
}

} // namespace sweetspot::selftest

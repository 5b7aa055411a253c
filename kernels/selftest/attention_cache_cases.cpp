#include "kernels/ops/attention_cache.h"
#include "kernels/selftest/bench.h"
#include <cmath>

namespace sweetspot::selftest {

namespace {

/// Cosines and sines of a table: any two numbers turn alike on both sides.
struct Tables {
    Value cosine, sine;
    bool present;

    Tables(Bench& t, std::int64_t positions, std::int64_t size, bool present)
        : cosine(t.uniform({positions, size / 2}, DType::f32, -1, 1)),
          sine(t.uniform({positions, size / 2}, DType::f32, -1, 1)), present(present) {}
    In cosine_in(Side side) const { return present ? cosine.in(side) : In{}; }
    In sine_in(Side side) const { return present ? sine.in(side) : In{}; }
};

struct AppendSettings {
    std::int64_t kv_heads, size;
    DType type;
    bool rotary;
    std::int64_t shift; ///< of the keys in the rows they are a view of: unaligned if odd
};

void check_append(Bench& t, const AppendSettings& s) {
    const std::vector<std::int32_t> offsets{0, 3, 4, 9}, lengths{3, 1, 4}, starts{0, 6, 2};
    const std::int64_t width = s.kv_heads * s.size, capacity = 7;
    const Value rows = t.normal({9, 2 * width + 16}, s.type);
    const Value cache_k = t.normal({3, s.kv_heads, capacity, s.size}, s.type);
    const Value cache_v = t.normal({3, s.kv_heads, capacity, s.size}, s.type);
    const Tables tables(t, capacity, s.size, s.rotary);
    const Value first = t.of({4}, DType::i32, as_numbers(offsets));
    const Value count = t.of({3}, DType::i32, as_numbers(lengths));
    const Value start = t.of({3}, DType::i32, as_numbers(starts));
    Segments segments{offsets, lengths};
    t.run([&](Side side) {
        segments.device_offsets = first.in(side);
        segments.device_lengths = count.in(side);
        return AppendKeyValue{.k = columns(rows.in(side), s.shift, width),
                              .v = columns(rows.in(side), s.shift + width, width),
                              .cosine = tables.cosine_in(side),
                              .sine = tables.sine_in(side),
                              .cache = {cache_k.out(side), cache_v.out(side)},
                              .segments = &segments,
                              .starts = &starts,
                              .device_starts = start.in(side)};
    });
    t.expect_close(cache_k, s.rotary ? epsilon_of(s.type) : 0, "k");
    t.expect_within(cache_v, 0, "v");
    t.expect_unchanged(rows, "rows");
}

struct CachedSettings {
    std::int64_t heads, kv_heads, size;
    std::vector<std::int32_t> lengths;
    std::int64_t capacity;
    DType type;
    bool rotary;
};

void check_cached(Bench& t, const CachedSettings& s) {
    const auto sequences = std::int64_t(s.lengths.size());
    const std::int64_t width = s.heads * s.size;
    const Value q = t.normal({sequences, width}, s.type, 1, width + 3);
    const Value y = t.output({sequences, width}, s.type, width + 5);
    // What lies behind a sequence's length is NaN, as nothing was ever stored there.
    const auto cached = [&] {
        std::normal_distribution<double> normal;
        std::vector<double> x(std::size_t(sequences * s.kv_heads * s.capacity * s.size));
        for (std::size_t i = 0; i < x.size(); ++i) {
            const auto row = std::int64_t(i) / s.size;
            const auto length = s.lengths[std::size_t(row / s.capacity / s.kv_heads)];
            x[i] = row % s.capacity < length ? normal(t.random()) : std::nan("");
        }
        return t.of({sequences, s.kv_heads, s.capacity, s.size}, s.type, x);
    };
    const Value k = cached(), v = cached();
    const Tables tables(t, s.capacity, s.size, s.rotary);
    const Value length = t.of({sequences}, DType::i32, as_numbers(s.lengths));
    t.run([&](Side side) {
        return CachedAttention{.q = q.in(side),
                               .cosine = tables.cosine_in(side),
                               .sine = tables.sine_in(side),
                               .cache = {k.out(side), v.out(side)},
                               .y = y.out(side),
                               .lengths = &s.lengths,
                               .device_lengths = length.in(side),
                               .heads = int(s.heads),
                               .scale = 1 / std::sqrt(float(s.size))};
    });
    t.expect_close(y, epsilon_of(s.type) + 2e-6, "y");
    t.expect_unchanged(q, "q");
}

/// Recorded work is repeated with other lengths than the host named at the time.
void check_replayed(Bench& t) {
    const std::int64_t size = 32, capacity = 300;
    const std::vector<std::int32_t> recorded{1, 300}, actual{300, 65};
    const Value q = t.normal({2, size}, DType::bf16), y = t.output({2, size}, DType::bf16);
    const Value k = t.normal({2, 1, capacity, size}, DType::bf16);
    const Value v = t.normal({2, 1, capacity, size}, DType::bf16);
    const Value length = t.of({2}, DType::i32, as_numbers(actual));
    t.run([&](Side side) {
        return CachedAttention{.q = q.in(side),
                               .cache = {k.out(side), v.out(side)},
                               .y = y.out(side),
                               .lengths = side == Side::device ? &recorded : &actual,
                               .device_lengths = length.in(side),
                               .heads = 1};
    });
    t.expect_close(y, epsilon_of(DType::bf16), "y");
}

/// Rounding as in a cache is for the CPU: a GPU says so, and leaves all as it was.
void check_refused(Bench& t) {
    const Value rows = t.normal({2, 192}, DType::bf16);
    const Segments segments{{0, 2}, {2}};
    bool refused = false;
    try {
        run(RoundKeyValue{.q = columns(rows.out(Side::device), 0, 64),
                          .k = columns(rows.out(Side::device), 64, 64),
                          .v = columns(rows.out(Side::device), 128, 64),
                          .segments = &segments},
            t.device());
    } catch (const Error& error) {
        refused = error.kind == Failure::unsupported;
    }
    t.expect(refused, "keys and values were not refused");
    t.expect_unchanged(rows, "rows");
}

} // namespace

std::vector<Case> attention_cache_cases() {
    std::vector<Case> cases;
    for (const DType type : {DType::f32, DType::bf16, DType::f16})
        for (const AppendSettings& s : {AppendSettings{2, 64, type, true, 8},
                                        {2, 64, type, false, 8},
                                        {1, 130, type, true, 0},
                                        {3, 6, type, false, 1},
                                        {2, 16, type, true, 3}})
            cases.push_back({"append to cache, head size " + std::to_string(s.size) + ", " +
                                 name_of(type) + (s.rotary ? ", rotary" : ""),
                             [s](Bench& t) { check_append(t, s); }});
    for (const DType type : {DType::f32, DType::bf16, DType::f16})
        for (const CachedSettings& s : {CachedSettings{2, 2, 64, {70, 1}, 150, type, true},
                                        {8, 2, 16, {33, 200}, 200, type, false},
                                        {11, 1, 48, {129}, 140, type, true},
                                        {1, 1, 128, {65}, 66, type, false},
                                        {2, 1, 130, {9, 67}, 70, type, true},
                                        {1, 1, 170, {5}, 64, type, false},
                                        {1, 1, 250, {3}, 64, type, true},
                                        {1, 1, 256, {66}, 70, type, false}})
            cases.push_back({"cached attention, " + std::to_string(s.heads) + " heads on " +
                                 std::to_string(s.kv_heads) + " of size " + std::to_string(s.size) +
                                 ", " + name_of(type) + (s.rotary ? ", rotary" : ""),
                             [s](Bench& t) { check_cached(t, s); }});
    cases.push_back({"cached attention, lengths from the device alone", check_replayed});
    cases.push_back({"rounding as in a cache is refused", check_refused});
    return cases;
}

} // namespace sweetspot::selftest

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
    DType kept;         ///< what they are cached in
};

void check_append(Bench& t, const AppendSettings& s) {
    const std::vector<std::int32_t> offsets{0, 3, 4, 9}, lengths{3, 1, 4}, starts{0, 6, 2};
    const std::int64_t width = s.kv_heads * s.size, capacity = 7;
    const Value rows = t.normal({9, 2 * width + 16}, s.type);
    const Value cache_k = t.normal({3, s.kv_heads, capacity, s.size}, s.kept);
    const Value cache_v = t.normal({3, s.kv_heads, capacity, s.size}, s.kept);
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
    const bool rounds = s.kept != s.type;
    t.expect_close(cache_k, s.rotary || rounds ? epsilon_of(s.kept) : 0, "k");
    t.expect_close(cache_v, rounds ? epsilon_of(s.kept) : 0, "v");
    t.expect_unchanged(rows, "rows");
}

struct CachedSettings {
    std::int64_t heads, kv_heads, size;
    std::vector<std::int32_t> lengths;
    std::int64_t capacity;
    DType type;
    bool rotary;
    DType kept;
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
        return t.of({sequences, s.kv_heads, s.capacity, s.size}, s.kept, x);
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

struct BlockSettings {
    std::int64_t heads, kv_heads, size;
    WeightFormat format;
    DType type;
};

std::vector<std::uint8_t> bytes_of(const std::vector<double>& numbers) {
    return {numbers.begin(), numbers.end()};
}

/// Without tables the same blocks to the bit.
void check_append_blocks(Bench& t, const BlockSettings& s) {
    const std::vector<std::int32_t> offsets{0, 3, 5}, lengths{3, 2}, starts{1, 0};
    const std::int64_t width = s.kv_heads * s.size;
    const Value rows = t.normal({5, 2 * width}, s.type);
    const Shape shape = cache_shape(2, int(s.kv_heads), 4, int(s.size), s.format);
    const Value k = t.output(shape, DType::u8), v = t.output(shape, DType::u8);
    std::vector<std::uint8_t> k_bytes(std::size_t(shape.count()), 0xff), v_bytes = k_bytes;
    const Value first = t.of({3}, DType::i32, as_numbers(offsets));
    const Value count = t.of({2}, DType::i32, as_numbers(lengths));
    const Value start = t.of({2}, DType::i32, as_numbers(starts));
    Segments segments{offsets, lengths};
    t.run([&](Side side) {
        segments.device_offsets = first.in(side);
        segments.device_lengths = count.in(side);
        const auto cache = [&](const Value& device, std::vector<std::uint8_t>& host) {
            return side == Side::device ? device.out(side) : Out{host.data(), shape, DType::u8};
        };
        return AppendKeyValue{.k = columns(rows.in(side), 0, width),
                              .v = columns(rows.in(side), width, width),
                              .cache = {cache(k, k_bytes), cache(v, v_bytes), s.format},
                              .segments = &segments,
                              .starts = &starts,
                              .device_starts = start.in(side)};
    });
    t.expect(bytes_of(t.on_device(k)) == k_bytes, "k has other blocks");
    t.expect(bytes_of(t.on_device(v)) == v_bytes, "v has other blocks");
    t.expect_unchanged(rows, "rows");
}

/// What lies behind a sequence's length has NaN as scales.
void check_cached_blocks(Bench& t, const BlockSettings& s) {
    const std::vector<std::int32_t> lengths{70, 3, 129};
    const std::int64_t capacity = 140, width = s.heads * s.size;
    const Shape shape = cache_shape(3, int(s.kv_heads), int(capacity), int(s.size), s.format);
    const auto cached = [&] {
        std::normal_distribution<float> normal;
        std::vector<std::uint8_t> bytes(std::size_t(shape.count()), 0xff);
        std::vector<float> row(std::size_t(s.size));
        for (std::int64_t i = 0; i < 3 * s.kv_heads * capacity; ++i) {
            for (float& x : row) x = normal(t.random());
            if (i % capacity < lengths[std::size_t(i / capacity / s.kv_heads)])
                quantise(s.format, row, bytes.data() + i * shape[3]);
        }
        return bytes;
    };
    std::vector<std::uint8_t> k_bytes = cached(), v_bytes = cached();
    const Value k = t.of(shape, DType::u8, {k_bytes.begin(), k_bytes.end()});
    const Value v = t.of(shape, DType::u8, {v_bytes.begin(), v_bytes.end()});
    const Value q = t.normal({3, width}, s.type), y = t.output({3, width}, s.type);
    const Tables tables(t, capacity, s.size, true);
    const Value length = t.of({3}, DType::i32, as_numbers(lengths));
    t.run([&](Side side) {
        const auto cache = [&](const Value& device, std::vector<std::uint8_t>& host) {
            return side == Side::device ? device.out(side) : Out{host.data(), shape, DType::u8};
        };
        return CachedAttention{.q = q.in(side),
                               .cosine = tables.cosine_in(side),
                               .sine = tables.sine_in(side),
                               .cache = {cache(k, k_bytes), cache(v, v_bytes), s.format},
                               .y = y.out(side),
                               .lengths = &lengths,
                               .device_lengths = length.in(side),
                               .heads = int(s.heads),
                               .scale = 1 / std::sqrt(float(s.size))};
    });
    t.expect_close(y, epsilon_of(s.type) + 2e-6, "y");
    t.expect_unchanged(k, "k");
    t.expect_unchanged(v, "v");
}

/// In place: queries and keys turned, keys and values as they are read again.
void check_rounded(Bench& t, const BlockSettings& s, DType kept) {
    const std::vector<std::int32_t> offsets{0, 3, 8}, lengths{2, 5};
    const std::int64_t queries = s.heads * s.size, keys = s.kv_heads * s.size;
    const Value rows = t.normal({8, queries + 2 * keys}, s.type);
    const Tables tables(t, 5, s.size, true);
    const Value first = t.of({3}, DType::i32, as_numbers(offsets));
    const Value count = t.of({2}, DType::i32, as_numbers(lengths));
    Segments segments{offsets, lengths};
    t.run([&](Side side) {
        segments.device_offsets = first.in(side);
        segments.device_lengths = count.in(side);
        return RoundKeyValue{.q = columns(rows.out(side), 0, queries),
                             .k = columns(rows.out(side), queries, keys),
                             .v = columns(rows.out(side), queries + keys, keys),
                             .cosine = tables.cosine_in(side),
                             .sine = tables.sine_in(side),
                             .segments = &segments,
                             .heads = int(s.heads),
                             .kv_heads = int(s.kv_heads),
                             .type = kept,
                             .format = s.format};
    });
    // Where the two turn by an ulp more or less, a number may be rounded the other way.
    t.expect_close(rows, 2 * epsilon_of(s.type) + 3e-4, "rows");
}

/// Those of each type, kept as they are and in another.
std::vector<std::pair<DType, DType>> types() {
    return {{DType::f32, DType::f32},  {DType::bf16, DType::bf16}, {DType::f16, DType::f16},
            {DType::f32, DType::bf16}, {DType::bf16, DType::f32},  {DType::f16, DType::f32},
            {DType::f16, DType::bf16}};
}
std::string named(DType type, DType kept) {
    return name_of(type) + (kept == type ? "" : " in " + name_of(kept));
}

} // namespace

std::vector<Case> attention_cache_cases() {
    std::vector<Case> cases;
    for (const auto& [type, kept] : types())
        for (const AppendSettings& s : {AppendSettings{2, 64, type, true, 8, kept},
                                        {2, 64, type, false, 8, kept},
                                        {1, 130, type, true, 0, kept},
                                        {3, 6, type, false, 1, kept},
                                        {2, 16, type, true, 3, kept}})
            cases.push_back({"append to cache, head size " + std::to_string(s.size) + ", " +
                                 named(type, kept) + (s.rotary ? ", rotary" : ""),
                             [s](Bench& t) { check_append(t, s); }});
    for (const auto& [type, kept] : types())
        for (const CachedSettings& s : {CachedSettings{2, 2, 64, {70, 1}, 150, type, true, kept},
                                        {8, 2, 16, {33, 200}, 200, type, false, kept},
                                        {11, 1, 48, {129}, 140, type, true, kept},
                                        {1, 1, 128, {65}, 66, type, false, kept},
                                        {2, 1, 130, {9, 67}, 70, type, true, kept},
                                        {1, 1, 170, {5}, 64, type, false, kept},
                                        {1, 1, 250, {3}, 64, type, true, kept},
                                        {1, 1, 256, {66}, 70, type, false, kept}})
            if (type == kept || s.heads <= 8)
                cases.push_back({"cached attention, " + std::to_string(s.heads) + " heads on " +
                                     std::to_string(s.kv_heads) + " of size " +
                                     std::to_string(s.size) + ", " + named(type, kept) +
                                     (s.rotary ? ", rotary" : ""),
                                 [s](Bench& t) { check_cached(t, s); }});
    for (const WeightFormat format : {WeightFormat::q8_0, WeightFormat::q4_0})
        for (const BlockSettings& s : {BlockSettings{2, 2, 64, format, DType::bf16},
                                       {8, 2, 32, format, DType::f32},
                                       {3, 1, 256, format, DType::f16},
                                       {9, 1, 96, format, DType::bf16}}) {
            const std::string of = ", " + std::to_string(s.heads) + " heads of size " +
                                   std::to_string(s.size) + ", " + name_of(s.type) + " in " +
                                   std::string(names_of(format)[std::size_t(format)]);
            cases.push_back({"append to cache" + of, [s](Bench& t) { check_append_blocks(t, s); }});
            cases.push_back(
                {"cached attention" + of, [s](Bench& t) { check_cached_blocks(t, s); }});
            cases.push_back({"rounding as in a cache" + of,
                             [s](Bench& t) { check_rounded(t, s, DType::f32); }});
        }
    for (const auto& [type, kept] : types())
        cases.push_back({"rounding as in a cache, " + named(type, kept), [=](Bench& t) {
                             check_rounded(t, {2, 1, 70, WeightFormat::dense, type},
                                           kept == DType::f16 ? DType::f32 : kept);
                         }});
    cases.push_back({"cached attention, lengths from the device alone", check_replayed});
    return cases;
}

} // namespace sweetspot::selftest

#include "kernels/cuda/device.h"
#include "kernels/ops/attention.h"
#include "kernels/selftest/bench.h"
#include <cmath>

namespace sweetspot::selftest {

namespace {

struct Settings {
    DType type = DType::bf16;
    int head_size = 64, heads = 2, kv_heads = 2;
    bool causal = false, padded = false, rotary = false;
    AttentionKind kind = AttentionKind::flash;
    std::int64_t gap = 0; ///< elements between q, k, v and the next row, in one tensor
    std::vector<std::int32_t> lengths{1, 65, 17, 130};
    double deviation = 1;   ///< of q and k
    const char* shape = ""; ///< what is special about the lengths
    bool crowded = false;   ///< so many short sequences that multiprocessors take several tiles

    std::string name() const {
        return "attention, " + std::string(names_of(kind)[std::size_t(kind)]) + ", head size " +
               std::to_string(head_size) + ", " + name_of(type) + (causal ? ", causal" : "") +
               (padded ? ", padded" : "") + (rotary ? ", rotary" : "") +
               (heads != kv_heads ? ", grouped" : "") +
               (gap ? ", gap " + std::to_string(gap) : "") +
               (deviation != 1 ? ", large scores" : "") + shape;
    }
};

Segments segments_of(const Settings& s) {
    Segments segments{.offsets = {0}, .lengths = s.lengths};
    for (const auto length : s.lengths)
        segments.offsets.push_back(segments.offsets.back() + length + (s.padded ? 9 : 0));
    return segments;
}

void check(Bench& t, Settings s) {
    if (s.crowded) {
        const auto& device = *std::get<CudaStream>(t.device().stream).device;
        s.lengths.assign(std::size_t(device.info().multiprocessors + 9), 3);
    }
    Segments segments = segments_of(s);
    const std::int64_t rows = segments.rows(), q_width = s.heads * s.head_size;
    const std::int64_t kv_width = s.kv_heads * s.head_size;
    const std::int64_t width = q_width + 2 * kv_width;
    const Value qkv = t.normal({rows, width}, s.type, s.deviation, s.gap ? width + s.gap : 0);
    const Value cosine = t.uniform({segments.longest(), s.head_size / 2}, DType::f32, -1, 1);
    const Value sine = t.uniform({segments.longest(), s.head_size / 2}, DType::f32, -1, 1);
    const Value y = t.output({rows, q_width}, s.type, s.gap ? q_width + s.gap : 0);
    const Value log_sum_exp = t.output({s.heads, rows}, DType::f32);
    const Value scores = t.output({score_count(segments, s.heads)}, DType::f32);
    const Value offsets = t.of({segments.count() + 1}, DType::i32, as_numbers(segments.offsets));
    const Value lengths = t.of({segments.count()}, DType::i32, as_numbers(segments.lengths));
    const bool naive = s.kind == AttentionKind::naive;
    t.run([&](Side side) {
        segments.device_offsets = offsets.in(side);
        segments.device_lengths = lengths.in(side);
        return Attention{.q = columns(qkv.in(side), 0, q_width),
                         .k = columns(qkv.in(side), q_width, kv_width),
                         .v = columns(qkv.in(side), q_width + kv_width, kv_width),
                         .cosine = s.rotary ? cosine.in(side) : In{},
                         .sine = s.rotary ? sine.in(side) : In{},
                         .scores = naive ? scores.out(side) : Out{},
                         .y = y.out(side),
                         .log_sum_exp = naive ? Out{} : log_sum_exp.out(side),
                         .segments = &segments,
                         .heads = s.heads,
                         .kv_heads = s.kv_heads,
                         .causal = s.causal,
                         .scale = float(1 / std::sqrt(double(s.head_size))),
                         .kind = s.kind};
    });
    const double epsilon = epsilon_of(s.type);
    t.expect_close(y, 2 * epsilon + 1e-6, "y");
    // A rounding of turned q and k moves every score.
    if (!naive)
        t.expect_within(log_sum_exp, (s.rotary ? 4 * epsilon : 0) + 2e-5 * s.deviation,
                        "log_sum_exp");
    t.expect_unchanged(qkv, "q, k and v");
}

/// Two tokens and one head of 16 channels, of which two are used: q = k = (1, 0), (0, 1) with scale
/// ln 3, so that a token attends to itself three times as much as to the other.
void check_two_tokens(Bench& t, bool causal) {
    std::vector<double> qk(32, 0.0), values(32, 0.0);
    qk[0] = qk[17] = 1;
    values[0] = 4, values[16] = 8;
    const Value q = t.of({2, 16}, DType::bf16, qk), v = t.of({2, 16}, DType::bf16, values);
    const Value y = t.output({2, 16}, DType::bf16), log_sum_exp = t.output({1, 2}, DType::f32);
    const Value offsets = t.of({2}, DType::i32, {0, 2}), lengths = t.of({1}, DType::i32, {2});
    const Segments segments{.offsets = {0, 2},
                            .lengths = {2},
                            .device_offsets = offsets.in(Side::device),
                            .device_lengths = lengths.in(Side::device)};
    sweetspot::run(Attention{.q = q.in(Side::device),
                             .k = q.in(Side::device),
                             .v = v.in(Side::device),
                             .y = y.out(Side::device),
                             .log_sum_exp = log_sum_exp.out(Side::device),
                             .segments = &segments,
                             .causal = causal,
                             .scale = 1.09861229f},
                   t.device());
    const auto actual = t.on_device(y), logs = t.on_device(log_sum_exp);
    const auto near = [](double x, double expected) { return std::abs(x - expected) < 1e-5; };
    t.expect(near(actual[0], causal ? 4 : 5) && near(actual[16], 7) && actual[1] == 0,
             "y is not 5 (causal: 4) and 7");
    t.expect(near(logs[0], causal ? 1.0986123 : 1.3862944) && near(logs[1], 1.3862944),
             "log_sum_exp is not ln 4 (causal: ln 3) and ln 4");
}

/// log_sum_exp against its definition in double.
void check_log_sum_exp(Bench& t, bool causal) {
    constexpr int rows = 70, size = 16;
    const Value q = t.normal({rows, size}, DType::f16), k = t.normal({rows, size}, DType::f16);
    const Value y = t.output({rows, size}, DType::f16);
    const Value log_sum_exp = t.output({1, rows}, DType::f32);
    const Value offsets = t.of({2}, DType::i32, {0, rows}), lengths = t.of({1}, DType::i32, {66});
    const Segments segments{.offsets = {0, rows},
                            .lengths = {66},
                            .device_offsets = offsets.in(Side::device),
                            .device_lengths = lengths.in(Side::device)};
    sweetspot::run(Attention{.q = q.in(Side::device),
                             .k = k.in(Side::device),
                             .v = k.in(Side::device),
                             .y = y.out(Side::device),
                             .log_sum_exp = log_sum_exp.out(Side::device),
                             .segments = &segments,
                             .causal = causal,
                             .scale = 0.5},
                   t.device());
    const auto actual = t.on_device(log_sum_exp), queries = t.reference(q), keys = t.reference(k);
    double most = 0;
    for (int i = 0; i < rows; ++i) {
        double sum = 0;
        for (int j = 0; j < (causal ? std::min(i + 1, 66) : 66); ++j) {
            double score = 0;
            for (int d = 0; d < size; ++d)
                score += queries[std::size_t(i * size + d)] * keys[std::size_t(j * size + d)];
            sum += std::exp(0.5 * score);
        }
        most = std::max(most, std::abs(actual[std::size_t(i)] - std::log(sum)));
    }
    t.expect(most < 1e-5, "log_sum_exp is " + std::to_string(most) + " off");
}

} // namespace

std::vector<Case> attention_cases() {
    std::vector<Settings> all;
    for (const int size : {16, 24, 32, 48, 64, 80, 96, 128, 130, 170})
        for (const bool causal : {false, true})
            all.push_back({.head_size = size,
                           .heads = 1,
                           .kv_heads = 1,
                           .causal = causal,
                           .rotary = size % 3 == 0});
    for (const int size : {32, 64, 128})
        all.push_back({.type = DType::f16, .head_size = size, .heads = 1, .kv_heads = 1});
    for (const int size : {16, 80, 130, 200})
        all.push_back({.type = DType::f32,
                       .head_size = size,
                       .heads = size < 100 ? 2 : 1,
                       .kv_heads = 1,
                       .causal = size < 100,
                       .padded = size == 80,
                       .rotary = size == 80,
                       .lengths = {1, 40, 17}});
    for (const bool causal : {false, true}) {
        for (const int size : {64, 128}) {
            all.push_back({.type = causal ? DType::f16 : DType::bf16,
                           .head_size = size,
                           .kv_heads = 1,
                           .causal = causal,
                           .lengths = {391, 1, 193},
                           .shape = ", several tiles of keys"});
            all.push_back({.head_size = size,
                           .causal = causal,
                           .shape = ", more tiles than multiprocessors",
                           .crowded = true});
        }
        all.push_back({.causal = causal, .padded = true});
        all.push_back({.head_size = 130, .causal = causal, .padded = true, .rotary = true});
        all.push_back({.heads = 4, .kv_heads = 2, .causal = causal, .rotary = true});
        all.push_back({.head_size = 48, .heads = 3, .kv_heads = 1, .causal = causal, .gap = 8});
        all.push_back({.head_size = 32, .causal = causal, .gap = 2});
        all.push_back({.head_size = 33, .causal = causal, .lengths = {40, 3}}); // odd: in float
        all.push_back({.head_size = 64, .causal = causal, .deviation = 8});
        for (const DType type : {DType::f32, DType::bf16, DType::f16})
            all.push_back({.type = type,
                           .head_size = 70,
                           .heads = 2,
                           .kv_heads = 1,
                           .causal = causal,
                           .padded = type == DType::bf16,
                           .rotary = type == DType::f32,
                           .kind = AttentionKind::naive,
                           .gap = 3,
                           .lengths = {1, 65, 17}});
    }
    all.push_back({.head_size = 194, .padded = true, .lengths = {40, 3}});

    std::vector<Case> cases;
    for (const Settings& s : all) cases.push_back({s.name(), [s](Bench& t) { check(t, s); }});
    for (const bool causal : {false, true}) {
        const std::string end = causal ? ", causal" : "";
        cases.push_back({"attention, two tokens known by hand" + end,
                         [causal](Bench& t) { check_two_tokens(t, causal); }});
        cases.push_back({"attention, log_sum_exp in double" + end,
                         [causal](Bench& t) { check_log_sum_exp(t, causal); }});
    }
    return cases;
}

} // namespace sweetspot::selftest

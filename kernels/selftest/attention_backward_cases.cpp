#include "kernels/ops/attention_backward.h"
#include "kernels/selftest/bench.h"
#include <cmath>

namespace sweetspot::selftest {

namespace {

struct Settings {
    int heads, kv_heads;
    std::int64_t size;
    std::vector<std::int32_t> offsets, lengths;
    DType type;
    bool causal;
    std::int64_t shift = 0; ///< elements by which rows are off an aligned address
    double apart = 0;       ///< added to q, taken from k: scores are far below zero
    bool rotary = false;
    AttentionKind kind = AttentionKind::flash;

    std::int64_t rows() const { return offsets.back(); }
    std::int64_t q_width() const { return heads * size; }
    std::int64_t kv_width() const { return kv_heads * size; }
};

/// Random numbers in the real rows of each sequence, NaN in padding.
std::vector<double> in_real_rows(Bench& t, const Settings& s, std::int64_t width) {
    std::normal_distribution<double> normal;
    std::vector<double> x(std::size_t(s.rows() * width), std::nan(""));
    for (std::size_t i = 0; i < s.lengths.size(); ++i)
        for (std::int64_t at = s.offsets[i] * width; at < (s.offsets[i] + s.lengths[i]) * width;
             ++at)
            x[std::size_t(at)] = normal(t.random());
    return x;
}

struct Forward {
    std::vector<double> y, log_sum_exp;
};

/// The rotary table of one head, [positions, size / 2], as f32 holds it.
std::vector<double> angles(const Settings& s, double (*function)(double)) {
    std::vector<double> table;
    for (int position = 0; position < 256; ++position)
        for (std::int64_t i = 0; i < s.size / 2; ++i)
            table.push_back(
                float(function(position * std::pow(100.0, -2.0 * double(i) / double(s.size)))));
    return table;
}

/// q and k of `qkv` turned by their positions, in halves of a head.
std::vector<double> turned(const Settings& s, const std::vector<double>& qkv) {
    const std::vector<double> cosine = angles(s, std::cos), sine = angles(s, std::sin);
    const std::int64_t width = s.q_width() + 2 * s.kv_width(), half = s.size / 2;
    std::vector<double> y = qkv;
    for (std::size_t sequence = 0; sequence < s.lengths.size(); ++sequence)
        for (std::int64_t row = s.offsets[sequence]; row < s.offsets[sequence + 1]; ++row)
            for (std::int64_t i = 0; i < s.q_width() + s.kv_width(); ++i) {
                const std::int64_t at = row * width + i, d = i % s.size;
                const auto angle = std::size_t((row - s.offsets[sequence]) * half + d % half);
                const double other =
                    d < half ? -qkv[std::size_t(at + half)] : qkv[std::size_t(at - half)];
                y[std::size_t(at)] = qkv[std::size_t(at)] * cosine[angle] + other * sine[angle];
            }
    return y;
}

/// y and log_sum_exp in double, from q, k and v side by side; NaN in padding.
Forward forward(const Settings& s, const std::vector<double>& qkv, double scale) {
    const std::int64_t width = s.q_width() + 2 * s.kv_width();
    Forward result{std::vector(std::size_t(s.rows() * s.q_width()), std::nan("")),
                   std::vector(std::size_t(s.heads * s.rows()), std::nan(""))};
    const auto row = [&](std::int64_t i, std::int64_t column) {
        return qkv.data() + i * width + column;
    };
    for (std::size_t sequence = 0; sequence < s.lengths.size(); ++sequence)
        for (int head = 0; head < s.heads; ++head) {
            const std::int64_t key_column = head / (s.heads / s.kv_heads) * s.size;
            const std::int64_t first = s.offsets[sequence], end = first + s.lengths[sequence];
            for (std::int64_t i = first; i < end; ++i) {
                double* y = &result.y[std::size_t(i * s.q_width() + head * s.size)];
                std::fill_n(y, s.size, 0.0);
                double sum = 0;
                for (std::int64_t j = first; j < (s.causal ? i + 1 : end); ++j) {
                    double score = 0;
                    for (std::int64_t d = 0; d < s.size; ++d)
                        score += row(i, head * s.size)[d] * row(j, s.q_width() + key_column)[d];
                    const double weight = std::exp(score * scale);
                    sum += weight;
                    for (std::int64_t d = 0; d < s.size; ++d)
                        y[d] += weight * row(j, s.q_width() + s.kv_width() + key_column)[d];
                }
                for (std::int64_t d = 0; d < s.size; ++d) y[d] /= sum;
                result.log_sum_exp[std::size_t(head * s.rows() + i)] = std::log(sum);
            }
        }
    return result;
}

void check(Bench& t, const Settings& s) {
    const std::int64_t width = s.q_width() + 2 * s.kv_width(), stride = width + 8 + s.shift;
    const float scale = 1 / std::sqrt(float(s.size));
    std::vector<double> numbers = in_real_rows(t, s, width);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        if (const auto column = std::int64_t(i) % width; column < s.q_width() + s.kv_width())
            numbers[i] += column < s.q_width() ? s.apart : -s.apart;
    const Value qkv = t.of({s.rows(), width}, s.type, numbers, stride);
    const Value dy =
        t.of({s.rows(), s.q_width()}, s.type, in_real_rows(t, s, s.q_width()), s.q_width() + 16);
    const std::vector<double> given = t.reference(qkv);
    const Forward known = forward(s, s.rotary ? turned(s, given) : given, double(scale));
    const Value cosine = t.of({256, s.size / 2}, DType::f32, angles(s, std::cos)),
                sine = t.of({256, s.size / 2}, DType::f32, angles(s, std::sin));
    const Value y = t.of({s.rows(), s.q_width()}, s.type, known.y);
    const Value spent = t.output({s.rows(), s.q_width()}, s.type);
    const Value sums = t.of({s.heads, s.rows()}, DType::f32, known.log_sum_exp);
    const Value gradients = t.output({s.rows(), width}, s.type, stride);
    const Value offsets =
        t.of({std::int64_t(s.offsets.size())}, DType::i32, {s.offsets.begin(), s.offsets.end()});
    const Value lengths =
        t.of({std::int64_t(s.lengths.size())}, DType::i32, {s.lengths.begin(), s.lengths.end()});
    Segments segments{s.offsets, s.lengths};
    const bool naive = s.kind == AttentionKind::naive;
    const Value weights = t.output({score_count(segments, s.heads)}, DType::f32);
    const Value d_weights = t.output({score_count(segments, s.heads)}, DType::f32);
    const auto op_of = [&](Side side) {
        segments.device_offsets = offsets.in(side);
        segments.device_lengths = lengths.in(side);
        const std::int64_t k = s.q_width(), v = k + s.kv_width();
        return AttentionBackward{.q = columns(qkv.in(side), 0, s.q_width()),
                                 .k = columns(qkv.in(side), k, s.kv_width()),
                                 .v = columns(qkv.in(side), v, s.kv_width()),
                                 .cosine = s.rotary ? cosine.in(side) : In{},
                                 .sine = s.rotary ? sine.in(side) : In{},
                                 .y = naive ? In{} : y.in(side),
                                 .log_sum_exp = naive ? In{} : sums.in(side),
                                 .weights = naive ? weights.in(side) : In{},
                                 .d_weights = naive ? d_weights.out(side) : Out{},
                                 .dy = dy.in(side),
                                 .dq = columns(gradients.out(side), 0, s.q_width()),
                                 .dk = columns(gradients.out(side), k, s.kv_width()),
                                 .dv = columns(gradients.out(side), v, s.kv_width()),
                                 .segments = &segments,
                                 .heads = s.heads,
                                 .kv_heads = s.kv_heads,
                                 .causal = s.causal,
                                 .scale = scale,
                                 .kind = s.kind};
    };
    if (naive) // each side keeps weights as it likes
        t.run([&](Side side) {
            Attention before = op_of(side).forward();
            before.y = spent.out(side);
            return before;
        });
    t.run(op_of);
    // Gradients of scores sum up to zero, but for their roundings, which `apart` multiplies.
    // Turned, q and k are rounded once more, and so are their gradients, turned back.
    const double roundings = s.rotary ? 6 : 2;
    // A weight is e^(score - sum): what these lose in f32, which is more the larger they are.
    const double scores = s.apart * s.apart * std::sqrt(double(s.size));
    const double exponents = 3 * scores * epsilon_of(DType::f32);
    t.expect_close(gradients, (roundings * epsilon_of(s.type) + 5e-6) * (1 + s.apart) + exponents,
                   "dq, dk and dv");
    const std::vector<double> device = t.on_device(gradients);
    for (std::size_t i = 0; i < s.lengths.size(); ++i)
        for (std::int64_t at = (s.offsets[i] + s.lengths[i]) * width; at < s.offsets[i + 1] * width;
             ++at)
            if (device[std::size_t(at)] != 0) return t.expect(false, "padding has a gradient");
}

} // namespace

std::vector<Case> attention_backward_cases() {
    using Sizes = std::vector<std::int32_t>;
    const Sizes long_offsets{0, 4, 140}, long_lengths{3, 133};
    const Sizes offsets{0, 70, 71, 78}, lengths{67, 1, 5};
    std::vector<Case> cases;
    const auto add = [&](const Settings& s) {
        cases.push_back(
            {"attention backward, " + std::string(names_of(s.kind)[std::size_t(s.kind)]) + ", " +
                 std::to_string(s.heads) + " heads on " + std::to_string(s.kv_heads) + " of size " +
                 std::to_string(s.size) + ", " + name_of(s.type) + (s.causal ? ", causal" : "") +
                 (s.rotary ? ", rotary" : "") + (s.shift ? ", unaligned" : ""),
             [s](Bench& t) { check(t, s); }});
    };
    for (const DType type : {DType::bf16, DType::f16}) {
        add({1, 1, 16, long_offsets, long_lengths, type, true});
        add({2, 1, 16, long_offsets, long_lengths, type, false});
        add({2, 1, 24, offsets, lengths, type, true});
        add({1, 1, 32, offsets, lengths, type, false});
        add({1, 1, 48, offsets, lengths, type, false});
        add({2, 1, 64, offsets, lengths, type, true});
        add({1, 1, 80, offsets, lengths, type, true});
        add({1, 1, 96, offsets, lengths, type, false});
        add({2, 1, 128, offsets, lengths, type, true});
        add({1, 1, 130, offsets, lengths, type, false});
        add({1, 1, 170, offsets, lengths, type, true});
        add({2, 2, 16, offsets, lengths, type, true, 1});
        add({1, 1, 16, offsets, lengths, type, false, 0, 6}); // e^-score is infinite
    }
    for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
        add({2, 1, 32, offsets, lengths, type, true, 0, 0, true});
        add({2, 2, 34, offsets, lengths, type, false, 1, 0, true});
        const AttentionKind naive = AttentionKind::naive;
        add({2, 1, 32, offsets, lengths, type, true, 0, 0, true, naive});
        add({2, 2, 34, offsets, lengths, type, false, 1, 0, false, naive});
    }
    add({2, 1, 34, long_offsets, long_lengths, DType::bf16, true, 0, 0, false,
         AttentionKind::naive});
    add({2, 1, 16, offsets, lengths, DType::f32, true});
    add({2, 1, 16, offsets, lengths, DType::f32, false, 0, 6});
    add({2, 2, 34, offsets, lengths, DType::f32, false, 1});
    add({2, 1, 130, offsets, lengths, DType::f32, true});
    add({1, 1, 176, offsets, lengths, DType::f32, false});
    return cases;
}

} // namespace sweetspot::selftest

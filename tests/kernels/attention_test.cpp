#include "kernels/ops/attention.h"
#include "kernels/ops/rotary.h"
#include "tests/kernels/op_check.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

/// One attention with all that it reads and writes; q, k and v are columns of one fused product.
struct Case {
    std::vector<std::int32_t> rows{5};
    std::vector<std::int32_t> lengths{}; ///< as rows if empty
    int heads = 2, kv_heads = 2, head_size = 16;
    bool causal = false, rotary = false;
    DType dtype = DType::f32;
    AttentionKind kind = AttentionKind::flash;
    double spread = 1; ///< of q and k: large ones need the running maximum
    int threads = 2;
};

std::string text(const Case& c) {
    std::string s = "heads " + std::to_string(c.heads) + "/" + std::to_string(c.kv_heads) +
                    ", size " + std::to_string(c.head_size) + (c.causal ? ", causal" : "") +
                    (c.rotary ? ", rotary" : "") + ", " +
                    std::string(names_of(c.dtype)[std::size_t(c.dtype)]) + ", " +
                    std::string(names_of(c.kind)[std::size_t(c.kind)]) + ", rows";
    for (auto r : c.rows) s += " " + std::to_string(r);
    return s;
}

Segments segments_of(const Case& c) {
    Segments s;
    s.offsets = {0};
    for (auto r : c.rows) s.offsets.push_back(s.offsets.back() + r);
    s.lengths = c.lengths.empty() ? c.rows : c.lengths;
    return s;
}

/// cos and sin of position · 10000^(-2i/size).
std::pair<std::vector<double>, std::vector<double>> rotary_tables(int positions, int size) {
    std::vector<double> cosine, sine;
    for (int t = 0; t < positions; ++t)
        for (int i = 0; i < size / 2; ++i) {
            const double angle = t * std::pow(10000.0, -2.0 * i / size);
            cosine.push_back(float(std::cos(angle)));
            sine.push_back(float(std::sin(angle)));
        }
    return {cosine, sine};
}

class Setup {
public:
    explicit Setup(const Case& c)
        : c(c), segments(segments_of(c)), q_width(c.heads * c.head_size),
          kv_width(c.kv_heads * c.head_size), width(q_width + 2 * kv_width),
          positions(segments.longest() + 3), fused({segments.rows(), width}, c.dtype),
          y({segments.rows(), q_width}, c.dtype),
          cosine({positions, c.head_size / 2}, rotary_tables(positions, c.head_size).first),
          sine({positions, c.head_size / 2}, rotary_tables(positions, c.head_size).second),
          scores({c.kind == AttentionKind::naive ? score_count(segments, c.heads) : 1},
                 DType::f32) {
        std::vector<double> x = random_normal(segments.rows() * width, 7);
        for (std::int64_t i = 0; i < std::int64_t(x.size()); ++i)
            if (i % width < q_width + kv_width) x[std::size_t(i)] *= c.spread;
        fused.set(x);
    }
    Attention op() {
        Attention a{.q = columns(fused.in(), 0, q_width),
                    .k = columns(fused.in(), q_width, kv_width),
                    .v = columns(fused.in(), q_width + kv_width, kv_width),
                    .y = y,
                    .segments = &segments,
                    .heads = c.heads,
                    .kv_heads = c.kv_heads,
                    .causal = c.causal,
                    .scale = float(1 / std::sqrt(double(c.head_size))),
                    .kind = c.kind};
        if (c.rotary) {
            a.cosine = cosine;
            a.sine = sine;
        }
        if (c.kind == AttentionKind::naive) a.scores = scores;
        return a;
    }
    /// Runs with exactly the workspace the op asks for, between guard words.
    void run_guarded() {
        const Attention a = op();
        a.check();
        const auto bytes = std::int64_t(a.workspace_bytes(c.threads));
        std::vector<unsigned char> memory(std::size_t(bytes) + 64 + 256, 0x5a);
        auto* base = memory.data();
        while (reinterpret_cast<std::uintptr_t>(base) % 64) ++base;
        std::memset(base, 0xff, std::size_t(bytes)); // NaN
        CpuStream stream{.threads = c.threads, .workspace = base};
        launch(a, stream);
        for (auto* p = base + bytes; p != memory.data() + memory.size(); ++p)
            QVERIFY2(*p == 0x5a, ("wrote past the workspace: " + text(c)).c_str());
        QVERIFY2(y.intact() && fused.intact() && scores.intact(), text(c).c_str());
    }

    const Case c;
    const Segments segments;
    const std::int64_t q_width, kv_width, width, positions;
    Guarded fused, y, cosine, sine, scores;
};

/// The definition, in double, for real queries; zeros for padded ones.
std::vector<double> expected(Setup& setup) {
    const Case& c = setup.c;
    const std::vector<double> x = setup.fused.values(), cosine = setup.cosine.values(),
                              sine = setup.sine.values();
    const std::int64_t size = c.head_size, half = size / 2;
    const auto element = [&](std::int64_t row, std::int64_t column, std::int64_t d, int position,
                             bool turn) {
        const double* head = &x[std::size_t(row * setup.width + column)];
        if (!turn || !c.rotary) return head[d];
        const double co = cosine[std::size_t(position * half + d % half)];
        const double si = sine[std::size_t(position * half + d % half)];
        return d < half ? head[d] * co - head[d + half] * si : head[d] * co + head[d - half] * si;
    };
    std::vector<double> y(std::size_t(setup.segments.rows() * setup.q_width), 0.0);
    for (int s = 0; s < setup.segments.count(); ++s)
        for (int h = 0; h < c.heads; ++h) {
            const std::int64_t first = setup.segments.offsets[s], n = setup.segments.lengths[s];
            const std::int64_t kv = h / (c.heads / c.kv_heads) * size;
            std::vector<double> q, k;
            for (int i = 0; i < n; ++i)
                for (std::int64_t d = 0; d < size; ++d) {
                    q.push_back(element(first + i, h * size, d, i, true));
                    k.push_back(element(first + i, setup.q_width + kv, d, i, true));
                }
            for (std::int64_t i = 0; i < n; ++i) {
                std::vector<double> score;
                for (std::int64_t j = 0; j < (c.causal ? i + 1 : n); ++j) {
                    double dot = 0;
                    for (std::int64_t d = 0; d < size; ++d)
                        dot += q[std::size_t(i * size + d)] * k[std::size_t(j * size + d)];
                    score.push_back(dot / std::sqrt(double(size)));
                }
                const double most = *std::max_element(score.begin(), score.end());
                double sum = 0;
                for (double& z : score) sum += z = std::exp(z - most);
                for (std::size_t j = 0; j < score.size(); ++j)
                    for (std::int64_t d = 0; d < size; ++d)
                        y[std::size_t((first + i) * setup.q_width + h * size + d)] +=
                            score[j] / sum *
                            element(first + std::int64_t(j), setup.q_width + setup.kv_width + kv, d,
                                    0, false);
            }
        }
    return y;
}

/// The real rows of y; padded ones only must not be NaN.
std::vector<double> real_rows(Setup& setup, std::vector<double> y) {
    for (int s = 0; s < setup.segments.count(); ++s)
        for (std::int64_t i = setup.segments.offsets[s] + setup.segments.lengths[s];
             i < setup.segments.offsets[s + 1]; ++i)
            for (std::int64_t d = 0; d < setup.q_width; ++d) {
                double& x = y[std::size_t(i * setup.q_width + d)];
                if (!std::isnan(x)) x = 0;
            }
    return y;
}

void verify(const Case& c) {
    Setup setup(c);
    setup.run_guarded();
    const double error = relative_error(real_rows(setup, setup.y.values()), expected(setup));
    const double limit = c.dtype == DType::f32 ? (c.spread > 1 ? 3e-5 : 2e-6) : 6e-3 * c.spread;
    QVERIFY2(error <= limit, (text(c) + ": error " + std::to_string(error)).c_str());
}

/// Calls f for both kinds and types.
template <class F>
void for_variants(F&& f) {
    for (const auto kind : {AttentionKind::naive, AttentionKind::flash})
        for (const auto dtype : {DType::f32, DType::bf16}) f(kind, dtype);
}

} // namespace

class AttentionTest : public QObject {
    Q_OBJECT
private slots:
    void every_length_agrees_with_the_definition() {
        for_variants([](AttentionKind kind, DType dtype) {
            for (const int n : {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 130, 200})
                for (const bool causal : {false, true})
                    verify({.rows = {n}, .causal = causal, .dtype = dtype, .kind = kind});
        });
    }
    void every_head_size_agrees_with_the_definition() {
        for_variants([](AttentionKind kind, DType dtype) {
            for (const int size : {2, 6, 16, 24, 32, 48, 64, 80, 96, 128, 130, 170})
                for (const bool rotary : {false, true})
                    verify({.rows = {70},
                            .head_size = size,
                            .causal = rotary,
                            .rotary = rotary,
                            .dtype = dtype,
                            .kind = kind});
        });
    }
};

QTEST_APPLESS_MAIN(AttentionTest)
#include "attention_test.moc"

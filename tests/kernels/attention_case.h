#pragma once
#include "kernels/ops/attention.h"
#include "tests/kernels/op_check.h"

namespace sweetspot::check {

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
    int window = 0;
};

inline std::string text(const Case& c) {
    std::string s = "heads " + std::to_string(c.heads) + "/" + std::to_string(c.kv_heads) +
                    ", size " + std::to_string(c.head_size) + (c.causal ? ", causal" : "") +
                    (c.window ? ", window " + std::to_string(c.window) : "") +
                    (c.rotary ? ", rotary" : "") + ", " +
                    std::string(names_of(c.dtype)[std::size_t(c.dtype)]) + ", " +
                    std::string(names_of(c.kind)[std::size_t(c.kind)]) + ", rows";
    for (auto r : c.rows) s += " " + std::to_string(r);
    return s;
}

inline Segments segments_of(const Case& c) {
    Segments s;
    s.offsets = {0};
    for (auto r : c.rows) s.offsets.push_back(s.offsets.back() + r);
    s.lengths = c.lengths.empty() ? c.rows : c.lengths;
    return s;
}

/// cos and sin of position · 10000^(-2i/size).
inline std::pair<std::vector<double>, std::vector<double>> rotary_tables(int positions, int size) {
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
                    .window = c.window,
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

} // namespace sweetspot::check

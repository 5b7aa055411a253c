#include "kernels/ops/loss.h"
#include "kernels/cpu/functions.h"
#include "kernels/cpu/parallel.h"
#include <algorithm>
#include <cmath>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

constexpr float lowest = -3.402823466e38f;

float maximum_of(const float* x, std::int64_t n) {
    Vector largest = lowest;
    for_lanes(n, [&](auto at) { largest = max(largest, at.keep(at.load(x), lowest)); });
    return maximum(largest);
}

/// The sum of e^(x - shift), in f64 over pieces that f32 sums well.
double sum_of_exponentials(const float* x, std::int64_t n, float shift) {
    constexpr std::int64_t piece = 1024;
    double total = 0;
    for (std::int64_t i = 0; i < n; i += piece) {
        Vector part = 0.0f;
        for_lanes(std::min(piece, n - i),
                  [&](auto at) { part = part + at.keep(exp(at.load(x + i) - shift), 0.0f); });
        total += sum(part);
    }
    return total;
}

void set(float& to, float x) {
    to = x;
}
void set(BFloat16& to, float x) {
    to = to_bfloat16(x);
}

/// The loss of one row and its gradient, which may take the place of the logits.
template <class T>
float loss_and_gradient(const float* logits, std::int64_t n, std::int32_t target, float scale,
                        T* dlogits) {
    if (target < 0) {
        for_lanes(n, [&](auto at) { at.store(dlogits, Vector(0.0f)); });
        return 0;
    }
    const float largest = maximum_of(logits, n);
    const double sum = sum_of_exponentials(logits, n, largest);
    const float logit = logits[target];
    const Vector factor = float(double(scale) / sum);
    for_lanes(n, [&](auto at) { at.store(dlogits, exp(at.load(logits) - largest) * factor); });
    const double probability = std::exp(double(logit) - double(largest)) / sum;
    set(dlogits[target], float((probability - 1) * double(scale)));
    return float(std::log(sum) + double(largest) - double(logit));
}

/// A token that may be drawn, and e^((logit - largest) / temperature).
struct Candidate {
    float weight;
    std::int32_t id;
};

std::int32_t most_likely(const float* logits, std::int64_t n) {
    const float largest = maximum_of(logits, n);
    for (std::int64_t i = 0; i < n; ++i)
        if (logits[i] == largest) return std::int32_t(i);
    return 0; // every logit is NaN
}

/// The candidate at `uniform` of the mass of the first n.
std::int32_t drawn(const Candidate* candidates, std::int64_t n, double mass, float uniform) {
    double below = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        below += candidates[i].weight;
        if (double(uniform) * mass < below) return candidates[i].id;
    }
    return candidates[n - 1].id;
}

std::int32_t draw(const Sample& op, const float* logits, float uniform, Candidate* candidates) {
    const std::int64_t n = op.logits.shape[1];
    const double largest = maximum_of(logits, n);
    double mass = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        const double weight = std::exp((double(logits[i]) - largest) / double(op.temperature));
        candidates[i] = {float(weight), std::int32_t(i)};
        mass += candidates[i].weight;
    }
    if (op.top_p >= 1) return drawn(candidates, n, mass, uniform);

    std::sort(candidates, candidates + n, [](const Candidate& a, const Candidate& b) {
        return a.weight > b.weight || (a.weight == b.weight && a.id < b.id);
    });
    const double wanted = double(op.top_p) * mass;
    double held = 0;
    std::int64_t kept = 0;
    while (kept < n && held < wanted) held += candidates[kept++].weight;
    return drawn(candidates, kept, held, uniform);
}

} // namespace

void launch(const CrossEntropy& op, CpuStream& stream) {
    const std::int64_t vocabulary = op.logits.shape[1];
    for_rows(op.logits.shape[0], op.logits.bytes(), stream.threads, [&](std::int64_t row) {
        const float* logits = op.logits.as<float>() + row * vocabulary;
        const std::int32_t target = op.targets.as<std::int32_t>()[row];
        float& loss = op.losses.as<float>()[row];
        loss = 0;
        if (target < 0) return;
        const float largest = maximum_of(logits, vocabulary);
        const double sum = sum_of_exponentials(logits, vocabulary, largest);
        loss = float(std::log(sum) + double(largest) - double(logits[target]));
    });
}

void launch(const CrossEntropyGradient& op, CpuStream& stream) {
    const std::int64_t vocabulary = op.logits.shape[1];
    with_type(op.dlogits.dtype, [&]<class T>(T) {
        const std::size_t bytes = op.logits.bytes() + op.dlogits.bytes();
        for_rows(op.logits.shape[0], bytes, stream.threads, [&](std::int64_t row) {
            op.losses.as<float>()[row] =
                loss_and_gradient(op.logits.as<float>() + row * vocabulary, vocabulary,
                                  op.targets.as<std::int32_t>()[row], op.scale,
                                  op.dlogits.as<T>() + row * vocabulary);
        });
    });
}

void launch(const Sample& op, CpuStream& stream) {
    const std::int64_t vocabulary = op.logits.shape[1];
    const int threads = op.logits.bytes() < least_bytes_for_threads ? 1 : stream.threads;
    for_pieces(op.logits.shape[0], threads, [&](std::int64_t row, int thread) {
        const float* logits = op.logits.as<float>() + row * vocabulary;
        std::int32_t& id = op.ids.as<std::int32_t>()[row];
        if (op.temperature == 0) {
            id = most_likely(logits, vocabulary);
            return;
        }
        auto* candidates =
            static_cast<Candidate*>(stream.workspace) + std::int64_t(thread) * vocabulary;
        id = draw(op, logits, op.uniforms.as<float>()[row], candidates);
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET

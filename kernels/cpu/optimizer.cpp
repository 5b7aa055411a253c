#include "kernels/ops/optimizer.h"
#include "kernels/core/philox.h"
#include "kernels/core/random_rounding.h"
#include "kernels/cpu/parallel.h"
#include <algorithm>
#include <cmath>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// √x, lane by lane.
template <class Part = FloatPart>
SWEETSPOT_INLINE Vector square_root(Vector x) {
    each_part([&](int i) {
        if constexpr (sizeof(Part) == 64)
            x.part[i] = FloatPart(_mm512_maskz_sqrt_ps(0xffff, __m512(Part(x.part[i]))));
        else if constexpr (sizeof(Part) == 32)
            x.part[i] = FloatPart(_mm256_sqrt_ps(__m256(Part(x.part[i]))));
        else
            x.part[i] = FloatPart(_mm_sqrt_ps(__m128(Part(x.part[i]))));
    });
    return x;
}

/// f(first, count) for pieces of a flat tensor of so many numbers, each by one thread.
template <class F>
void for_pieces(std::int64_t count, int tensors, int threads, const F& f) {
    constexpr std::int64_t piece = SquareSum::piece;
    const std::size_t bytes = std::size_t(count * tensors) * sizeof(float);
    for_rows((count + piece - 1) / piece, bytes, threads,
             [&](std::int64_t i) { f(i * piece, std::min(piece, count - i * piece)); });
}

Vector scale_of(const In& scale) {
    return scale.present() ? *scale.as<float>() : 1.0f;
}

} // namespace

void launch(const AdamW& op, CpuStream& stream) {
    const Vector scale = scale_of(op.scale), step = op.step_size(), root = op.square_factor(),
                 kept = op.kept_weight();
    const Vector beta1 = float(op.beta1), rest1 = float(1 - op.beta1), beta2 = float(op.beta2),
                 rest2 = float(1 - op.beta2), epsilon = float(op.epsilon);
    for_pieces(op.weight.shape.count(), 7, stream.threads, [&](std::int64_t first, auto count) {
        float *weight = op.weight.as<float>() + first, *mean = op.mean.as<float>() + first,
              *square = op.square.as<float>() + first;
        const float* gradient = op.gradient.as<float>() + first;
        for_lanes(count, [&](auto at) {
            const Vector g = at.load(gradient) * scale;
            const Vector m = fma(at.load(mean), beta1, g * rest1);
            const Vector v = fma(at.load(square), beta2, g * g * rest2);
            at.store(mean, m);
            at.store(square, v);
            const Vector below = fma(square_root(v), root, epsilon);
            at.store(weight, at.load(weight) * kept - step * (m / below));
        });
    });
}

void launch(const Sgd& op, CpuStream& stream) {
    const Vector scale = scale_of(op.scale), rate = float(op.learning_rate),
                 decay = float(op.decay), momentum = float(op.momentum);
    for_pieces(op.weight.shape.count(), 5, stream.threads, [&](std::int64_t first, auto count) {
        float *weight = op.weight.as<float>() + first, *velocity = op.velocity.as<float>();
        const float* gradient = op.gradient.as<float>() + first;
        if (velocity) velocity += first;
        for_lanes(count, [&](auto at) {
            const Vector w = at.load(weight);
            Vector step = fma(at.load(gradient), scale, w * decay);
            if (velocity) {
                step = fma(at.load(velocity), momentum, step);
                at.store(velocity, step);
            }
            at.store(weight, w - step * rate);
        });
    });
}

void launch(const SquareSum& op, CpuStream& stream) {
    auto* sums = static_cast<double*>(stream.workspace);
    for_pieces(op.x.shape.count(), 1, stream.threads, [&](std::int64_t first, auto count) {
        constexpr std::int64_t part = 1024; // that f32 sums well
        double total = 0;
        for (std::int64_t i = first; i < first + count; i += part) {
            const float* x = op.x.as<float>() + i;
            Vector squares = 0.0f;
            for_lanes(std::min(part, first + count - i),
                      [&](auto at) { squares = fma(at.load(x), at.load(x), squares); });
            total += sum(squares);
        }
        sums[first / SquareSum::piece] = total;
    });
    double total = 0;
    for (std::int64_t i = 0; i < op.pieces(); ++i) total += sums[i];
    *op.sum.as<float>() = float(total);
}

void launch(const ClipScale& op, CpuStream&) {
    double sum = 0;
    for (std::int64_t i = 0; i < op.squares.shape[0]; ++i) sum += double(op.squares.as<float>()[i]);
    const double norm = std::sqrt(sum);
    *op.norm.as<float>() = float(norm);
    const bool clips = op.limit > 0 && double(op.limit) < norm + 1e-6 && std::isfinite(norm);
    *op.scale.as<float>() = clips ? float(double(op.limit) / (norm + 1e-6)) : 1.0f;
}

void launch(const StochasticRound& op, CpuStream& stream) {
    for_pieces(op.x.shape.count(), 2, stream.threads, [&](std::int64_t first, std::int64_t count) {
        const float* x = op.x.as<float>() + first;
        auto* y = op.y.as<std::uint16_t>() + first;
        static_assert(SquareSum::piece % 4 == 0); // words are drawn by four
        for (std::int64_t i = 0; i < count; i += 4) {
            const PhiloxWords words = philox(std::uint64_t(op.first + first + i) / 4, op.seed);
            for (std::int64_t j = i; j < std::min(i + 4, count); ++j)
                y[j] = bfloat16_at_random(x[j], words.x[j - i]);
        }
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET

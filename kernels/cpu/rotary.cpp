#include "kernels/ops/rotary.h"
#include "kernels/cpu/parallel.h"
#include <cmath>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// Turns (first, second) by the angle of this cosine and sine.
template <class T>
void turn_halves(T* first, T* second, const float* cosine, const float* sine, std::int64_t half) {
    for_lanes(half, [&](auto at) {
        const Vector a = at.load(first), b = at.load(second);
        const Vector c = at.load(cosine), s = at.load(sine);
        at.store(first, a * c - b * s);
        at.store(second, b * c + a * s);
    });
}

void set(float& to, float x) {
    to = x;
}
void set(BFloat16& to, float x) {
    to = to_bfloat16(x);
}

template <class T>
void turn_pairs(T* pairs, const float* cosine, const float* sine, std::int64_t half) {
    for (std::int64_t i = 0; i < half; ++i) {
        const float a = to_float(pairs[2 * i]), b = to_float(pairs[2 * i + 1]);
        set(pairs[2 * i], a * cosine[i] - b * sine[i]);
        set(pairs[2 * i + 1], b * cosine[i] + a * sine[i]);
    }
}

} // namespace

void launch(const RotaryTable& op, CpuStream& stream) {
    const std::int64_t half = op.cosine.shape[1];
    // A cosine takes about as long as reading 64 bytes.
    const std::size_t bytes = 64 * op.cosine.bytes();
    for_rows(op.cosine.shape[0], bytes, stream.threads, [&](std::int64_t position) {
        for (std::int64_t i = 0; i < half; ++i) {
            double angle = double(position) * std::pow(double(op.base), -double(i) / double(half));
            if (op.slower.present()) angle /= double(op.slower.as<float>()[i]);
            const double magnitude = op.magnitude;
            op.cosine.as<float>()[position * half + i] = float(std::cos(angle) * magnitude);
            op.sine.as<float>()[position * half + i] = float(std::sin(angle) * magnitude);
        }
    });
}

void launch(const Rotary& op, CpuStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        const std::int64_t half = op.cosine.shape[1], heads = op.x.shape[1] / (2 * half);
        for_rows(op.x.shape[0], 2 * op.x.bytes(), stream.threads, [&](std::int64_t row) {
            const std::int64_t position = op.positions.as<std::int32_t>()[row];
            const float* cosine = op.cosine.as<float>() + position * half;
            const float* sine = op.sine.as<float>() + position * half;
            for (std::int64_t head = 0; head < heads; ++head) {
                T* x = op.x.as<T>() + row * op.x.stride() + head * 2 * half;
                if (op.pairs == RotaryPairs::halves)
                    turn_halves(x, x + half, cosine, sine, half);
                else
                    turn_pairs(x, cosine, sine, half);
            }
        });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET

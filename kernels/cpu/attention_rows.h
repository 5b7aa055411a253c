#pragma once
#include "kernels/cpu/transpose.h"

/// What attention does with rows of queries, keys and values.
namespace sweetspot::SWEETSPOT_TARGET {

/// While it lives, this thread takes numbers below 2^-126 for zero: weights often are, and each
/// would cost a hundred cycles.
class TinyIsZero {
public:
    TinyIsZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
    ~TinyIsZero() { _mm_setcsr(before_); }
    TinyIsZero(const TinyIsZero&) = delete;
    TinyIsZero& operator=(const TinyIsZero&) = delete;

private:
    unsigned before_;
};

/// Asks for a row that is needed soon: rows of a fused product lie too far apart for the machine to
/// see it.
template <class T>
SWEETSPOT_INLINE void prefetch(const T* row, std::int64_t size) {
    for (std::int64_t d = 0; d < size; d += 64 / std::int64_t(sizeof(T)))
        __builtin_prefetch(row + d);
}

/// to[0, size) = a row times `factor`, turned by its position if cosine is not null: [size/2] of
/// it. The sum of squares, still in lanes.
template <class T, class To>
SWEETSPOT_INLINE Vector turn(const T* row, std::int64_t size, const float* cosine,
                             const float* sine, float factor, To* to) {
    Vector squares = 0.0f;
    if (cosine) {
        const std::int64_t half = size / 2;
        for_lanes(half, [&](auto at) {
            const Vector a = at.load(row) * factor, b = at.load(row + half) * factor;
            const Vector c = at.load(cosine), s = at.load(sine);
            squares = fma(a, a, fma(b, b, squares));
            at.store(to, a * c - b * s);
            at.store(to + half, b * c + a * s);
        });
    } else {
        for_lanes(size, [&](auto at) {
            const Vector a = at.load(row) * factor;
            squares = fma(a, a, squares);
            at.store(to, a);
        });
    }
    return squares;
}

/// The sum of each of 16 rows of 16: the square is turned around, so that nothing is added across.
SWEETSPOT_INLINE Vector sums_of_rows(const float* square) {
    float turned[lanes * lanes];
    transpose(square, lanes, turned, lanes);
    Vector sums = 0.0f;
    for (int i = 0; i < lanes; ++i) sums = sums + load(turned + i * lanes);
    return sums;
}

} // namespace sweetspot::SWEETSPOT_TARGET

#pragma once
#include "kernels/core/float_types.h"
#include "kernels/cpu/isa.h"
#include <cstdint>
#include <cstring>
#include <immintrin.h>

/// Sixteen floats at a time, whatever the width of the machine's registers. Only for sources that
/// are compiled once for each instruction set (kernels/CMakeLists.txt), which defines
/// SWEETSPOT_TARGET: everything lives in a namespace of that name and is inlined always, so that
/// the linker never shares code between instruction sets.
namespace sweetspot::SWEETSPOT_TARGET {

#define SWEETSPOT_INLINE [[gnu::always_inline]] inline

constexpr Isa target = Isa::SWEETSPOT_TARGET;
constexpr int lanes = 16;
constexpr int register_bytes = __BIGGEST_ALIGNMENT__; // 16, 32 or 64: SSE, AVX, AVX-512
constexpr int parts = 64 / register_bytes;
constexpr int part_lanes = lanes / parts;

using FloatPart [[gnu::vector_size(register_bytes)]] = float;
using IntPart [[gnu::vector_size(register_bytes)]] = std::int32_t;
using ShortPart [[gnu::vector_size(register_bytes / 2)]] = std::uint16_t;

/// f(0), f(1), ... for the registers of one value. Not a loop: GCC 12 keeps a value in registers
/// only if it knows which part is meant before it unrolls loops.
template <class F>
SWEETSPOT_INLINE void each_part(F&& f) {
    f(0);
    if constexpr (parts > 1) f(1);
    if constexpr (parts > 2) f(2), f(3);
}

/// A comparison's result: all ones or zeros a lane.
struct Mask {
    IntPart part[parts];
};

struct Vector {
    FloatPart part[parts];

    Vector() = default;
    SWEETSPOT_INLINE Vector(float x) { // all lanes are x
        each_part([&](int i) { part[i] = x - FloatPart{}; });
    }
    SWEETSPOT_INLINE float operator[](int lane) const {
        return part[lane / part_lanes][lane % part_lanes];
    }
};

SWEETSPOT_INLINE Vector operator+(Vector a, Vector b) {
    each_part([&](int i) { a.part[i] += b.part[i]; });
    return a;
}
SWEETSPOT_INLINE Vector operator-(Vector a, Vector b) {
    each_part([&](int i) { a.part[i] -= b.part[i]; });
    return a;
}
SWEETSPOT_INLINE Vector operator*(Vector a, Vector b) {
    each_part([&](int i) { a.part[i] *= b.part[i]; });
    return a;
}
SWEETSPOT_INLINE Vector operator/(Vector a, Vector b) {
    each_part([&](int i) { a.part[i] /= b.part[i]; });
    return a;
}
/// a · b + c, rounded once where the machine can (contraction is on for these sources).
SWEETSPOT_INLINE Vector fma(Vector a, Vector b, Vector c) {
    each_part([&](int i) { c.part[i] = a.part[i] * b.part[i] + c.part[i]; });
    return c;
}
SWEETSPOT_INLINE Mask operator<(Vector a, Vector b) {
    Mask m;
    each_part([&](int i) { m.part[i] = a.part[i] < b.part[i]; });
    return m;
}
SWEETSPOT_INLINE Vector select(Mask m, Vector a, Vector b) {
    each_part([&](int i) { a.part[i] = m.part[i] ? a.part[i] : b.part[i]; });
    return a;
}

/// a after f(a, b) on whole values, for sources that may use AVX-512.
template <class F>
SWEETSPOT_INLINE Vector wide(Vector a, Vector b, F&& f) {
    __m512 x, y;
    std::memcpy(&x, &a, sizeof x);
    std::memcpy(&y, &b, sizeof y);
    f(x, y);
    std::memcpy(&a, &x, sizeof a);
    return a;
}
// With AVX-512 the compiler would compare and blend. Unmasked forms of its functions warn.
SWEETSPOT_INLINE Vector max(Vector a, Vector b) {
    if constexpr (target >= Isa::avx512)
        return wide(a, b, [](auto& x, auto& y) { x = _mm512_maskz_max_ps(0xffff, x, y); });
    each_part([&](int i) { a.part[i] = a.part[i] > b.part[i] ? a.part[i] : b.part[i]; });
    return a;
}
SWEETSPOT_INLINE Vector min(Vector a, Vector b) {
    if constexpr (target >= Isa::avx512)
        return wide(a, b, [](auto& x, auto& y) { x = _mm512_maskz_min_ps(0xffff, x, y); });
    each_part([&](int i) { a.part[i] = a.part[i] < b.part[i] ? a.part[i] : b.part[i]; });
    return a;
}

/// 1 / x within 6.2e-5, relative, where the machine has a short way to that.
SWEETSPOT_INLINE Vector rough_reciprocal(Vector x) {
    if constexpr (target >= Isa::avx512)
        return wide(x, x, [](auto& y, auto&) { y = _mm512_maskz_rcp14_ps(0xffff, y); });
    return Vector(1.0f) / x;
}

/// 1 / x within 1.5e-7, relative; division takes three times as long with AVX-512. 0 where the
/// result is below the normal floats.
SWEETSPOT_INLINE Vector reciprocal(Vector x) {
    if constexpr (target >= Isa::avx512) {
        const Vector guess = rough_reciprocal(x);
        return guess * (Vector(2.0f) - x * guess); // Newton's step doubles the 14 bits
    }
    return Vector(1.0f) / x;
}

// ---- memory; never needs alignment

/// A value's registers from memory and back, one by one: a copy of all at once goes through the
/// stack where a value has several, in pieces that loads cannot be served from (GCC 12).
template <class Part>
SWEETSPOT_INLINE void copy_in(Part (&to)[parts], const void* from) {
    each_part([&](int i) {
        std::memcpy(&to[i], static_cast<const char*>(from) + i * sizeof(Part), sizeof(Part));
    });
}
template <class Part>
SWEETSPOT_INLINE void copy_out(void* to, const Part (&from)[parts]) {
    each_part([&](int i) {
        std::memcpy(static_cast<char*>(to) + i * sizeof(Part), &from[i], sizeof(Part));
    });
}

SWEETSPOT_INLINE Vector load(const float* p) {
    Vector v;
    copy_in(v.part, p);
    return v;
}
SWEETSPOT_INLINE Vector from_bits(const ShortPart (&bits)[parts], BFloat16) {
    Vector v;
    each_part(
        [&](int i) { v.part[i] = FloatPart(__builtin_convertvector(bits[i], IntPart) << 16); });
    return v;
}
SWEETSPOT_INLINE Vector from_bits(const ShortPart (&bits)[parts], Float16) {
    Vector v;
    each_part([&](int i) { // as to_float(Float16)
        const IntPart wide = __builtin_convertvector(bits[i], IntPart);
        const FloatPart magnitude = FloatPart((wide & 0x7fff) << 13) * 0x1p112f;
        const IntPart infinite = (magnitude >= 65536.0f) & 0x7f800000;
        v.part[i] = FloatPart(IntPart(magnitude) | infinite | (wide & 0x8000) << 16);
    });
    return v;
}
SWEETSPOT_INLINE Vector load(const BFloat16* p) {
    ShortPart bits[parts];
    copy_in(bits, p);
    return from_bits(bits, BFloat16{});
}
SWEETSPOT_INLINE Vector load(const Float16* p) {
    ShortPart bits[parts];
    copy_in(bits, p);
    return from_bits(bits, Float16{});
}
SWEETSPOT_INLINE void store(float* p, Vector v) {
    copy_out(p, v.part);
}
/// Rounds to nearest even; NaN stays NaN.
SWEETSPOT_INLINE void store(BFloat16* p, Vector v) {
    if constexpr (target >= Isa::avx512_bf16) {
        __m512 wide;
        std::memcpy(&wide, &v, sizeof wide);
        const __m256bh narrow = _mm512_cvtneps_pbh(wide);
        std::memcpy(static_cast<void*>(p), &narrow, sizeof narrow);
        return;
    }
    ShortPart bits[parts];
    each_part([&](int i) {
        const IntPart x = IntPart(v.part[i]);
        const IntPart rounded = (x + 0x7fff + (x >> 16 & 1)) >> 16;
        const IntPart quiet = x >> 16 | 0x40;
        bits[i] = __builtin_convertvector(v.part[i] == v.part[i] ? rounded : quiet, ShortPart);
    });
    copy_out(p, bits);
}

/// Half of a vector, where heads of 24 channels end, without a call: as long as the rest of a row.
template <class T>
SWEETSPOT_INLINE void copy_first(T* to, const T* from, std::int64_t n) {
    if (n == lanes / 2)
        std::memcpy(static_cast<void*>(to), from, lanes / 2 * sizeof(T));
    else
        std::memcpy(static_cast<void*>(to), from, std::size_t(n) * sizeof(T));
}
/// The first n < 16 lanes; the others become 0.
template <class T>
SWEETSPOT_INLINE Vector load_first(const T* p, std::int64_t n) {
    T x[lanes] = {};
    copy_first(x, p, n);
    return load(x);
}
template <class T>
SWEETSPOT_INLINE void store_first(T* p, Vector v, std::int64_t n) {
    T x[lanes];
    store(x, v);
    copy_first(p, x, n);
}
/// v in the first n lanes, `rest` in the others.
SWEETSPOT_INLINE Vector keep_first(Vector v, std::int64_t n, float rest) {
    each_part([&](int i) {
        IntPart lane;
        for (int j = 0; j < part_lanes; ++j) lane[j] = i * part_lanes + j;
        v.part[i] = lane < std::int32_t(n) ? v.part[i] : rest - FloatPart{};
    });
    return v;
}

/// Where for_lanes() is: a whole vector, or the tail.
struct WholeLanes {
    std::int64_t first;
    template <class T>
    SWEETSPOT_INLINE Vector load(const T* p) const {
        return SWEETSPOT_TARGET::load(p + first);
    }
    template <class T>
    SWEETSPOT_INLINE void store(T* p, Vector v) const {
        SWEETSPOT_TARGET::store(p + first, v);
    }
    /// v where there is data, `rest` in lanes past the end.
    SWEETSPOT_INLINE Vector keep(Vector v, float) const { return v; }
};
struct FirstLanes {
    std::int64_t first, count;
    template <class T>
    SWEETSPOT_INLINE Vector load(const T* p) const {
        return load_first(p + first, count);
    }
    template <class T>
    SWEETSPOT_INLINE void store(T* p, Vector v) const {
        store_first(p + first, v, count);
    }
    SWEETSPOT_INLINE Vector keep(Vector v, float rest) const { return keep_first(v, count, rest); }
};
/// A row in vectors, the tail last: for_lanes(width, [&](auto at) { at.store(y, at.load(x) * 2);
/// });
template <class F>
SWEETSPOT_INLINE void for_lanes(std::int64_t width, F&& f) {
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes) f(WholeLanes{i});
    if (i < width) f(FirstLanes{i, width - i});
}

// ---- across lanes

/// All lanes of a register: lane i with that half the register further on, until one is left.
template <class Part, class Combine>
SWEETSPOT_INLINE float fold(Part x, Combine combine) {
    if constexpr (sizeof(Part) == 16) {
        const Part pair = combine(x, __builtin_shufflevector(x, x, 2, 3, 0, 1));
        return combine(pair, __builtin_shufflevector(pair, pair, 1, 0, 3, 2))[0];
    } else if constexpr (sizeof(Part) == 32) {
        return fold(combine(__builtin_shufflevector(x, x, 0, 1, 2, 3),
                            __builtin_shufflevector(x, x, 4, 5, 6, 7)),
                    combine);
    } else {
        return fold(combine(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7),
                            __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15)),
                    combine);
    }
}
template <class Combine>
SWEETSPOT_INLINE float fold(Vector v, Combine combine) {
    if constexpr (parts == 4) {
        v.part[0] = combine(v.part[0], v.part[2]);
        v.part[1] = combine(v.part[1], v.part[3]);
    }
    if constexpr (parts > 1) v.part[0] = combine(v.part[0], v.part[1]);
    return fold(v.part[0], combine);
}
SWEETSPOT_INLINE float sum(Vector v) {
    return fold(v, [](auto a, auto b) { return a + b; });
}
SWEETSPOT_INLINE float maximum(Vector v) {
    return fold(v, [](auto a, auto b) { return a > b ? a : b; });
}

} // namespace sweetspot::SWEETSPOT_TARGET

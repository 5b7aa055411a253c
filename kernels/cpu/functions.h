#pragma once
#include "kernels/cpu/vector.h"

/// Elementary functions of sixteen floats. The coefficients are our own least-maximum fits. NaN
/// stays NaN everywhere.
namespace sweetspot::SWEETSPOT_TARGET {

/// 2^t for |t| <= 1/2, within 1.5e-7, relative.
SWEETSPOT_INLINE Vector exp2_near_zero(Vector t) {
    Vector p = fma(Vector(0.001326472731307149f), t, 0.009671513922512531f);
    p = fma(p, t, 0.05550733581185341f);
    p = fma(p, t, 0.24022242426872253f);
    p = fma(p, t, 0.6931470036506653f);
    return fma(p, t, 1.0f);
}

/// x rounded to an integer, for |x| < 2^22, in two forms.
struct Rounded {
    Vector value;
    Vector biased; ///< value + 1.5 · 2^23, so that its lowest bits are the integer
};
SWEETSPOT_INLINE Rounded round(Vector x) {
    const Vector biased = x + 12582912.0f;
    return {biased - 12582912.0f, biased};
}

/// x · 2^n for n in [-127, 127]; 0 for n = -127.
SWEETSPOT_INLINE Vector scale(Vector x, Rounded n) {
    each_part([&](int i) { x.part[i] *= FloatPart((IntPart(n.biased.part[i]) + 127) << 23); });
    return x;
}

/// 2^x within 2e-7, relative; 0 below -126.5, and about 2^127 above 127.
SWEETSPOT_INLINE Vector exp2(Vector x) {
    x = max(Vector(-127.0f), min(Vector(127.0f), x));
    const Rounded n = round(x);
    return scale(exp2_near_zero(x - n.value), n);
}

/// e^x within 3e-7, relative; 0 below -87.7, and about 1.7e38 above 88.
SWEETSPOT_INLINE Vector exp(Vector x) {
    x = max(Vector(-88.02f), min(Vector(88.02f), x));
    const Rounded n = round(x * 1.44269504f);
    // ln 2 in two pieces, the first short enough for exact products.
    const Vector rest = fma(n.value, -1.42860677e-6f, fma(n.value, -0.693145752f, x));
    return scale(exp2_near_zero(rest * 1.44269504f), n);
}

SWEETSPOT_INLINE Vector sigmoid(Vector x) {
    return reciprocal(exp(Vector(0.0f) - x) + 1.0f);
}

SWEETSPOT_INLINE Vector silu(Vector x) {
    return x * sigmoid(x);
}

/// Φ(x) as 1/2 + x·P(x²)/Q(x²), which is level at 0 and 1 beyond 5.66.
SWEETSPOT_INLINE Vector normal_below(Vector x) {
    const Vector inner = min(Vector(5.6568542f), max(Vector(-5.6568542f), x));
    const Vector u = inner * inner;
    Vector p = fma(Vector(2.1949365e-08f), u, 6.28774928e-06f);
    p = fma(p, u, 0.00017161715f);
    p = fma(p, u, 0.00469355181f);
    p = fma(p, u, 0.0342142063f);
    p = fma(p, u, 0.398942271f);
    Vector q = fma(Vector(1.16930579e-06f), u, 7.40952378e-05f);
    q = fma(q, u, 0.00190088736f);
    q = fma(q, u, 0.0288374172f);
    q = fma(q, u, 0.252428576f);
    q = fma(q, u, 1.0f);
    return fma(inner, p * reciprocal(q), 0.5f);
}

/// x·Φ(x) within 1e-6. The factor x is level below -5.66, where the product vanishes.
SWEETSPOT_INLINE Vector gelu(Vector x) {
    return max(Vector(-5.6568542f), x) * normal_below(x);
}

/// As gelu() within 1.6e-4, which is below what bf16 tells apart near its values; the error is
/// largest beyond -4, where they vanish.
SWEETSPOT_INLINE Vector rough_gelu(Vector x) {
    x = max(Vector(-4.0f), x);
    const Vector inner = min(Vector(4.0f), x);
    const Vector u = inner * inner;
    Vector p = fma(Vector(0.00279677042f), u, 0.0370430477f);
    p = fma(p, u, 0.398707713f);
    Vector q = fma(Vector(0.000449151518f), u, 0.0261339734f);
    q = fma(q, u, 0.25812478f);
    q = fma(q, u, 1.0f);
    return x * fma(inner, p * rough_reciprocal(q), 0.5f);
}

/// x·(1 + tanh z)/2 with z = √(2/π)·(x + 0.044715·x³), which is x·σ(2z).
SWEETSPOT_INLINE Vector gelu_tanh(Vector x) {
    const Vector twice_z = x * fma(x * x, 0.0713548162f, 1.59576912f);
    return x * sigmoid(twice_z);
}

// ---- derivatives, within 2e-6

/// Φ(x) + x·φ(x)
SWEETSPOT_INLINE Vector gelu_slope(Vector x) {
    return fma(x * 0.398942280f, exp(x * x * -0.5f), normal_below(x));
}

/// Beyond 30 the next two are 0 or 1 to the last bit, and their factors would be too large.
SWEETSPOT_INLINE Vector within_30(Vector x) {
    return max(Vector(-30.0f), min(Vector(30.0f), x));
}
SWEETSPOT_INLINE Vector gelu_tanh_slope(Vector x) {
    x = within_30(x);
    const Vector square = x * x;
    const Vector s = sigmoid(x * fma(square, 0.0713548162f, 1.59576912f));
    return fma(x * s * (Vector(1.0f) - s), fma(square, 0.2140644486f, 1.59576912f), s);
}
SWEETSPOT_INLINE Vector silu_slope(Vector x) {
    x = within_30(x);
    const Vector s = sigmoid(x);
    return s * fma(x, Vector(1.0f) - s, 1.0f);
}

} // namespace sweetspot::SWEETSPOT_TARGET

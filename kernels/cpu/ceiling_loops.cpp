#include "kernels/cpu/tile_product.h"

/// The loops of kernels/cpu/ceiling.cpp.
namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// Sums that do not wait for each other, in registers: two fused operations a cycle take four
/// cycles each at least on every processor so far.
constexpr int sums = register_bytes == 64 ? 12 : register_bytes == 32 ? 6 : 3;

template <auto add>
float repeat(std::int64_t steps) {
    Vector sum[sums];
#pragma GCC unroll 12
    for (int i = 0; i < sums; ++i) sum[i] = float(i);
    Vector a = 0.5f, b = 1.0f;
    for (std::int64_t step = 0; step < steps; ++step) {
        asm volatile("" : "+x"(a.part[0]), "+x"(b.part[0])); // not known, so nothing is left out
#pragma GCC unroll 12
        for (int i = 0; i < sums; ++i) sum[i] = add(a, b, sum[i]);
    }
    Vector all = 0.0f;
#pragma GCC unroll 12
    for (int i = 0; i < sums; ++i) all = all + sum[i];
    return all[0];
}

} // namespace

/// FLOPs of `steps` steps that multiply in registers; `result` keeps them from being left out.
double multiply_in_registers(bool pairs, std::int64_t steps, float& result) {
    if constexpr (target == Isa::avx512_bf16)
        if (pairs) {
            result = repeat<fma_pairs<Vector>>(steps);
            return double(steps) * sums * lanes * 4;
        }
    result = repeat<fma>(steps);
    return double(steps) * sums * lanes * 2;
}

/// The sum of floats, read in order.
float sum_of(const float* from, std::int64_t count) {
    Vector sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    std::int64_t i = 0;
    for (; i + 4 * lanes <= count; i += 4 * lanes)
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
            __builtin_prefetch(from + i + v * lanes + 1024, 0, 2);
            sum[v] = sum[v] + load(from + i + v * lanes);
        }
    float all = (sum[0] + sum[1] + (sum[2] + sum[3]))[0];
    for (; i < count; ++i) all += from[i];
    return all;
}

} // namespace sweetspot::SWEETSPOT_TARGET

#pragma once
#include <cstdint>

namespace sweetspot {

/// The sum of a[i] · b[i] in eight lanes of Sum, which a compiler can hold in registers, in an
/// order that never changes.
template <class Sum, class T>
Sum dot(const T* a, const T* b, std::int64_t count) {
    constexpr std::int64_t lanes = 8;
    Sum sums[lanes] = {}, sum = 0;
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (std::int64_t lane = 0; lane < lanes; ++lane)
            sums[lane] += Sum(a[i + lane]) * Sum(b[i + lane]);
    for (; i < count; ++i) sum += Sum(a[i]) * Sum(b[i]);
    for (const Sum lane : sums) sum += lane;
    return sum;
}

} // namespace sweetspot

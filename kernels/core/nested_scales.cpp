#include "kernels/core/nested_scales.h"
#include <algorithm>
#include <cmath>

namespace sweetspot {

namespace {

struct Values {
    float of[256];
};

/// For each power of ten from 1e-6 to 1 twice as many values as for the one below, the middles of
/// equal steps from a tenth of it to itself, with both signs; then 0 and 1. With the roundings of
/// the library that made the published table: its steps are added from the nearer end.
Values make_values() {
    Values y{};
    int count = 0, steps = 1;
    for (const float power : {1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1.0f}) {
        const float step = (1.0f - 0.1f) / float(steps);
        const auto border = [&](int i) {
            return i < (steps + 1) / 2 ? std::fma(step, float(i), 0.1f)
                                       : std::fma(-step, float(steps - i), 1.0f);
        };
        for (int i = 0; i < steps; ++i) {
            const float middle = power * ((border(i) + border(i + 1)) / 2);
            y.of[count++] = middle;
            y.of[count++] = -middle;
        }
        steps *= 2;
    }
    y.of[count++] = 0;
    y.of[count++] = 1;
    std::sort(y.of, y.of + count);
    return y;
}

} // namespace

const float (&nested_values())[256] {
    static const Values values = make_values();
    return values.of;
}

void nest(std::span<const float> scales, std::uint8_t* codes, std::int64_t step,
          std::uint8_t* behind) {
    const auto& values = nested_values();
    const auto count = std::int64_t(scales.size());
    double sum = 0;
    for (const float scale : scales) sum += double(scale);
    const auto mean = float(count ? sum / double(count) : 0);
    for (std::int64_t first = 0; first < count; first += NestedScales::group) {
        const std::int64_t end = std::min(first + NestedScales::group, count);
        float greatest = 0;
        for (std::int64_t i = first; i < end; ++i)
            greatest = std::max(greatest, std::abs(scales[std::size_t(i)] - mean));
        const float inverse = greatest == 0 ? 0 : 1 / greatest;
        for (std::int64_t i = first; i < end; ++i) {
            const float x = (scales[std::size_t(i)] - mean) * inverse;
            int code = 0;
            while (code < 255 && x > (values[code] + values[code + 1]) / 2) ++code;
            codes[i * step] = std::uint8_t(code);
        }
        std::memcpy(behind, &greatest, sizeof greatest);
        behind += sizeof greatest;
    }
    std::memcpy(behind, &mean, sizeof mean);
}

} // namespace sweetspot

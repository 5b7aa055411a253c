#include "kernels/ops/dropout.h"
#include "kernels/core/philox.h"
#include "kernels/cpu/parallel.h"

namespace sweetspot::SWEETSPOT_TARGET {

namespace {
void store(float* to, float x) {
    *to = x;
}
void store(BFloat16* to, float x) {
    *to = to_bfloat16(x);
}
} // namespace

void launch(const Drop& op, CpuStream& stream) {
    const std::uint32_t dropped_below = op.dropout.dropped_below();
    const float scale = op.dropout.kept_scale();
    with_type(op.x.dtype, [&]<class T>(T) {
        const std::int64_t width = op.x.shape[1];
        for_rows(op.x.shape[0], 2 * op.x.bytes(), stream.threads, [&](std::int64_t row) {
            T* x = op.x.as<T>() + row * width;
            for (std::int64_t i = 0; i < width; ++i) {
                const auto place = std::uint64_t(row * width + i);
                const bool kept = philox_word(place, op.dropout.seed) >= dropped_below;
                store(x + i, kept ? to_float(x[i]) * scale : 0.0f);
            }
        });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET

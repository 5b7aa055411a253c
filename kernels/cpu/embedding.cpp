#include "kernels/ops/embedding.h"
#include "kernels/cpu/parallel.h"

namespace sweetspot::SWEETSPOT_TARGET {

void launch(const Embedding& op, CpuStream& stream) {
    const std::int64_t width = op.y.shape[1];
    for_rows(op.y.shape[0], 2 * op.y.bytes(), stream.threads, [&](std::int64_t row) {
        float* y = op.y.as<float>() + row * width;
        with_type(op.table.dtype, [&]<class T>(T) {
            const T* token = op.table.as<T>() + op.ids.as<std::int32_t>()[row] * width;
            const Vector scale = op.scale.present() ? op.scale.as<float>()[row] : 1.0f;
            for_lanes(width, [&](auto at) { at.store(y, at.load(token) * scale); });
        });
        if (!op.positions.present()) return;
        with_type(op.position_table.dtype, [&]<class T>(T) {
            const T* position =
                op.position_table.as<T>() + op.positions.as<std::int32_t>()[row] * width;
            for_lanes(width, [&](auto at) { at.store(y, at.load(y) + at.load(position)); });
        });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET

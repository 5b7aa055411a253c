#include "kernels/ops/activation.h"
#include "kernels/cpu/activate_row.h"
#include "kernels/cpu/parallel.h"

namespace sweetspot::SWEETSPOT_TARGET {

void launch(const Activate& op, CpuStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        const std::int64_t rows = op.x.shape[0], width = op.x.shape[1];
        for_rows(rows, op.x.bytes(), stream.threads, [&](std::int64_t row) {
            activate_row(op.activation, op.x.as<T>() + row * width, width);
        });
    });
}

void launch(const SwiGlu& op, CpuStream& stream) {
    with_type(op.y.dtype, [&]<class T>(T) {
        const std::int64_t rows = op.y.shape[0], width = op.y.shape[1];
        for_rows(rows, 3 * op.y.bytes(), stream.threads, [&](std::int64_t row) {
            const T* gate = op.gate.as<T>() + row * op.gate.stride();
            const T* up = op.up.as<T>() + row * op.up.stride();
            T* y = op.y.as<T>() + row * width;
            for_lanes(width, [&](auto at) { at.store(y, silu(at.load(gate)) * at.load(up)); });
        });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET

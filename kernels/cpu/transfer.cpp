#include "kernels/ops/transfer.h"
#include "kernels/ops/elementwise.h"
#include <cstring>

namespace sweetspot {

void launch(const Upload& op, CpuStream& stream) {
    if (op.x.dtype == op.y.dtype)
        std::memcpy(op.y.data, op.x.data, op.x.bytes());
    else
        launch(Convert{.x = op.x, .y = op.y}, stream);
}

void launch(const Download& op, CpuStream&) {
    std::memcpy(op.y.data, op.x.data, op.x.bytes());
}

} // namespace sweetspot

#include "kernels/ops/fused.h"

namespace sweetspot {

namespace {
[[noreturn]] void refuse(const char* name) {
    throw Error(Failure::unsupported,
                std::string(name) + " is one kernel on device cuda; the CPU has the two ops");
}
} // namespace

void launch(const NormMatMul& op, CpuStream&) {
    refuse(op.name);
}

void launch(const AttentionProjection& op, CpuStream&) {
    refuse(op.name);
}

} // namespace sweetspot

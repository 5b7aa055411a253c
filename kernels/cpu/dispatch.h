#pragma once
#include "kernels/core/stream.h"
#include "kernels/core/tensor.h"
#include "kernels/cpu/isa.h"

namespace sweetspot {
/// Throws Error(unsupported) for f16, which the CPU only reads, never computes with. Not inline:
/// see kernels/cpu/vector.h.
void require_cpu_type(DType);
} // namespace sweetspot

/// Declares an op's launch() for each instruction set (its source is compiled once for each, see
/// kernels/CMakeLists.txt) and defines the one that chooses among them. For use in namespace
/// sweetspot, in one source, after the op's header.
#define SWEETSPOT_DISPATCH(Op)                                                                     \
    namespace baseline {                                                                           \
    void launch(const Op&, CpuStream&);                                                            \
    }                                                                                              \
    namespace avx2 {                                                                               \
    void launch(const Op&, CpuStream&);                                                            \
    }                                                                                              \
    namespace avx512 {                                                                             \
    void launch(const Op&, CpuStream&);                                                            \
    }                                                                                              \
    namespace avx512_bf16 {                                                                        \
    void launch(const Op&, CpuStream&);                                                            \
    }                                                                                              \
    void launch(const Op& op, CpuStream& stream) {                                                 \
        switch (isa()) {                                                                           \
        case Isa::baseline: return baseline::launch(op, stream);                                   \
        case Isa::avx2: return avx2::launch(op, stream);                                           \
        case Isa::avx512: return avx512::launch(op, stream);                                       \
        case Isa::avx512_bf16:                                                                     \
        case Isa::amx: return avx512_bf16::launch(op, stream);                                     \
        }                                                                                          \
    }

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/isa.h"
#include "kernels/ops/list.h"

namespace sweetspot {

/// Declares an op's launch() for each instruction set and defines the one that chooses among them.
#define DISPATCH_vectorised(Op)                                                                    \
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
#define DISPATCH_plain(Op)
#define DISPATCH(Op, family, compiled) DISPATCH_##compiled(Op)

SWEETSPOT_OPS(DISPATCH)

void require_cpu_type(DType type) {
    require(type != DType::f16, Failure::unsupported,
            "the CPU computes in f32 and bf16; f16 needs device cuda");
}

} // namespace sweetspot

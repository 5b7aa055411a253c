#include "kernels/cpu/isa.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cstdlib>
#include <sys/syscall.h>
#include <unistd.h>

namespace sweetspot {

namespace {

/// Linux gives a process the large state of tiles only when it asks.
bool may_use_tiles() {
    constexpr int request_permission = 0x1023, tile_data = 18; // see Linux' x86/xstate.rst
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

Isa isa_of_machine() {
    if (!__builtin_cpu_supports("x86-64-v3")) return Isa::baseline;
    if (!__builtin_cpu_supports("x86-64-v4")) return Isa::avx2;
    if (!__builtin_cpu_supports("avx512bf16")) return Isa::avx512;
    if (!__builtin_cpu_supports("amx-bf16") || !may_use_tiles()) return Isa::avx512_bf16;
    return Isa::amx;
}

Isa isa_to_use() {
    const char* asked = std::getenv("SWEETSPOT_ISA");
    if (!asked || !*asked) return isa_of_machine();
    const auto names = names_of(Isa{});
    const auto found = std::find(names.begin(), names.end(), asked);
    if (found == names.end())
        throw Error(Failure::bad_input,
                    std::string("the environment variable SWEETSPOT_ISA is '") + asked +
                        "'; it is one of baseline, avx2, avx512, avx512_bf16, amx");
    return std::min(isa_of_machine(), Isa(found - names.begin()));
}

} // namespace

Isa isa() {
    static const Isa found = isa_to_use();
    return found;
}

std::string isa_description() {
    switch (isa()) {
    case Isa::baseline: return "SSE4.2, no AVX (bf16 is computed in f32)";
    case Isa::avx2: return "AVX2 (bf16 is computed in f32)";
    case Isa::avx512: return "AVX-512 (bf16 is computed in f32)";
    case Isa::avx512_bf16: return "AVX-512 with bf16";
    case Isa::amx: return "AVX-512 with bf16 and AMX";
    }
    return {};
}

} // namespace sweetspot

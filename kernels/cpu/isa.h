#pragma once
#include <array>
#include <string>
#include <string_view>

namespace sweetspot {

/// What our kernels may use, each including the ones before it. baseline is x86-64-v2 (SSE4.2),
/// avx2 is x86-64-v3 (with FMA), avx512 is x86-64-v4, and amx has tiles of bf16.
enum class Isa { baseline, avx2, avx512, avx512_bf16, amx };
constexpr std::array<std::string_view, 5> names_of(Isa) {
    return {"baseline", "avx2", "avx512", "avx512_bf16", "amx"};
}

/// The best that this machine has, found at the first call. The environment variable SWEETSPOT_ISA
/// lowers it by name, for tests and comparisons; it never raises it.
/// Throws Error(bad_input) for a name that does not exist.
Isa isa();

/// One line for people, e.g. "AVX-512 with bf16 and AMX" or "AVX2 (bf16 is computed in f32)".
std::string isa_description();

} // namespace sweetspot

#include "kernels/cpu/ceiling.h"
#include "kernels/core/team.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/libraries.h"
#include "kernels/cpu/onednn.h"
#include <atomic>
#include <chrono>

namespace sweetspot {

#define CEILING_LOOPS(set)                                                                         \
    namespace set {                                                                                \
    double multiply_in_registers(bool pairs, std::int64_t steps, float& result);                   \
    float sum_of(const float*, std::int64_t count);                                                \
    }
CEILING_LOOPS(baseline)
CEILING_LOOPS(avx2)
CEILING_LOOPS(avx512)
CEILING_LOOPS(avx512_bf16)

namespace {

struct Loops {
    double (*multiply_in_registers)(bool pairs, std::int64_t steps, float& result);
    float (*sum_of)(const float*, std::int64_t count);
};

Loops loops() {
    switch (isa()) {
    case Isa::baseline: return {baseline::multiply_in_registers, baseline::sum_of};
    case Isa::avx2: return {avx2::multiply_in_registers, avx2::sum_of};
    case Isa::avx512: return {avx512::multiply_in_registers, avx512::sum_of};
    case Isa::avx512_bf16:
    case Isa::amx: break;
    }
    return {avx512_bf16::multiply_in_registers, avx512_bf16::sum_of};
}

} // namespace

std::optional<double> register_flops(DType type, int threads) {
    const bool pairs = type == DType::bf16;
    if (pairs && isa() != Isa::avx512_bf16) return {};
    constexpr std::int64_t steps = 1 << 20, pieces_a_thread = 8;
    std::atomic<double> flops = 0;
    double best = 0;
    for (int repeat = 0; repeat < 3; ++repeat) { // clocks rise at first
        flops = 0;
        const auto start = std::chrono::steady_clock::now();
        for_pieces(pieces_a_thread * threads, threads, [&](std::int64_t, int) {
            float result = 0;
            flops += loops().multiply_in_registers(pairs, steps, result);
            asm volatile("" ::"x"(result));
        });
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        best = std::max(best, flops / seconds.count());
    }
    return best;
}

void read_plainly(const void* data, std::size_t bytes, int threads) {
    constexpr std::int64_t piece = 1 << 18; // floats
    const auto count = std::int64_t(bytes / sizeof(float));
    const auto* from = static_cast<const float*>(data);
    for_pieces((count + piece - 1) / piece, threads, [&](std::int64_t i, int) {
        const float sum = loops().sum_of(from + i * piece, std::min(piece, count - i * piece));
        asm volatile("" ::"x"(sum));
    });
}

std::string product_kernel(std::int64_t rows, std::int64_t columns, std::int64_t inner,
                           DType type) {
    const bool library =
        rows > few_rows && OneDnnProduct::find({.rows = std::min(rows, most_onednn_rows),
                                                .columns = columns,
                                                .inner = inner,
                                                .a = type,
                                                .c = type});
    return library ? "oneDNN " + onednn_version() : "our kernel";
}

std::string gradient_kernel(std::int64_t rows, std::int64_t columns, std::int64_t inner,
                            DType type) {
    if (type == DType::f32) return "oneDNN " + onednn_version();
    return product_kernel(rows, columns, inner, type);
}

} // namespace sweetspot

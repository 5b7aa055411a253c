#pragma once
#include "kernels/core/team.h"
#include "kernels/core/tensor.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/vector.h"
#include <algorithm>

/// Loops over rows, for sources that are compiled once for each instruction set.
namespace sweetspot::SWEETSPOT_TARGET {

/// Sharing costs microseconds, so an op on fewer bytes than this stays on one.
constexpr std::size_t least_bytes_for_threads = 64 * 1024;

/// f(row) for each row, in runs of rows on up to `threads` threads. `bytes` is what the op touches
/// in all.
template <class F>
void for_rows(std::int64_t rows, std::size_t bytes, int threads, const F& f) {
    if (threads < 2 || rows < 2 || bytes < least_bytes_for_threads) {
        for (std::int64_t row = 0; row < rows; ++row) f(row);
        return;
    }
    // Some runs for each thread, so that one that is held up does not hold up all.
    const std::int64_t runs = std::min<std::int64_t>(rows, 8 * threads);
    for_pieces(runs, threads, [&](std::int64_t run, int) {
        const std::int64_t end = rows * (run + 1) / runs;
        for (std::int64_t row = rows * run / runs; row < end; ++row) f(row);
    });
}

/// f(float{}) or f(BFloat16{}): the element type of a tensor that kernels compute with. Throws
/// Error(unsupported) for f16, so it comes before threads.
template <class F>
void with_type(DType type, const F& f) {
    require_cpu_type(type);
    if (type == DType::bf16) return f(BFloat16{});
    f(float{});
}

} // namespace sweetspot::SWEETSPOT_TARGET

#pragma once
#include "kernels/core/tensor.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/vector.h"

/// Loops over rows, for sources that are compiled once for each instruction set.
namespace sweetspot::SWEETSPOT_TARGET {

/// A region of threads costs microseconds, so an op on fewer bytes than this stays on one.
constexpr std::size_t least_bytes_for_threads = 64 * 1024;

/// f(row) for each row, in contiguous runs of rows on up to `threads` threads. `bytes` is what the
/// op touches in all.
template <class F>
void for_rows(std::int64_t rows, std::size_t bytes, int threads, const F& f) {
    if (threads < 2 || rows < 2 || bytes < least_bytes_for_threads) {
        for (std::int64_t row = 0; row < rows; ++row) f(row);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t row = 0; row < rows; ++row) f(row);
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

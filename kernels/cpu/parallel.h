#pragma once
#include "kernels/cpu/isa.h"
#include <cstdint>

namespace sweetspot::SWEETSPOT_TARGET {

/// A region of threads costs microseconds, so an op on fewer bytes than this stays on one.
constexpr std::int64_t least_bytes_for_threads = 64 * 1024;

/// f(row) for each row, in contiguous runs of rows on up to `threads` threads. `bytes` is what the
/// op touches in all.
template <class F>
void for_rows(std::int64_t rows, std::int64_t bytes, int threads, const F& f) {
    if (threads < 2 || rows < 2 || bytes < least_bytes_for_threads) {
        for (std::int64_t row = 0; row < rows; ++row) f(row);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t row = 0; row < rows; ++row) f(row);
}

} // namespace sweetspot::SWEETSPOT_TARGET

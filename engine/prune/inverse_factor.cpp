#include "engine/prune/inverse_factor.h"
#include "kernels/core/team.h"
#include <cmath>

// The inverse of the Gram matrix is never made: its upper Cholesky factor U, of which the methods
// need rows, is the inverse of the factor of H = R · Rᵀ with an upper R, which is the usual factor
// when rows and columns are counted from the end.

namespace sweetspot {

namespace {

constexpr double damping = 0.01; ///< of the mean diagonal
constexpr double below = 1e-300; ///< what counts as nothing on a diagonal

/// Upper R with h = R · Rᵀ, in h's upper half. False if there is none.
bool factor(Square h, int threads) {
    for (std::int64_t j = h.size; j-- > 0;) {
        double d = h[j][j];
        for (std::int64_t k = j + 1; k < h.size; ++k) d -= h[j][k] * h[j][k];
        if (!(d > below)) return false;
        h[j][j] = std::sqrt(d);
        for_pieces(j, threads, [&](std::int64_t i, int) {
            double x = h[i][j];
            for (std::int64_t k = j + 1; k < h.size; ++k) x -= h[i][k] * h[j][k];
            h[i][j] = x / h[j][j];
        });
    }
    return true;
}

/// U = R⁻¹, upper, in R's place: row by row from the end, each from those below it.
void invert(Square r) {
    for (std::int64_t i = r.size; i-- > 0;) {
        const double d = 1 / r[i][i];
        std::vector<double> row(std::size_t(r.size), 0.0);
        for (std::int64_t k = i + 1; k < r.size; ++k)
            for (std::int64_t j = k; j < r.size; ++j) row[std::size_t(j)] += r[i][k] * r[k][j];
        r[i][i] = d;
        for (std::int64_t j = i + 1; j < r.size; ++j) r[i][j] = -d * row[std::size_t(j)];
    }
}

} // namespace

std::vector<std::int64_t> dampen(Square gram) {
    std::vector<std::int64_t> dead;
    double mean = 0;
    for (std::int64_t i = 0; i < gram.size; ++i) {
        if (gram[i][i] == 0) {
            gram[i][i] = 1;
            dead.push_back(i);
        }
        mean += gram[i][i] / double(gram.size);
    }
    for (std::int64_t i = 0; i < gram.size; ++i) gram[i][i] += damping * mean;
    return dead;
}

bool inverse_factor(Square gram, int threads) {
    if (!factor(gram, threads)) return false;
    invert(gram);
    return true;
}

} // namespace sweetspot

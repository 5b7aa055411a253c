#include "engine/prune/sparsegpt.h"
#include "engine/prune/least.h"
#include "kernels/core/team.h"
#include <algorithm>
#include <cmath>

// SparseGPT for one matrix. The inverse of the Gram matrix is never made: its upper Cholesky factor
// U, of which the method needs rows, is the inverse of the factor of H = R · Rᵀ with an upper R,
// which is the usual factor when rows and columns are counted from the end.

namespace sweetspot {

namespace {

constexpr double damping = 0.01;      ///< of the mean diagonal
constexpr std::int64_t at_once = 128; ///< columns whose zeros are chosen together
constexpr double below = 1e-300;      ///< what counts as nothing on a diagonal

/// Square matrices in rows.
struct Square {
    double* at;
    std::int64_t size;
    double* operator[](std::int64_t row) const { return at + row * size; }
};

/// The dead channels get a diagonal that lets them go alone; all get the damping.
void dampen(Square h, std::span<float> weights, std::int64_t rows) {
    double mean = 0;
    for (std::int64_t i = 0; i < h.size; ++i) {
        if (h[i][i] == 0) {
            h[i][i] = 1;
            for (std::int64_t r = 0; r < rows; ++r) weights[std::size_t(r * h.size + i)] = 0;
        }
        mean += h[i][i] / double(h.size);
    }
    for (std::int64_t i = 0; i < h.size; ++i) h[i][i] += damping * mean;
}

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

/// One matrix while its columns go from left to right.
class Sweep {
public:
    Sweep(std::span<float> weights, std::int64_t rows, Square u, Sparsity sparsity, int threads)
        : w_(weights.begin(), weights.end()), rows_(rows), u_(u), sparsity_(sparsity),
          threads_(threads), goes_(weights.size()) {}

    void run(std::span<float> result) {
        for (std::int64_t first = 0; first < u_.size; first += at_once) {
            const std::int64_t end = std::min(first + at_once, u_.size);
            if (!sparsity_.neighbours) choose(first, end);
            for_pieces(rows_, threads_, [&](std::int64_t r, int) { go_through(r, first, end); });
        }
        for (std::size_t i = 0; i < w_.size(); ++i) result[i] = goes_[i] ? 0.0f : float(w_[i]);
    }

private:
    /// How much the products change, at best, if it goes.
    Score score(std::int64_t row, std::int64_t column) const {
        const double d = u_[column][column], x = w_[std::size_t(row * u_.size + column)] / d;
        return score_of(x * x);
    }
    void choose(std::int64_t first, std::int64_t end) {
        std::vector<Score> scores;
        for (std::int64_t r = 0; r < rows_; ++r)
            for (std::int64_t i = first; i < end; ++i) scores.push_back(score(r, i));
        auto sorted = scores;
        Cut cut = cut_of(sorted, share_of(sparsity_.share, std::int64_t(scores.size())));
        std::size_t next = 0;
        for (std::int64_t r = 0; r < rows_; ++r)
            for (std::int64_t i = first; i < end; ++i)
                goes_[std::size_t(r * u_.size + i)] = cut.takes(scores[next++]);
    }
    void choose_neighbours(std::int64_t row, std::int64_t first) {
        Score scores[8], sorted[8];
        const auto count = std::size_t(sparsity_.neighbours);
        for (std::size_t i = 0; i < count; ++i)
            sorted[i] = scores[i] = score(row, first + std::int64_t(i));
        Cut cut = cut_of({sorted, count}, std::int64_t(count / 2));
        for (std::size_t i = 0; i < count; ++i)
            goes_[std::size_t(row * u_.size + first) + i] = cut.takes(scores[i]);
    }
    /// Sends what each column of the block loses to those behind it: at once within the block, and
    /// together to the rest.
    void go_through(std::int64_t row, std::int64_t first, std::int64_t end) {
        double* const w = w_.data() + row * u_.size;
        double errors[at_once];
        for (std::int64_t i = first; i < end; ++i) {
            if (sparsity_.neighbours && i % sparsity_.neighbours == 0) choose_neighbours(row, i);
            const double error = goes_[std::size_t(row * u_.size + i)] ? w[i] / u_[i][i] : 0;
            errors[i - first] = error;
            if (error != 0)
                for (std::int64_t j = i; j < end; ++j) w[j] -= error * u_[i][j];
        }
        for (std::int64_t i = first; i < end; ++i)
            if (const double error = errors[i - first]; error != 0)
                for (std::int64_t j = end; j < u_.size; ++j) w[j] -= error * u_[i][j];
    }

    std::vector<double> w_;
    std::int64_t rows_;
    Square u_;
    Sparsity sparsity_;
    int threads_;
    std::vector<std::uint8_t> goes_; ///< a byte each, since threads write them
};

} // namespace

bool prune_by_sparsegpt(std::span<float> weights, std::int64_t rows, std::int64_t columns,
                        std::span<double> gram, Sparsity sparsity, int threads) {
    const Square h{gram.data(), columns};
    std::vector<float> kept(weights.begin(), weights.end());
    dampen(h, kept, rows);
    if (!factor(h, threads)) return false;
    invert(h);
    Sweep(kept, rows, h, sparsity, threads).run(weights);
    return true;
}

} // namespace sweetspot

#include "engine/prune/sparsegpt.h"
#include "engine/prune/inverse_factor.h"
#include "engine/prune/least.h"
#include "kernels/core/team.h"
#include <algorithm>
#include <cmath>

// SparseGPT for one matrix: zeros are chosen by block of columns, and columns go from left to
// right.

namespace sweetspot {

namespace {

constexpr std::int64_t at_once = 128; ///< columns whose zeros are chosen together

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
    for (const std::int64_t dead : dampen(h))
        for (std::int64_t r = 0; r < rows; ++r) kept[std::size_t(r * columns + dead)] = 0;
    if (!inverse_factor(h, threads)) return false;
    Sweep(kept, rows, h, sparsity, threads).run(weights);
    return true;
}

} // namespace sweetspot

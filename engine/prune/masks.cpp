#include "engine/prune/masks.h"
#include "kernels/core/team.h"

namespace sweetspot {

namespace {

/// The least of these go; their scores, one a weight.
std::int64_t mask_least(std::span<float> weights, const std::vector<Score>& scores,
                        std::int64_t count) {
    auto sorted = scores;
    Cut cut = cut_of(sorted, count);
    for (std::size_t i = 0; i < weights.size(); ++i)
        if (cut.takes(scores[i])) weights[i] = 0;
    return count;
}

} // namespace

std::int64_t mask_rows(Matrix& matrix, Sparsity sparsity, std::span<const double> squares,
                       int threads) {
    const std::int64_t step = sparsity.neighbours ? sparsity.neighbours : matrix.columns;
    const std::int64_t count =
        sparsity.neighbours ? step / 2 : share_of(sparsity.share, matrix.columns);
    const std::int64_t all = matrix.total_rows();
    for_pieces(all, threads, [&](std::int64_t row, int) {
        std::vector<Score> scores(std::size_t(step), 0);
        for (std::int64_t first = 0; first < matrix.columns; first += step) {
            const std::span weights(matrix.row(row) + first, std::size_t(step));
            for (std::size_t i = 0; i < weights.size(); ++i) {
                const double norm =
                    squares.empty() ? 1 : std::sqrt(squares[std::size_t(first) + i]);
                scores[i] = score_of(double(weights[i]) * norm);
            }
            mask_least(weights, scores, count);
        }
    });
    return all * (matrix.columns / step) * count;
}

std::int64_t mask_sources(Matrix& matrix, double share) {
    std::int64_t first = 0, gone = 0;
    for (const std::int64_t rows : matrix.rows) {
        const std::span weights(matrix.row(first), std::size_t(rows * matrix.columns));
        std::vector<Score> scores;
        for (const float x : weights) scores.push_back(score_of(x));
        gone += mask_least(weights, scores, share_of(share, std::int64_t(weights.size())));
        first += rows;
    }
    return gone;
}

std::int64_t mask_by(Matrix& matrix, Cut& cut) {
    std::int64_t gone = 0;
    for (float& x : std::span(matrix.row(0), std::size_t(matrix.count())))
        if (cut.takes(score_of(x))) x = 0, ++gone;
    return gone;
}

std::int64_t mask_columns(Matrix& matrix, double share) {
    std::vector<double> squares(std::size_t(matrix.columns), 0.0);
    const std::int64_t rows = matrix.total_rows();
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::size_t i = 0; i < squares.size(); ++i)
            squares[i] += double(matrix.row(r)[i]) * double(matrix.row(r)[i]);
    std::vector<Score> scores;
    for (const double x : squares) scores.push_back(score_of(x));
    auto sorted = scores;
    const std::int64_t count = share_of(share, matrix.columns);
    Cut cut = cut_of(sorted, count);
    for (std::size_t i = 0; i < scores.size(); ++i)
        if (cut.takes(scores[i]))
            for (std::int64_t r = 0; r < rows; ++r) matrix.row(r)[i] = 0;
    return count * rows;
}

} // namespace sweetspot

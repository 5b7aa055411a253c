#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

/// Wanda and SparseGPT as their papers write them down, in f64 and without a thought for speed.
namespace sweetspot::reference {

using Numbers = std::vector<double>;

/// A dense matrix in rows.
struct Dense {
    std::size_t rows = 0, columns = 0;
    Numbers at{};

    Dense(std::size_t rows, std::size_t columns)
        : rows(rows), columns(columns), at(rows * columns, 0.0) {}
    double& operator()(std::size_t i, std::size_t j) { return at[i * columns + j]; }
    double operator()(std::size_t i, std::size_t j) const { return at[i * columns + j]; }
};

/// Indices in the order of their scores, of equals the first first.
inline std::vector<std::size_t> ascending(const Numbers& scores) {
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return scores[a] < scores[b]; });
    return order;
}

/// W with the smallest |w| · ‖x‖ of each group of `group` weights of a row gone, `count` of each.
inline Dense wanda(Dense w, const Dense& x, std::size_t group, std::size_t count) {
    for (std::size_t r = 0; r < w.rows; ++r)
        for (std::size_t first = 0; first < w.columns; first += group) {
            Numbers scores;
            for (std::size_t j = first; j < first + group; ++j) {
                double squares = 0;
                for (std::size_t i = 0; i < x.rows; ++i) squares += x(i, j) * x(i, j);
                scores.push_back(std::abs(w(r, j)) * std::sqrt(squares));
            }
            const auto order = ascending(scores);
            for (std::size_t i = 0; i < count; ++i) w(r, first + order[i]) = 0;
        }
    return w;
}

/// By Gauss and Jordan, with pivots.
inline Dense inverse(Dense a) {
    const std::size_t n = a.rows;
    Dense y(n, n);
    for (std::size_t i = 0; i < n; ++i) y(i, i) = 1;
    for (std::size_t c = 0; c < n; ++c) {
        std::size_t pivot = c;
        for (std::size_t i = c; i < n; ++i)
            if (std::abs(a(i, c)) > std::abs(a(pivot, c))) pivot = i;
        for (std::size_t j = 0; j < n; ++j)
            std::swap(a(c, j), a(pivot, j)), std::swap(y(c, j), y(pivot, j));
        const double d = a(c, c);
        for (std::size_t j = 0; j < n; ++j) a(c, j) /= d, y(c, j) /= d;
        for (std::size_t i = 0; i < n; ++i) {
            if (i == c) continue;
            const double f = a(i, c);
            for (std::size_t j = 0; j < n; ++j) a(i, j) -= f * a(c, j), y(i, j) -= f * y(c, j);
        }
    }
    return y;
}

/// Upper U with a = Uᵀ · U.
inline Dense upper_cholesky(const Dense& a) {
    Dense u(a.rows, a.rows);
    for (std::size_t i = 0; i < a.rows; ++i)
        for (std::size_t j = i; j < a.rows; ++j) {
            double x = a(i, j);
            for (std::size_t k = 0; k < i; ++k) x -= u(k, i) * u(k, j);
            u(i, j) = i == j ? std::sqrt(x) : x / u(i, i);
        }
    return u;
}

/// The mask of a group of columns is chosen when the sweep comes to it: of 128 columns and all
/// rows, a share; or of `neighbours` in each row, a half.
inline Dense sparsegpt(Dense w, const Dense& x, double share, std::size_t neighbours) {
    const std::size_t n = w.columns, block = 128;
    Dense h(n, n);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t r = 0; r < x.rows; ++r) h(i, j) += 2 * x(r, i) * x(r, j);
    double mean = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (h(i, i) == 0) {
            h(i, i) = 1;
            for (std::size_t r = 0; r < w.rows; ++r) w(r, i) = 0;
        }
        mean += h(i, i) / double(n);
    }
    for (std::size_t i = 0; i < n; ++i) h(i, i) += 0.01 * mean;
    const Dense u = upper_cholesky(inverse(h));
    for (std::size_t first = 0; first < n; first += block) {
        const std::size_t end = std::min(first + block, n);
        std::vector<char> goes(w.at.size(), 0);
        const auto score = [&](std::size_t r, std::size_t j) {
            return w(r, j) * w(r, j) / (u(j, j) * u(j, j));
        };
        if (!neighbours) {
            Numbers scores;
            std::vector<std::size_t> places;
            for (std::size_t r = 0; r < w.rows; ++r)
                for (std::size_t j = first; j < end; ++j)
                    scores.push_back(score(r, j)), places.push_back(r * n + j);
            const auto order = ascending(scores);
            const auto count = std::size_t(std::llround(share * double(scores.size())));
            for (std::size_t i = 0; i < count; ++i) goes[places[order[i]]] = 1;
        }
        for (std::size_t j = first; j < end; ++j) {
            for (std::size_t r = 0; neighbours && j % neighbours == 0 && r < w.rows; ++r) {
                Numbers scores;
                for (std::size_t i = 0; i < neighbours; ++i) scores.push_back(score(r, j + i));
                const auto order = ascending(scores);
                for (std::size_t i = 0; i < neighbours / 2; ++i) goes[r * n + j + order[i]] = 1;
            }
            for (std::size_t r = 0; r < w.rows; ++r) {
                if (!goes[r * n + j]) continue;
                const double error = w(r, j) / u(j, j);
                for (std::size_t k = j; k < n; ++k) w(r, k) -= error * u(j, k);
                w(r, j) = 0;
            }
        }
    }
    return w;
}

} // namespace sweetspot::reference

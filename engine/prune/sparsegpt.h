#pragma once
#include <cstdint>
#include <span>

namespace sweetspot {

/// What goes of a matrix: this share of it, or a half of each so many neighbours in a row.
struct Sparsity {
    double share = 0.5;
    int neighbours = 0; ///< 0: anywhere
};

/// Prunes weights [rows, columns] in place as SparseGPT does (Frantar and Alistarh, 2023): column
/// after column, and what a zero changes in the products of the inputs is made up for by the
/// columns behind it. Blocks of 128 columns choose their zeros together. gram [columns, columns] is
/// inputsᵀ · inputs, and is used up; channels that were always 0 go first. All in f64.
/// False if the gram has no Cholesky factor even with 1 % of its mean added to its diagonal: it
/// holds what is no number. Then nothing is changed.
bool prune_by_sparsegpt(std::span<float> weights, std::int64_t rows, std::int64_t columns,
                        std::span<double> gram, Sparsity, int threads);

} // namespace sweetspot

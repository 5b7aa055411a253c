#pragma once
#include "engine/prune/least.h"
#include "engine/prune/matrix.h"
#include "engine/prune/sparsegpt.h"

/// Zeros by size. Each says how many weights it set to 0; of equal scores the first go.
namespace sweetspot {

/// In each row that share, or a half of each so many neighbours, by |weight| · norm of its input;
/// `squares` are those of the norms, or empty where only sizes count.
std::int64_t mask_rows(Matrix&, Sparsity, std::span<const double> squares, int threads);
/// In the matrix of each source that share.
std::int64_t mask_sources(Matrix&, double share);
/// By a cut through more than this.
std::int64_t mask_by(Matrix&, Cut&);
/// In the matrix of all sources that share of the columns, by their norm.
std::int64_t mask_columns(Matrix&, double share);

} // namespace sweetspot

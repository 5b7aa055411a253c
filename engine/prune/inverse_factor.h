#pragma once
#include <cstdint>
#include <vector>

namespace sweetspot {

/// A square matrix in rows, which it does not own.
struct Square {
    double* at;
    std::int64_t size;
    double* operator[](std::int64_t row) const { return at + row * size; }
};

/// Gives the dead channels of a Gram matrix, whose diagonal is 0, one of 1, so that they stand
/// alone, and adds 1 % of the mean to all of the diagonal. Which were dead.
std::vector<std::int64_t> dampen(Square gram);
/// U, upper, with gram⁻¹ = Uᵀ · U, in the upper half of the gram's place: row i says how what
/// column i loses is best made up for by those behind it (Frantar et al., 2022 and 2023). False
/// if there is none; the gram is used up in either case.
bool inverse_factor(Square gram, int threads);

} // namespace sweetspot

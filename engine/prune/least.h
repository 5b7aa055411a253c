#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

/// Which of many weights score least, the same everywhere: by score, and of equals the first.
namespace sweetspot {

/// A score of at least 0 as bits that are ordered like it; what is no number is above all.
using Score = std::uint64_t;
inline Score score_of(double x) {
    return std::bit_cast<Score>(std::abs(x));
}

/// The least of a sequence of scores: those below `at`, and the first `ties` that equal it.
struct Cut {
    Score at = 0;
    std::int64_t ties = 0;

    /// Whether the next score of the sequence is among them.
    bool takes(Score score) { return score < at || (score == at && ties-- > 0); }
};
/// For the `count` least. Reorders the scores.
Cut cut_of(std::span<Score> scores, std::int64_t count);

/// So many of `all` weights a sparsity is.
inline std::int64_t share_of(double sparsity, std::int64_t all) {
    return std::llround(sparsity * double(all));
}

/// The cut through the sizes of numbers that come in the same order as often as they are asked for,
/// and need not be held: two passes count the upper and the lower halves of their bits.
class SizeCount {
public:
    /// In the first pass, and again in the second after narrow().
    void add(float x) {
        const auto bits = std::bit_cast<std::uint32_t>(x) & 0x7fffffff;
        if (!narrowed_)
            ++counts_[bits >> 16], ++all_;
        else if (bits >> 16 == upper_)
            ++counts_[bits & 0xffff];
    }
    /// Ends the first pass: the cut is for this share of all.
    void narrow(double sparsity);
    /// Ends the second.
    Cut cut() const;

private:
    /// Takes counts off `left` as long as it exceeds them; where that ends.
    std::uint32_t bucket(std::int64_t& left) const;

    std::vector<std::int64_t> counts_ = std::vector<std::int64_t>(1 << 16);
    std::int64_t all_ = 0, left_ = 0;
    std::uint32_t upper_ = 0;
    bool narrowed_ = false;
};

} // namespace sweetspot

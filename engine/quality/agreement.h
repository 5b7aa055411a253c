#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace sweetspot {

/// Sizes of differences by their logarithm to base 10, eight bins a decade from 1e-12 to 1e6; what
/// lies beyond is in the first or the last of them.
struct DifferenceCounts {
    static constexpr int least = -12, most = 6, bins_a_decade = 8;
    static constexpr int size = (most - least) * bins_a_decade;

    std::int64_t equal = 0;
    std::array<std::int64_t, std::size_t(size)> bins{};

    /// Where bin i begins, as a logarithm.
    static double from(int i) { return least + double(i) / bins_a_decade; }
    void add(double difference);
};

/// How logits are spread, a reference's and a run's: equal bins from the least to the most of the
/// reference's. What lies beyond, or is not a number, is in the first or the last.
class Spread {
public:
    static constexpr int size = 64;

    Spread() = default;
    /// Of all logits of the reference.
    explicit Spread(std::span<const float> reference);
    void add(std::span<const float> reference, std::span<const float> logits);
    /// Where bin i begins.
    double from(int i) const { return low_ + i * width_; }
    std::int64_t reference(int i) const { return reference_[std::size_t(i)]; }
    std::int64_t run(int i) const { return run_[std::size_t(i)]; }

private:
    int bin_of(float logit) const;

    double low_ = 0, width_ = 1;
    std::array<std::int64_t, std::size_t(size)> reference_{}, run_{};
};

/// How far logits are from those of a reference, token by token. What is not a number makes all
/// that depends on it not a number.
class Agreement {
public:
    /// Logits of one token: [vocabulary] each. Returns the largest |difference| of these.
    double add(std::span<const float> reference, std::span<const float> logits);

    std::int64_t tokens() const { return std::int64_t(divergences_.size()); }
    double largest() const { return largest_; } ///< |difference| of a logit
    double mean() const { return values_ ? sum_ / double(values_) : 0; }
    /// Share of tokens whose largest logit is the same; the first of equals counts.
    double top1() const { return tokens() ? double(same_top_) / double(tokens()) : 1; }
    /// Of each token: the KL divergence of softmax(logits) from softmax(reference), in nats.
    const std::vector<double>& divergences() const { return divergences_; }
    const DifferenceCounts& counts() const { return counts_; }

private:
    double largest_ = 0, sum_ = 0;
    std::int64_t values_ = 0, same_top_ = 0;
    std::vector<double> divergences_{};
    DifferenceCounts counts_{};
};

/// KL(softmax(p) ‖ softmax(q)) in nats: 0 for equal logits, and never below.
double kl_divergence(std::span<const float> p, std::span<const float> q);

/// Norms of differences, added up over tokens.
struct RelativeNorm {
    double difference = 0, reference = 0; ///< sums of squares

    void add(std::span<const float> reference, std::span<const float> values);
    /// |values - reference| / |reference|: 0 where both are 0, infinite where only the latter is.
    double value() const;
};

} // namespace sweetspot

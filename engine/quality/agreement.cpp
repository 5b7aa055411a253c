#include "engine/quality/agreement.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace sweetspot {

namespace {

/// log(Σ exp(x)), with the largest taken out so that nothing overflows.
double log_sum(std::span<const float> x) {
    const double most = *std::max_element(x.begin(), x.end());
    double sum = 0;
    for (const float value : x) sum += std::exp(double(value) - most);
    return most + std::log(sum);
}

std::ptrdiff_t top_of(std::span<const float> x) {
    return std::max_element(x.begin(), x.end()) - x.begin();
}

} // namespace

void DifferenceCounts::add(double difference) {
    if (difference == 0) {
        ++equal;
        return;
    }
    const double place = (std::log10(difference) - least) * bins_a_decade;
    // What is not a number is as far off as can be.
    const double bin = std::isnan(place) ? size : std::floor(place);
    ++bins[std::size_t(std::clamp(bin, 0.0, double(size - 1)))];
}

Spread::Spread(std::span<const float> reference) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const float logit : reference)
        if (std::isfinite(logit)) {
            low = std::min(low, double(logit));
            high = std::max(high, double(logit));
        }
    if (!(low < high)) return;
    low_ = low;
    width_ = (high - low) / size;
}

int Spread::bin_of(float logit) const {
    const double place = (double(logit) - low_) / width_;
    return std::isnan(place) ? size - 1 : int(std::clamp(place, 0.0, double(size - 1)));
}

void Spread::add(std::span<const float> reference, std::span<const float> logits) {
    for (const float logit : reference) ++reference_[std::size_t(bin_of(logit))];
    for (const float logit : logits) ++run_[std::size_t(bin_of(logit))];
}

double kl_divergence(std::span<const float> p, std::span<const float> q) {
    const double log_p = log_sum(p), log_q = log_sum(q);
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
        const double log_of_p = double(p[i]) - log_p;
        sum += std::exp(log_of_p) * (log_of_p - (double(q[i]) - log_q));
    }
    return sum < 0 ? 0 : sum; // rounding may bring equals below; not a number stays
}

double Agreement::add(std::span<const float> reference, std::span<const float> logits) {
    double largest = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const double difference = std::abs(double(logits[i]) - double(reference[i]));
        if (!(difference <= largest) && !std::isnan(largest)) largest = difference;
        sum_ += difference;
        counts_.add(difference);
    }
    values_ += std::int64_t(logits.size());
    same_top_ += top_of(reference) == top_of(logits);
    divergences_.push_back(kl_divergence(reference, logits));
    if (!(largest <= largest_) && !std::isnan(largest_)) largest_ = largest;
    return largest;
}

void RelativeNorm::add(std::span<const float> of_reference, std::span<const float> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double r = of_reference[i], d = double(values[i]) - r;
        difference += d * d;
        reference += r * r;
    }
}

double RelativeNorm::value() const {
    if (difference == 0) return 0;
    return reference == 0 ? std::numeric_limits<double>::infinity()
                          : std::sqrt(difference / reference);
}

} // namespace sweetspot

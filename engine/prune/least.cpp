#include "engine/prune/least.h"
#include <algorithm>

namespace sweetspot {

Cut cut_of(std::span<Score> scores, std::int64_t count) {
    if (count <= 0) return {};
    const auto place = scores.begin() + (count - 1);
    std::nth_element(scores.begin(), place, scores.end());
    const Score at = *place;
    return {at, count - std::count_if(scores.begin(), place, [&](Score s) { return s < at; })};
}

std::uint32_t SizeCount::bucket(std::int64_t& left) const {
    std::uint32_t i = 0;
    for (; i + 1 < counts_.size() && left > counts_[i]; ++i) left -= counts_[i];
    return i;
}

void SizeCount::narrow(double sparsity) {
    left_ = share_of(sparsity, all_);
    upper_ = bucket(left_);
    std::fill(counts_.begin(), counts_.end(), 0);
    narrowed_ = true;
}

Cut SizeCount::cut() const {
    std::int64_t left = left_;
    const std::uint32_t lower = bucket(left);
    return {score_of(std::bit_cast<float>(upper_ << 16 | lower)), left};
}

} // namespace sweetspot

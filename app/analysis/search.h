#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace sweetspot {

/// How one value of what is sought fared.
struct SearchStep {
    std::int64_t value = 0;
    bool predicted = true; ///< by the device plan; else by a run
    bool fits = false;
};

struct SearchResult {
    std::optional<std::int64_t> largest{}; ///< that was confirmed by a run; nothing if none fits
    bool bounded = false;            ///< the limit of the range was reached, not of the memory
    std::vector<SearchStep> steps{}; ///< in their order
};

/// The largest value from `least` to `most` that fits, where smaller ones fit if a larger one does:
/// by prediction first (doubling, then halving), which costs nothing, then confirmed by a run.
/// After a run that does not fit, halving goes on between what ran and what did not, by runs.
/// `predict` gives nothing where prediction says nothing, which counts as fitting; `confirm` gives
/// nothing to end the search: then the largest so far stands.
SearchResult search_largest(std::int64_t least, std::int64_t most,
                            const std::function<std::optional<bool>(std::int64_t)>& predict,
                            const std::function<std::optional<bool>(std::int64_t)>& confirm);

} // namespace sweetspot

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

/// The search below, a question at a time, for who cannot wait for answers: it can be left between
/// two for as long as one likes.
class LargestSearch {
public:
    LargestSearch(std::int64_t least, std::int64_t most);

    struct Question {
        std::int64_t value = 0;
        bool predicted = true; ///< whether the device plan is asked, or a run
    };
    /// Nothing when the search is over.
    std::optional<Question> next() const;
    /// The answer to next(); nothing: as search_largest() has it.
    void tell(std::optional<bool> fits);
    const SearchResult& result() const { return result_; }

private:
    enum class Phase { first, doubling, halving, confirming, falling_back, by_runs, over };
    void told(std::int64_t value, bool fits);

    std::int64_t least_, most_;
    std::int64_t good_ = 0, bad_ = 0; ///< fits, does not, as far as the phase's answers go
    Phase phase_;
    SearchResult result_{};
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

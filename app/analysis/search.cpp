#include "app/analysis/search.h"
#include <algorithm>

namespace sweetspot {

namespace {

/// The largest of [low, high] for which `fits` holds, if it holds for `low` and not for `high`.
template <class Fits>
std::int64_t between(std::int64_t low, std::int64_t high, const Fits& fits) {
    while (high - low > 1) {
        const auto middle = low + (high - low) / 2;
        (fits(middle) ? low : high) = middle;
    }
    return low;
}

} // namespace

SearchResult search_largest(std::int64_t least, std::int64_t most,
                            const std::function<std::optional<bool>(std::int64_t)>& predict,
                            const std::function<std::optional<bool>(std::int64_t)>& confirm) {
    SearchResult result;
    const auto predicted = [&](std::int64_t value) {
        const bool fits = predict(value).value_or(true);
        result.steps.push_back({value, true, fits});
        return fits;
    };
    if (least > most || !predicted(least)) return result;
    std::int64_t good = least, bad = most + 1;
    while (good < most) {
        const auto next = good > most / 2 ? most : std::max(good * 2, good + 1);
        if (!predicted(next)) {
            bad = next;
            break;
        }
        good = next;
    }
    if (bad <= most) good = between(good, bad, predicted);

    bool over = false; // somebody ended it
    const auto confirmed = [&](std::int64_t value) {
        const auto fits = over ? std::optional<bool>() : confirm(value);
        over = over || !fits;
        if (!over) result.steps.push_back({value, false, *fits});
        return fits.value_or(false);
    };
    if (confirmed(good)) {
        result.largest = good;
        result.bounded = good == most;
        return result;
    }
    if (over || good == least || !confirmed(least)) return result;
    const auto found = between(least, good, confirmed);
    result.largest = found; // of a search that was ended: the largest that ran
    return result;
}

} // namespace sweetspot

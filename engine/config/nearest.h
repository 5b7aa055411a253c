#pragma once
#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

/// How many letters must be put in, left out, changed or swapped with the next to make one word of
/// the other.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t(0));
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({row[j - 1] + 1, last[j] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

/// The name that takes the fewest changes, or the one that `wrong` begins; "" if there are none.
template <class Names>
std::string nearest(std::string_view wrong, const Names& names) {
    std::string best;
    std::size_t least = std::string::npos;
    for (const std::string_view name : names) {
        const bool begun = wrong.size() >= 3 && name.starts_with(wrong);
        const std::size_t distance = begun ? 1 : edit_distance(wrong, name);
        if (distance < least) {
            least = distance;
            best = name;
        }
    }
    return best;
}

/// Whether a person who wrote `wrong` may well have meant `right`.
inline bool is_near(std::string_view wrong, std::string_view right) {
    return (wrong.size() >= 3 && right.starts_with(wrong)) ||
           edit_distance(wrong, right) <= std::max<std::size_t>(1, wrong.size() / 3);
}

/// `; did you mean "flash"?` for the end of a sentence about a wrong name, or all the names there
/// are where none is near: ` (naive, flash)`.
template <class Names>
std::string did_you_mean(std::string_view wrong, const Names& names) {
    if (const auto best = nearest(wrong, names); is_near(wrong, best))
        return "; did you mean \"" + best + "\"?";
    std::string all;
    for (const std::string_view name : names)
        all += (all.empty() ? " (" : ", ") + std::string(name);
    return all.empty() ? all : all + ")";
}

} // namespace sweetspot

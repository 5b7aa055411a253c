#include "app/analysis/pair_words.h"
#include "app/analysis/format.h"
#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>

// Pairs of runs in words. A mean over pairs is one of ratios, so that it does not matter which of
// two is A.

namespace sweetspot {

std::string ratio_text(const MetricComparison& m) {
    if (!std::isfinite(m.ratio)) return "from 0";
    std::string text = format_number(m.ratio, 4);
    if (m.ratio_low != m.ratio_high)
        text +=
            " (" + format_number(m.ratio_low, 4) + " to " + format_number(m.ratio_high, 4) + ")";
    return text;
}

std::string verdict_text(const MetricComparison& m) {
    const auto better = find_metric(m.metric)->better;
    const bool less = m.ratio < 1;
    switch (m.verdict) {
    case Verdict::same: return "same";
    case Verdict::undecided:
        return m.ratio == 1 && m.needs.empty() ? "same"
               : better == Better::neither     ? "different"
                                               : "undecided";
    case Verdict::not_comparable: return "not comparable";
    case Verdict::better:
    case Verdict::worse: break;
    }
    const std::string unit(find_metric(m.metric)->unit);
    const bool fast = m.verdict == Verdict::better;
    if (unit == "s" || unit == "tokens/s" || unit == "FLOP/s") return fast ? "faster" : "slower";
    return std::string(less ? "less" : "more") + (fast ? ", better" : ", worse");
}

std::vector<std::string> summaries_of(const Pairs& found) {
    std::vector<std::string> said;
    for (const std::string name : pair_metrics) {
        double sum = 0, least = INFINITY, most = 0;
        int count = 0;
        std::map<std::string, int> verdicts;
        for (const auto& pair : found.pairs)
            for (const auto& m : pair.comparison.metrics) {
                if (m.metric != name) continue;
                ++verdicts[verdict_text(m)];
                if (!(m.ratio > 0) || !std::isfinite(m.ratio)) continue;
                sum += std::log(m.ratio);
                least = std::min(least, m.ratio);
                most = std::max(most, m.ratio);
                ++count;
            }
        if (count == 0) continue;
        std::string title(find_metric(name)->title);
        title[0] = char(std::toupper(title[0]));
        std::string told;
        for (const auto& [verdict, times] : verdicts)
            told += (told.empty() ? "" : ", ") + std::to_string(times) + " " + verdict;
        said.push_back(title + " over " + std::to_string(count) +
                       (count == 1 ? " pair: × " : " pairs: × ") +
                       format_number(std::exp(sum / count)) + " in the geometric mean (" +
                       format_number(least) + " to " + format_number(most) + "); " + told + ".");
    }
    return said;
}

std::vector<std::string> needs_of(const std::vector<Pair>& pairs) {
    std::map<std::string, std::set<std::string>> metrics; // by what they need
    for (const auto& pair : pairs)
        for (const auto& m : pair.comparison.metrics)
            if (!m.needs.empty())
                metrics[(m.verdict == Verdict::undecided ? "Undecided: " : "Not comparable: ") +
                        m.needs]
                    .insert(std::string(find_metric(m.metric)->title));
    std::vector<std::string> said;
    for (const auto& [needs, of] : metrics) {
        std::string names;
        for (const auto& name : of) names += (names.empty() ? "" : ", ") + name;
        said.push_back(needs + " (" + names + ").");
    }
    return said;
}

std::vector<std::string> warnings_of(const Pairs& found) {
    std::vector<std::string> said;
    if (found.only_a + found.only_b > 0)
        said.push_back(std::to_string(found.only_a) + " finished runs of A and " +
                       std::to_string(found.only_b) + " of B have no counterpart.");
    if (found.doubted > 0)
        said.push_back(std::to_string(found.doubted) + " of " + std::to_string(found.judged) +
                       " verdicts on times are taken back: so many at once would be false by "
                       "chance more often than once in " +
                       format_number(1 / family_error, 2) + " such tables (Holm).");
    else if (found.judged > 1 && found.pairs.size() > 1)
        said.push_back("All " + std::to_string(found.judged) +
                       " verdicts on times hold together: one is false by chance at most once in " +
                       format_number(1 / family_error, 2) + " such tables (Holm).");
    for (const auto& pair : found.pairs)
        for (const auto& warning : pair.comparison.warnings)
            if (std::find(said.begin(), said.end(), warning) == said.end() &&
                (found.pairs.size() == 1 ||
                 (!warning.starts_with("A is noisy") && !warning.starts_with("B is noisy"))))
                said.push_back(warning);
    return said;
}

} // namespace sweetspot

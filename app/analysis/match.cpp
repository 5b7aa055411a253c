#include "app/analysis/match.h"
#include "app/analysis/series.h"
#include <algorithm>

// Two groups of runs side by side: which run stands for which, and what many verdicts at once are
// worth.

namespace sweetspot {

namespace {

std::vector<std::string> changed_fields(std::span<const RunRecord> a,
                                        std::span<const RunRecord> b) {
    const auto within_a = varying_fields(a), within_b = varying_fields(b);
    std::vector<std::string> changed;
    for (const RunField& field : run_fields()) {
        const std::string name(field.name);
        const auto varies = [&](const auto& names) {
            return std::find(names.begin(), names.end(), name) != names.end();
        };
        if (!varies(within_a) && !varies(within_b) &&
            field.get(a.front().config) != field.get(b.front().config))
            changed.push_back(name);
    }
    return changed;
}

std::vector<const RunRecord*> finished(std::span<const RunRecord> runs) {
    std::vector<const RunRecord*> done;
    for (const auto& run : runs)
        if (run.status == RunStatus::done) done.push_back(&run);
    return done;
}

/// Rates are what steps took, turned over: they ask nothing more.
bool is_asked(const MetricComparison& m) {
    return m.chance && !made_of_steps(m.metric);
}

bool is_change(const MetricComparison& m) {
    return m.verdict == Verdict::better || m.verdict == Verdict::worse;
}

bool doubt(MetricComparison& m, std::size_t count) {
    if (!is_change(m)) return false;
    m.verdict = Verdict::undecided;
    m.needs = "it would be clear alone, but of " + std::to_string(count) +
              " verdicts at once some are so by chance (Holm): more rounds would tell";
    return true;
}

/// What is made of a step's time or energy that is doubted is doubted with it.
void follow_steps(Comparison& comparison, std::size_t count) {
    const auto stands = [&](std::string_view took) {
        return std::any_of(comparison.metrics.begin(), comparison.metrics.end(),
                           [&](const auto& m) { return m.metric == took && is_change(m); });
    };
    for (auto& m : comparison.metrics)
        if (const auto made = made_of_steps(m.metric); made && m.chance && !stands(made->took))
            doubt(m, count);
}

/// Why nothing of A stands for anything of B.
std::string why_none(std::span<const RunRecord> a, std::span<const RunRecord> b) {
    if (finished(a).empty()) return "No run of A is done.";
    if (finished(b).empty()) return "No run of B is done.";
    std::string fields;
    const auto within_a = varying_fields(a), within_b = varying_fields(b);
    for (const RunField& field : run_fields()) {
        const std::string name(field.name);
        const bool in_a = std::find(within_a.begin(), within_a.end(), name) != within_a.end(),
                   in_b = std::find(within_b.begin(), within_b.end(), name) != within_b.end();
        if (!in_a && !in_b) continue;
        const auto values = [&](std::span<const RunRecord> runs) {
            std::vector<std::string> all;
            for (const auto& run : runs) all.push_back(field.get(run.config));
            std::sort(all.begin(), all.end());
            return all;
        };
        const auto of_a = values(a), of_b = values(b);
        std::vector<std::string> common;
        std::set_intersection(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(),
                              std::back_inserter(common));
        if (common.empty() || in_a != in_b) fields += (fields.empty() ? "" : ", ") + name;
    }
    return "No finished run of A has a counterpart in B: they have no points in common" +
           (fields.empty() ? "." : " (" + fields + ").");
}

} // namespace

Pairs match(std::span<const RunRecord> a, std::span<const RunRecord> b,
            const CompareOptions& options) {
    Pairs found;
    if (a.empty() || b.empty()) {
        found.problem = a.empty() ? "There is no run in A." : "There is no run in B.";
        return found;
    }
    if (a.size() == 1 && b.size() == 1) {
        found.pairs.push_back({&a[0], &b[0], compare(a[0], b[0], options)});
    } else {
        found.changed = changed_fields(a, b);
        const auto in_a = finished(a);
        auto left = finished(b);
        found.only_b = int(left.size());
        for (const auto* run : in_a) {
            RunConfig wanted = run->config;
            for (const auto& field : found.changed)
                set_field(wanted, field, get_field(b.front().config, field));
            const auto other = std::find_if(left.begin(), left.end(), [&](const RunRecord* in) {
                return in->config == wanted;
            });
            if (other == left.end()) {
                ++found.only_a;
                continue;
            }
            found.pairs.push_back({run, *other, compare(*run, **other, options)});
            left.erase(other);
            --found.only_b;
        }
        if (found.pairs.empty()) found.problem = why_none(a, b);
    }
    for (const auto& pair : found.pairs)
        for (const auto& m : pair.comparison.metrics) found.judged += is_asked(m);
    found.doubted = control_false_verdicts(found.pairs);
    return found;
}

int control_false_verdicts(std::vector<Pair>& pairs) {
    std::vector<MetricComparison*> asked;
    for (auto& pair : pairs)
        for (auto& m : pair.comparison.metrics)
            if (is_asked(m)) asked.push_back(&m);
    std::stable_sort(asked.begin(), asked.end(),
                     [](const auto* a, const auto* b) { return *a->chance < *b->chance; });
    const auto count = asked.size();
    std::size_t kept = 0;
    while (kept < count && *asked[kept]->chance <= family_error / double(count - kept)) ++kept;
    int doubted = 0;
    for (std::size_t i = kept; i < count; ++i) doubted += doubt(*asked[i], count);
    for (auto& pair : pairs) follow_steps(pair.comparison, count);
    return doubted;
}

} // namespace sweetspot

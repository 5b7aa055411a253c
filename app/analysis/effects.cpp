#include "app/analysis/effects.h"
#include "app/analysis/series.h"
#include <algorithm>
#include <cmath>
#include <unordered_map>

// What each optimization gave: the runs that differ in it alone, as pairs, and the mean of their
// ratios.

namespace sweetspot {

namespace {

/// The geometric mean of ratios, with the least and the greatest.
class RatioMean {
public:
    void add(double ratio) {
        sum_ += std::log(ratio);
        least_ = count_ ? std::min(least_, ratio) : ratio;
        greatest_ = count_ ? std::max(greatest_, ratio) : ratio;
        ++count_;
    }
    void write(double& mean, double& least, double& greatest) const {
        if (count_ == 0) return;
        mean = std::exp(sum_ / count_);
        least = least_;
        greatest = greatest_;
    }

private:
    double sum_ = 0, least_ = 1, greatest_ = 1;
    int count_ = 0;
};

/// Adds what a metric became over what it was, if both are known.
bool add_ratio(RatioMean& mean, const RunRecord& before, const RunRecord& after,
               std::string_view metric) {
    const double a = value_of(before, metric).value_or(0), b = value_of(after, metric).value_or(0);
    if (a > 0 && b > 0) mean.add(b / a);
    return a > 0 && b > 0;
}

void add_turns(RoundRatios& all, const RunRecord& before, const RunRecord& after) {
    if (!flags_of(before).empty() || !flags_of(after).empty()) return;
    const auto ratios = round_ratios(before, after, "step_seconds");
    if (!ratios.turn_about) return;
    all.turns.insert(all.turns.end(), ratios.turns.begin(), ratios.turns.end());
    all.a.insert(all.a.end(), ratios.a.begin(), ratios.a.end());
    all.b.insert(all.b.end(), ratios.b.begin(), ratios.b.end());
}

/// Runs that are done, found by their configuration: among those that agree in the fields that vary
/// there are few. Each against each would take a view of ten thousand runs seconds.
class ByConfig {
public:
    ByConfig(std::span<const RunRecord> runs, const std::vector<std::string>& varying) {
        for (const auto& name : varying) fields_.push_back(find_field(name));
        for (const auto& run : runs)
            if (run.status == RunStatus::done) runs_[values_of(run.config)].push_back(&run);
    }
    /// Null if there is none.
    const RunRecord* find(const RunConfig& config) const {
        const auto near = runs_.find(values_of(config));
        if (near == runs_.end()) return nullptr;
        const auto found =
            std::find_if(near->second.begin(), near->second.end(),
                         [&](const RunRecord* run) { return run->config == config; });
        return found == near->second.end() ? nullptr : *found;
    }

private:
    std::string values_of(const RunConfig& config) const {
        std::string text;
        for (const auto* field : fields_) text += field->get(config) + '\n';
        return text;
    }

    std::vector<const RunField*> fields_;
    std::unordered_map<std::string, std::vector<const RunRecord*>> runs_;
};

Effect effect(std::span<const RunRecord> runs, const ByConfig& done, const std::string& field,
              const std::string& from, const std::string& to, double tolerance) {
    Effect result{.field = field, .from = from, .to = to};
    RatioMean time, memory;
    RoundRatios turns{.turn_about = true};
    for (const auto& before : runs) {
        if (before.status != RunStatus::done || get_field(before.config, field) != from) continue;
        RunConfig wanted = before.config;
        set_field(wanted, field, to);
        const auto* after = done.find(wanted);
        if (!after) continue;
        ++result.pairs;
        result.timed_pairs += add_ratio(time, before, *after, "step_seconds");
        add_ratio(memory, before, *after, "peak_bytes");
        add_turns(turns, before, *after);
    }
    if (!turns.turns.empty()) result.time_finding = judge_rounds(turns, tolerance);
    time.write(result.time_ratio, result.time_least, result.time_greatest);
    memory.write(result.memory_ratio, result.memory_least, result.memory_greatest);
    return result;
}

} // namespace

Verdict time_verdict(const Effect& effect) {
    switch (effect.time_finding.change) {
    case Change::same: return Verdict::same;
    case Change::less: return Verdict::better;
    case Change::more: return Verdict::worse;
    case Change::undecided: break;
    }
    return Verdict::undecided;
}

std::vector<Effect> effects(std::span<const RunRecord> runs, const CompareOptions& options) {
    std::vector<Effect> all;
    const auto varying = varying_fields(runs);
    const ByConfig done(runs, varying);
    for (const RunField& field : run_fields()) {
        const std::string name(field.name);
        if (field.group != Optimizations::group ||
            std::find(varying.begin(), varying.end(), name) == varying.end())
            continue;
        const auto values = categories(runs, name);
        for (std::size_t i = 1; i < values.size(); ++i)
            if (auto found = effect(runs, done, name, values[0], values[i], options.tolerance);
                found.pairs > 0)
                all.push_back(std::move(found));
    }
    return all;
}

} // namespace sweetspot

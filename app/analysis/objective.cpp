#include "app/analysis/objective.h"
#include "app/analysis/columns.h"
#include "engine/config/nearest.h"
#include "kernels/core/error.h"
#include <cmath>
#include <limits>

// What runs are weighed by: a metric as a number with bounds, better the lower, so that dominance
// means what verdicts mean.

namespace sweetspot {

namespace {

std::string joined_by_underscores(std::string_view words) {
    std::string text(words);
    for (char& c : text)
        if (c == ' ' || c == '-') c = '_';
    return text;
}

constexpr double unknown = std::numeric_limits<double>::infinity();

/// Of a positive number the values that it may have as well, by factors.
Bounded between(double value, double log_low, double log_high) {
    return {value, std::min(value, std::exp(log_low)), std::max(value, std::exp(log_high))};
}

} // namespace

const MetricInfo* metric_called(std::string_view name) {
    const auto wanted = joined_by_underscores(name);
    for (const auto& [called, metric] : objective_names)
        if (joined_by_underscores(called) == wanted) return find_metric(metric);
    for (const auto& metric : metric_catalogue)
        if (metric.name == wanted || joined_by_underscores(metric.title) == wanted) return &metric;
    return nullptr;
}

const MetricInfo& objective_called(std::string_view name) {
    const auto* metric = metric_called(name);
    if (!metric) {
        std::vector<std::string_view> names;
        for (const auto& [called, of] : objective_names) names.push_back(called);
        for (const auto& info : metric_catalogue)
            if (info.better != Better::neither) names.push_back(info.name);
        const auto best = nearest(name, names);
        throw Error(Failure::bad_input,
                    "There is no metric \"" + std::string(name) + "\"" +
                        (is_near(name, best) ? "; did you mean \"" + best + "\"?"
                                             : "; `sweetspot list metrics` shows them."));
    }
    if (metric->better == Better::neither)
        throw Error(Failure::bad_input,
                    std::string(metric->title) + " has no better direction: it is no objective.");
    return *metric;
}

Bounded bounded_value(double value, const MetricInfo& metric, Judgement judged,
                      std::span<const RoundValue> rounds, bool turn_about,
                      const CompareOptions& options) {
    Bounded bounded{value, value, value};
    switch (judged) {
    case Judgement::exact: break;
    case Judgement::single: bounded = {value, -unknown, unknown}; break;
    case Judgement::timed: {
        std::vector<double> logs;
        for (const auto& round : rounds) logs.push_back(std::log(round.value));
        const auto bounds = log_bounds(logs, turn_about, options.tolerance);
        bounded = between(value, bounds.low, bounds.high);
        break;
    }
    case Judgement::quality: {
        const double half = 0.5 * std::log1p(options.quality_tolerance);
        if (value > 0) bounded = between(value, std::log(value) - half, std::log(value) + half);
    }
    }
    if (metric.better == Better::higher) bounded = {-bounded.value, -bounded.high, -bounded.low};
    return bounded;
}

std::optional<Bounded> bounded_value(const RunRecord& run, const MetricInfo& metric,
                                     bool turn_about, const CompareOptions& options) {
    if (run.status != RunStatus::done || !why_no_value(run, metric).empty()) return {};
    const auto judged = judgement_of(run, metric.name);
    std::vector<RoundValue> rounds;
    if (judged == Judgement::timed && flags_of(run).empty())
        rounds = round_values(run, metric.name);
    return bounded_value(*value_of(run, metric.name), metric, judged, rounds, turn_about, options);
}

std::string why_no_value(const RunRecord& run, const MetricInfo& metric) {
    const auto value = value_of(run, metric.name);
    if (!value) return "has no " + std::string(metric.title);
    if (!std::isfinite(*value))
        return "has a " + std::string(metric.title) + " that is not a number";
    if (metric.judged == Judgement::quality && has_random_weights(run))
        return "has random weights, whose " + std::string(metric.title) + " says nothing";
    return {};
}

} // namespace sweetspot

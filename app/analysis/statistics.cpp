#include "app/analysis/statistics.h"
#include <cmath>

namespace sweetspot {

namespace {

/// Samples of metrics that are `work` a step over the step's time.
std::vector<double> rates(const RunRecord& run, std::string_view work) {
    auto values = samples_of(run, "step_seconds");
    const auto done = value_of(run, work);
    if (!done) return {};
    for (double& v : values) v = v > 0 ? *done / v : 0;
    return values;
}

std::optional<double> quotient(const RunRecord& run, std::string_view a, std::string_view b) {
    const auto above = value_of(run, a), below = value_of(run, b);
    if (!above || !below || *below <= 0) return {};
    return *above / *below;
}

} // namespace

std::vector<double> samples_of(const RunRecord& run, std::string_view metric) {
    std::vector<double> values;
    if (const auto found = run.samples.find(std::string(metric)); found != run.samples.end())
        for (const auto& sample : found->second)
            if (!sample.warmup) values.push_back(sample.value);
    if (values.empty() && metric == "tokens_per_second") return rates(run, "tokens_nominal");
    if (values.empty() && metric == "flops_per_second") return rates(run, "flops");
    return values;
}

std::optional<Summary> summarize(const RunRecord& run, std::string_view metric) {
    const auto values = samples_of(run, metric);
    if (values.empty()) return {};
    return summarize(values);
}

std::optional<double> value_of(const RunRecord& run, std::string_view metric) {
    if (const auto found = run.metrics.find(std::string(metric)); found != run.metrics.end())
        return found->second;
    if (metric == "tokens_per_second") return quotient(run, "tokens_nominal", "step_seconds");
    if (metric == "flops_per_second") return quotient(run, "flops", "step_seconds");
    if (metric == "padding_efficiency") return quotient(run, "tokens_nominal", "tokens_computed");
    if (metric == "perplexity") {
        const auto loss = value_of(run, "loss_nats");
        return loss ? std::optional(std::exp(*loss)) : std::nullopt;
    }
    auto values = samples_of(run, metric);
    if (values.empty()) return {};
    return median(std::move(values));
}

} // namespace sweetspot

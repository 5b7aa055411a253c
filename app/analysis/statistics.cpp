#include "app/analysis/statistics.h"
#include "app/analysis/metrics_of_runs.h"
#include "app/analysis/roofline.h"
#include "app/analysis/rounds.h"
#include "app/experiment/metrics.h"
#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

// A record's numbers: its samples, those made of others, and what forbids a verdict on them. The
// statistics themselves are app/experiment's, which the worker stops by.

namespace sweetspot {

namespace {

constexpr double most_disturbance = 0.05;

/// Where a record's map holds a name. Views ask a million times: no text is made for each.
template <class Map>
auto find_named(const Map& map, std::string_view name) {
    thread_local std::string key;
    key = name;
    return map.find(key);
}

/// What a round that was stopped left is no sample of the run.
bool is_over(const RunRecord& run, int round) {
    return std::any_of(run.rounds.begin(), run.rounds.end(),
                       [&](const Round& r) { return r.index == round; });
}

/// That a round's samples are the run's, and this is one of them.
bool counts(const RunRecord& run, const Measured& sample) {
    return !sample.warmup && (run.rounds.empty() || is_over(run, sample.round));
}

std::vector<double> samples_made(const RunRecord& run, const MadeOfSteps& made) {
    auto values = samples_of(run, made.took);
    const auto done = value_of(run, made.work);
    if (!done || *done <= 0) return {};
    for (double& v : values) v = v > 0 ? made.of(v, *done) : 0;
    return values;
}

/// What padding took of a quantity, as if all computed tokens took as much.
std::optional<double> of_padding(const RunRecord& run, std::string_view metric) {
    const auto whole = value_of(run, metric), useful = value_of(run, "padding_efficiency");
    if (!whole || !useful) return {};
    return *whole * std::max(0.0, 1 - *useful);
}

std::optional<double> value_of(const RunRecord& run, const Percentile& percentile) {
    const auto found = find_named(run.samples, percentile.of);
    if (found == run.samples.end() || int(found->second.size()) < percentile.fewest) return {};
    auto values = samples_of(run, percentile.of);
    if (int(values.size()) < percentile.fewest) return {};
    std::sort(values.begin(), values.end());
    return quantile(values, percentile.share);
}

std::optional<double> quotient(const RunRecord& run, std::string_view a, std::string_view b) {
    const auto above = value_of(run, a), below = value_of(run, b);
    if (!above || !below || *below <= 0) return {};
    return *above / *below;
}

std::optional<double> data_sheet_mfu(const RunRecord& run) {
    if (run.config.device != DeviceKind::cuda) return {};
    const auto gpu = run.environment.find("gpu");
    const auto rate = value_of(run, "flops_per_second");
    if (gpu == run.environment.end() || !rate) return {};
    const double peak =
        data_sheet_flops(gpu->second, has_16_bits(run.config.precision) ? DType::bf16 : DType::f32);
    return peak > 0 ? std::optional(*rate / peak) : std::nullopt;
}

std::optional<double> of_steps(const RunRecord& run, std::string_view metric) {
    const auto made = made_of_steps(metric);
    const auto step = value_of(run, made->took), work = value_of(run, made->work);
    if (!step || !work || *step <= 0 || *work <= 0) return {};
    return made->of(*step, *work);
}

/// What is not recorded and no sample's: made of other metrics. A table, since a page asks for each
/// metric of ten thousand runs, and most have few.
struct Made {
    std::optional<double> (*make)(const RunRecord&);
    std::vector<std::string_view> of; ///< where one of these is nobody's, so is it
};
const std::unordered_map<std::string_view, Made>& made_metrics() {
    using Run = const RunRecord&;
    static const std::unordered_map<std::string_view, Made> all{
        {"tokens_per_second",
         {[](Run run) { return of_steps(run, "tokens_per_second"); },
          {"step_seconds", "tokens_nominal"}}},
        {"flops_per_second",
         {[](Run run) { return of_steps(run, "flops_per_second"); }, {"step_seconds", "flops"}}},
        {"kilotoken_seconds",
         {[](Run run) { return of_steps(run, "kilotoken_seconds"); },
          {"step_seconds", "tokens_nominal"}}},
        {"kilotoken_joules",
         {[](Run run) { return of_steps(run, "kilotoken_joules"); },
          {"step_joules", "tokens_nominal"}}},
        {"kept_rounds",
         {[](Run run) -> std::optional<double> {
              const auto rounds = samples_of(run, "kept_rounds").size();
              return rounds ? std::optional(double(rounds)) : std::nullopt;
          },
          {}}},
        {"padding_efficiency",
         {[](Run run) { return quotient(run, "tokens_nominal", "tokens_computed"); },
          {"tokens_nominal", "tokens_computed"}}},
        {"mfu",
         {[](Run run) { return quotient(run, "flops_per_second", "ceiling_flops_per_second"); },
          {"flops_per_second", "ceiling_flops_per_second"}}},
        {"bandwidth_use",
         {[](Run run) -> std::optional<double> {
              const auto seconds = quotient(run, "bytes_moved", "ceiling_bytes_per_second"),
                         step = value_of(run, "step_seconds");
              return seconds && step && *step > 0 ? std::optional(*seconds / *step) : std::nullopt;
          },
          {"bytes_moved", "ceiling_bytes_per_second", "step_seconds"}}},
        {"data_sheet_mfu", {data_sheet_mfu, {"flops_per_second"}}},
        {"padding_seconds",
         {[](Run run) { return of_padding(run, "step_seconds"); },
          {"step_seconds", "padding_efficiency"}}},
        {"padding_bytes",
         {[](Run run) { return of_padding(run, "peak_activations_bytes"); },
          {"peak_activations_bytes", "padding_efficiency"}}},
        {"prediction_error_bytes",
         {[](Run run) -> std::optional<double> {
              const auto predicted = value_of(run, "predicted_peak_bytes"),
                         measured = value_of(run, "peak_bytes");
              return predicted && measured ? std::optional(*predicted - *measured) : std::nullopt;
          },
          {"predicted_peak_bytes", "peak_bytes"}}},
        {"perplexity",
         {[](Run run) -> std::optional<double> {
              const auto loss = value_of(run, "loss_nats");
              return loss ? std::optional(std::exp(*loss)) : std::nullopt;
          },
          {"loss_nats"}}}};
    return all;
}

using MetricNames = std::unordered_set<std::string_view>;

/// What the runs have recorded, as numbers or samples. Most have what the one before them has.
MetricNames recorded_by(std::span<const RunRecord> runs) {
    MetricNames names;
    const auto add = [&](const auto& map, const auto* before) {
        const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
        if (before && std::equal(map.begin(), map.end(), before->begin(), before->end(), same))
            return;
        for (const auto& [name, _] : map) names.insert(name);
    };
    const RunRecord* before = nullptr;
    for (const auto& run : runs) {
        add(run.metrics, before ? &before->metrics : nullptr);
        add(run.samples, before ? &before->samples : nullptr);
        before = &run;
    }
    return names;
}

/// Whether a run that recorded these could have a metric.
bool may_have(const MetricNames& recorded, std::string_view metric) {
    if (recorded.contains(metric)) return true;
    if (const auto percentile = percentile_of(metric)) return recorded.contains(percentile->of);
    const auto made = made_metrics().find(metric);
    return made != made_metrics().end() && !made->second.of.empty() &&
           std::ranges::all_of(made->second.of, [&](auto of) { return may_have(recorded, of); });
}

} // namespace

std::optional<MadeOfSteps> made_of_steps(std::string_view metric) {
    if (metric == "tokens_per_second") return MadeOfSteps{"tokens_nominal"};
    if (metric == "flops_per_second") return MadeOfSteps{"flops"};
    if (metric == "kilotoken_seconds") return MadeOfSteps{"tokens_nominal", false};
    if (metric == "kilotoken_joules") return MadeOfSteps{"tokens_nominal", false, "step_joules"};
    return {};
}

std::optional<Percentile> percentile_of(std::string_view metric) {
    if (metric.find("_p9") == metric.npos) return {}; // of most
    for (const std::string_view of : {"step_seconds", "decode_seconds"}) {
        const auto phase = of.substr(0, of.find('_'));
        if (!metric.starts_with(phase) || !metric.ends_with("_seconds")) continue;
        const auto which = metric.substr(phase.size(), metric.size() - of.size());
        if (which == "_p90") return Percentile{of, 0.90, 10};
        if (which == "_p95") return Percentile{of, 0.95, 20};
        if (which == "_p99") return Percentile{of, 0.99, 100};
    }
    return {};
}

std::vector<double> samples_of(const RunRecord& run, std::string_view metric) {
    std::vector<double> values;
    if (const auto found = find_named(run.samples, metric); found != run.samples.end()) {
        values.reserve(found->second.size());
        for (const auto& sample : found->second)
            if (counts(run, sample)) values.push_back(sample.value);
    }
    if (const auto made = made_of_steps(metric); made && values.empty())
        return samples_made(run, *made);
    return values;
}

bool has_samples(const RunRecord& run, std::string_view metric) {
    const auto found = find_named(run.samples, metric);
    if (found != run.samples.end() &&
        std::any_of(found->second.begin(), found->second.end(),
                    [&](const Measured& sample) { return counts(run, sample); }))
        return true;
    const auto made = made_of_steps(metric);
    if (!made || !has_samples(run, made->took)) return false;
    const auto done = value_of(run, made->work);
    return done && !(*done <= 0);
}

std::optional<Summary> summarize(const RunRecord& run, std::string_view metric) {
    const auto values = samples_of(run, metric);
    if (values.empty()) return {};
    auto summary = summarize(values);
    summary.median = value_of(run, metric).value_or(summary.median);
    return summary;
}

Outliers outliers_of(const RunRecord& run, std::string_view metric) {
    constexpr int fewest = 10;
    constexpr double fence = 3, least = 0.05;
    const auto found = find_named(run.samples, metric);
    if (found == run.samples.end()) return {};
    std::map<int, std::vector<double>> rounds;
    for (const auto& sample : found->second)
        if (counts(run, sample)) rounds[sample.round].push_back(sample.value);
    std::vector<double> ratios;
    for (const auto& [round, values] : rounds) {
        const double middle = median(values);
        for (const double value : values)
            if (middle > 0) ratios.push_back(value / middle);
    }
    Outliers outliers{.of = int(ratios.size())};
    if (outliers.of < fewest) return outliers;
    std::sort(ratios.begin(), ratios.end());
    const double low = quantile(ratios, 0.25), high = quantile(ratios, 0.75);
    const double reach = fence * (high - low);
    for (const double ratio : ratios)
        if (std::abs(ratio - 1) > least && (ratio > high + reach || ratio < low - reach)) {
            ++outliers.count;
            if (std::abs(ratio - 1) > std::abs(outliers.furthest - 1)) outliers.furthest = ratio;
        }
    return outliers;
}

std::vector<std::string> flags_of(const RunRecord& run) {
    std::vector<std::string> flags;
    const auto others = samples_of(run, "disturbance");
    if (std::any_of(others.begin(), others.end(), [](double d) { return d > most_disturbance; }))
        flags.push_back("disturbed"); // first: it is often why a run is noisy
    if (run.config.noise <= 0) return flags;
    const auto steps = summarize(run, "step_seconds");
    if (steps && relative_noise(*steps) > run.config.noise) flags.push_back("noisy");
    return flags;
}

void keep_values(RunRecord& run) {
    std::vector<std::pair<std::string_view, double>> made;
    for (const auto& metric : metric_catalogue)
        if (const auto value = value_of(run, metric.name)) made.emplace_back(metric.name, *value);
    for (const auto& [name, value] : made) run.metrics.emplace(name, value);
}

std::unordered_set<std::string_view> metrics_of_runs(std::span<const RunRecord> runs) {
    const auto recorded = recorded_by(runs);
    MetricNames found;
    for (const auto& metric : metric_catalogue)
        if (may_have(recorded, metric.name) && std::ranges::any_of(runs, [&](const RunRecord& run) {
                return value_of(run, metric.name).has_value();
            }))
            found.insert(metric.name);
    return found;
}

std::optional<double> value_of(const RunRecord& run, std::string_view metric) {
    if (const auto found = find_named(run.metrics, metric); found != run.metrics.end())
        return found->second;
    if (const auto found = made_metrics().find(metric); found != made_metrics().end())
        return found->second.make(run);
    if (const auto percentile = percentile_of(metric)) return value_of(run, *percentile);
    if (find_named(run.samples, metric) == run.samples.end()) return {}; // of most metrics
    if (const auto rounds = round_values(run, metric); rounds.size() > 1) {
        double sum = 0;
        for (const auto& round : rounds) sum += std::log(round.value);
        return std::exp(sum / double(rounds.size()));
    }
    auto values = samples_of(run, metric);
    if (values.empty()) return {};
    return median(std::move(values));
}

} // namespace sweetspot

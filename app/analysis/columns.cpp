#include "app/analysis/columns.h"
#include "app/analysis/format.h"
#include "app/analysis/metrics_of_runs.h"
#include "app/analysis/series.h"
#include "app/experiment/rounds.h"
#include "engine/config/catalogue.h"
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

// The table of runs as values. A column is a field that varies or a metric that some run has; what
// is worth a column, in which order and unit, and how a cell reads is decided here, once for the
// window's table, the command line's and the report's.

namespace sweetspot {

namespace {

constexpr int digits = 4;

std::string words_of(std::string_view name) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
}

bool any_has(std::span<const RunRecord> runs, const RunColumn& column) {
    return std::any_of(runs.begin(), runs.end(),
                       [&](const RunRecord& run) { return cell_value(column, run).has_value(); });
}

/// Metrics that some run has, the usual ones first.
std::vector<RunColumn> metric_columns(std::span<const RunRecord> runs) {
    const auto had = metrics_of_runs(runs);
    std::vector<const MetricInfo*> metrics;
    for (const auto name : usual_metrics)
        if (had.contains(name)) metrics.push_back(find_metric(name));
    for (const auto& metric : metric_catalogue)
        if (metric.usual == 0 && had.contains(metric.name)) metrics.push_back(&metric);
    auto columns = metric_columns(runs, metrics);
    // Work where there is no rate, as in plans; loss where it has no perplexity.
    const std::string_view work = had.contains("flops_per_second") ? "flops_per_second" : "flops";
    const std::string_view loss = had.contains("perplexity") ? "" : "loss_nats";
    constexpr std::string_view shown[] = {"step_joules",   "kilotoken_joules", "mfu",
                                          "bandwidth_use", "pearson",          "spearman",
                                          "rmse",          "accuracy",         "macro_f1"};
    for (auto& column : columns)
        column.usual = find_metric(column.name)->usual > 0 || column.name == work ||
                       column.name == loss ||
                       std::ranges::find(shown, column.name) != std::end(shown);
    return columns;
}

/// That the cap of samples came before the time that was asked for; "" if it did not.
std::string time_left(const RunRecord& run) {
    if (run.status != RunStatus::done || run.config.min_seconds <= 0) return {};
    const auto steps = samples_of(run, "step_seconds");
    const double total = std::accumulate(steps.begin(), steps.end(), 0.0);
    if (int(steps.size()) < run.config.max_repeats || total >= run.config.min_seconds) return {};
    return "ended by max_repeats, " + to_text(run.config.max_repeats) + " steps, after " +
           format_duration(total) + " of the " + format_duration(run.config.min_seconds) +
           " asked for by min_seconds";
}

/// That warming up ended before it had the steps that were asked for; "" if it did not.
std::string warmed_less(const RunRecord& run) {
    const auto found = run.samples.find("step_seconds");
    if (run.status != RunStatus::done || found == run.samples.end()) return {};
    std::map<int, int> rounds;
    for (const auto& sample : found->second)
        if (sample.warmup) ++rounds[sample.round];
    for (const auto& [round, steps] : rounds)
        if (steps < run.config.warmup)
            return "warmed up by " + to_text(steps) + " of " + to_text(run.config.warmup) +
                   " steps, which took ten times min_seconds";
    return {};
}

std::string outliers_text(const Outliers& outliers) {
    return to_text(outliers.count) + " of " + to_text(outliers.of) +
           " samples lie far from the others, the furthest at " +
           format_number(outliers.furthest, 3) + " times the median";
}

/// That memory was not what was predicted; "" if it was, within one percent.
std::string misprediction(const RunRecord& run) {
    constexpr double share = 0.01;
    const auto error = value_of(run, "prediction_error_bytes");
    if (run.status != RunStatus::done || !error) return {};
    const double measured = *value_of(run, "peak_bytes");
    if (!(std::abs(*error) > share * measured)) return {};
    return "peak memory is " + format_value(measured, "bytes") + ", predicted were " +
           format_value(measured + *error, "bytes");
}

} // namespace

bool scale_column(RunColumn& column, double largest) {
    if (column.what != RunColumn::What::metric) return false;
    const auto unit = scaled_unit(largest, find_metric(column.name)->unit);
    const bool changed = largest != column.largest;
    column.largest = largest;
    column.unit = unit.label;
    column.factor = unit.factor;
    return changed;
}

std::vector<RunColumn> metric_columns(std::span<const RunRecord> runs,
                                      std::span<const MetricInfo* const> metrics) {
    std::vector<std::optional<double>> largest(metrics.size());
    for (const auto& run : runs) { // whose values lie near each other
        if (!has_result(run)) continue;
        for (std::size_t i = 0; i < metrics.size(); ++i)
            if (const auto value = value_of(run, metrics[i]->name))
                largest[i] = std::max(largest[i].value_or(0), std::abs(*value));
    }
    std::vector<RunColumn> columns;
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        if (!largest[i]) continue;
        columns.push_back({RunColumn::What::metric, std::string(metrics[i]->name),
                           std::string(metrics[i]->title)});
        scale_column(columns.back(), *largest[i]);
    }
    return columns;
}

std::vector<RunColumn> run_columns(std::span<const RunRecord> runs) {
    using What = RunColumn::What;
    std::vector<RunColumn> columns;
    if (std::any_of(runs.begin(), runs.end(), [](const auto& run) { return run.id != 0; }))
        columns.push_back({What::run, "run", "run"});
    for (const auto& field : varying_fields(runs))
        columns.push_back({.what = What::field,
                           .name = field,
                           .title = words_of(field),
                           .number = find_field(field)->is_number()});
    RunColumn noise{
        .what = What::noise, .name = "noise", .title = "\u00b1", .unit = "%", .factor = 0.01};
    bool noise_stands = !any_has(runs, noise);
    for (auto& column : metric_columns(runs)) {
        if (!noise_stands && find_metric(column.name)->unit != "s") { // after the times
            columns.push_back(noise);
            noise_stands = true;
        }
        columns.push_back(std::move(column));
    }
    if (!noise_stands) columns.push_back(noise);
    columns.push_back({.what = What::flags, .name = "flags", .title = "flags", .number = false});
    if (std::any_of(runs.begin(), runs.end(), [](const auto& run) { return !run.reason.empty(); }))
        columns.push_back(
            {.what = What::reason, .name = "reason", .title = "reason", .number = false});
    return columns;
}

bool has_result(const RunRecord& run) {
    return run.status == RunStatus::done || run.status == RunStatus::planned;
}

std::optional<double> cell_value(const RunColumn& column, const RunRecord& run) {
    using What = RunColumn::What;
    switch (column.what) {
    case What::run: return double(run.id);
    case What::field:
        if (double value = 0; column.number && from_text(get_field(run.config, column.name), value))
            return value;
        return {};
    case What::metric: return has_result(run) ? value_of(run, column.name) : std::nullopt;
    case What::noise: return noise_of(run);
    case What::flags:
    case What::reason: break;
    }
    return {};
}

std::string cell_text(const RunColumn& column, double value) {
    if (column.what == RunColumn::What::noise)
        return value > 1 ? "> 100" : format_number(value / column.factor, 2);
    return format_number(value / column.factor, digits);
}

std::string cell_text(const RunColumn& column, const RunRecord& run) {
    using What = RunColumn::What;
    switch (column.what) {
    case What::run: return std::to_string(run.id);
    case What::field: return get_field(run.config, column.name);
    case What::metric:
    case What::noise:
        if (const auto value = cell_value(column, run)) return cell_text(column, *value);
        return {};
    case What::flags: {
        std::string text;
        for (const auto& mark : marks_of(run)) text += (text.empty() ? "" : ", ") + mark.text;
        return text;
    }
    case What::reason: return run.reason;
    }
    return {};
}

std::vector<RunMark> marks_of(const RunRecord& run) {
    using Tone = RunMark::Tone;
    using What = RunMark::What;
    std::vector<RunMark> marks;
    const auto text_named = [&](const char* name) {
        const auto found = run.texts.find(name);
        return found == run.texts.end() ? std::string() : found->second;
    };
    switch (run.status) {
    case RunStatus::planned: marks.push_back({What::status, Tone::neutral, "queued"}); break;
    case RunStatus::running: marks.push_back({What::status, Tone::running, "running"}); break;
    case RunStatus::impossible:
        marks.push_back({What::status, Tone::neutral, "impossible",
                         run.reason.empty() ? "" : "impossible: " + run.reason});
        break;
    case RunStatus::failed:
        marks.push_back({What::status, Tone::bad,
                         run.failure ? words_of(to_text(*run.failure)) : "failed",
                         failure_text(run)});
        break;
    case RunStatus::done: break;
    }
    if (run.reused) marks.push_back({What::reused, Tone::neutral, "reused"});
    if (const auto source = text_named("imported"); !source.empty())
        marks.push_back({What::imported, Tone::neutral, "imported", "imported: " + source});
    if (run.status == RunStatus::done)
        for (const auto& flag : flags_of(run)) marks.push_back({What::disturbed, Tone::warn, flag});
    const int rounds = int(run.rounds.size()), wanted = rounds_of(run.config);
    if (run.status == RunStatus::done && rounds > 0 && rounds < wanted)
        marks.push_back(
            {What::rounds, Tone::warn, to_text(rounds) + " of " + to_text(wanted) + " rounds"});
    if (const auto left = time_left(run); !left.empty())
        marks.push_back({What::rounds, Tone::neutral, "short", left});
    if (const auto less = warmed_less(run); !less.empty())
        marks.push_back({What::rounds, Tone::neutral, "short warm-up", less});
    if (const char* metric = timed_metric(run); metric && run.status == RunStatus::done)
        if (const auto outliers = outliers_of(run, metric); outliers.count)
            marks.push_back(
                {What::outliers, Tone::neutral,
                 to_text(outliers.count) + (outliers.count == 1 ? " outlier" : " outliers"),
                 outliers_text(outliers)});
    if (const auto off = misprediction(run); !off.empty())
        marks.push_back({What::memory, Tone::warn, "memory not as predicted", off});
    if ((value_of(run, "perplexity") || value_of(run, "loss_nats")) && has_random_weights(run))
        marks.push_back({What::random_weights, Tone::warn, "random weights"});
    const double replaced = value_of(run, "replaced_letters").value_or(0);
    if (const auto data = text_named("data"); !data.empty() || replaced > 0)
        marks.push_back(
            {What::data, Tone::warn,
             replaced > 0 ? format_number(replaced, 1) + " letters replaced" : "data cleaned",
             data});
    if (const auto pruning = text_named("pruning"); !pruning.empty())
        marks.push_back({What::weights, Tone::neutral, "pruned", pruning});
    if (const auto head = text_named("head"); !head.empty())
        marks.push_back({What::data, Tone::neutral, "probe", head + "; " + text_named("split")});
    if (const auto formats = text_named("weight_formats");
        formats.find("no whole blocks") != formats.npos)
        marks.push_back({What::weights, Tone::warn, "other weight format", formats});
    if (const auto caveat = text_named("caveat"); !caveat.empty())
        marks.push_back({What::caveat, Tone::warn, "not the model", caveat});
    return marks;
}

std::string failure_text(const RunRecord& run) {
    if (!run.failure) return run.reason;
    const std::string kind = words_of(to_text(*run.failure));
    if (run.reason.empty()) return kind;
    // The worker's own sentence may begin with the kind.
    return run.reason.starts_with(kind) ? run.reason : kind + ": " + run.reason;
}

const char* timed_metric(const RunRecord& run) {
    for (const char* metric : {"step_seconds", "decode_seconds", "prefill_seconds"})
        if (run.samples.contains(metric)) return metric;
    return nullptr;
}

std::optional<double> noise_of(const RunRecord& run) {
    const char* metric = timed_metric(run);
    if (run.status != RunStatus::done || !metric) return {};
    const auto summary = summarize(run, metric);
    if (!summary || summary->count < 2) return {};
    return relative_noise(*summary);
}

bool has_random_weights(const RunRecord& run) {
    if (run.config.task == Task::train) return false; // its loss is that of what was learned
    return run.weights ? !run.weights->loaded : weights_of(run.config) == "random";
}

} // namespace sweetspot

#include "app/analysis/compare.h"
#include "app/analysis/format.h"
#include <algorithm>
#include <cmath>
#include <set>

namespace sweetspot {

namespace {

constexpr std::size_t fewest_samples = 5;

/// Facts that say when and by what number, not on what.
const std::set<std::string, std::less<>> passing_facts{
    "pid", "hostname_time", "unix_seconds", "load_average", "memory_available_bytes", "cpu_mhz"};

/// The 95 % interval of the ratio of two medians that are resampled independently.
void add_interval(MetricComparison& c, const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<WeightedValue> ratios;
    const auto medians_b = median_distribution(b);
    for (const auto& below : median_distribution(a))
        for (const auto& above : medians_b)
            ratios.push_back({above.value / below.value, above.probability * below.probability});
    std::sort(ratios.begin(), ratios.end(),
              [](const auto& x, const auto& y) { return x.value < y.value; });
    c.ratio_low = c.ratio_high = c.ratio;
    double sum = 0;
    for (const auto& [ratio, probability] : ratios) {
        if (sum < 0.025 && sum + probability >= 0.025) c.ratio_low = std::min(ratio, c.ratio);
        if (sum < 0.975 && sum + probability >= 0.975) c.ratio_high = std::max(ratio, c.ratio);
        sum += probability;
    }
}

/// Whether the samples themselves are apart, not only their medians. Few samples can be apart by
/// chance, so the gap must then be wide: 2 widths for 5 of them, half a one for 10, 1/50 for 50.
bool apart(const std::vector<double>& a, const std::vector<double>& b) {
    const auto n = double(std::min(a.size(), b.size()));
    if (n < fewest_samples) return false;
    const Summary sa = summarize(a), sb = summarize(b);
    const double gap = std::max(sa.p5 - sb.p95, sb.p5 - sa.p95);
    const double width = 0.5 * (sa.p95 - sa.p5 + sb.p95 - sb.p5);
    return gap > width * 50 / (n * n);
}

Verdict directed(Better better, double ratio) {
    if (better == Better::neither) return Verdict::ambiguous;
    return (better == Better::lower) == (ratio < 1) ? Verdict::better : Verdict::worse;
}

MetricComparison compare_metric(const RunRecord& a, const RunRecord& b, const MetricInfo& metric,
                                const CompareOptions& options) {
    MetricComparison c{.metric = std::string(metric.name)};
    c.a = *value_of(a, metric.name);
    c.b = *value_of(b, metric.name);
    c.ratio = c.a == c.b ? 1 : c.b / c.a; // from nothing to something is infinitely more
    c.ratio_low = c.ratio_high = c.ratio;
    const auto kind = std::max(judgement_of(a, metric.name), judgement_of(b, metric.name));
    const double change = std::abs(c.ratio - 1);
    if (kind == Judgement::exact || kind == Judgement::quality) {
        const double tolerance = kind == Judgement::exact ? 0 : options.quality_tolerance;
        c.verdict = change <= tolerance ? Verdict::same : directed(metric.better, c.ratio);
    } else if (kind == Judgement::single) {
        c.verdict = change <= options.tolerance ? Verdict::same : Verdict::ambiguous;
    } else {
        const auto samples_a = samples_of(a, metric.name), samples_b = samples_of(b, metric.name);
        add_interval(c, samples_a, samples_b);
        const double low = 1 - options.tolerance, high = 1 + options.tolerance;
        if (c.ratio_low >= low && c.ratio_high <= high)
            c.verdict = Verdict::same;
        else if ((c.ratio_high < low || c.ratio_low > high) && apart(samples_a, samples_b))
            c.verdict = directed(metric.better, c.ratio);
        else
            c.verdict = Verdict::ambiguous;
    }
    return c;
}

std::vector<Difference> differences(const RunRecord& a, const RunRecord& b) {
    std::vector<Difference> all;
    RunConfig config = a.config;
    each_field(config, [&](const Field& field, auto& value) {
        const std::string text_a = to_text(value), text_b = get_field(b.config, field.name);
        if (text_a != text_b) all.push_back({std::string(field.name), text_a, text_b, false});
    });
    std::set<std::string> facts;
    for (const auto* run : {&a, &b})
        for (const auto& [name, value] : run->environment) facts.insert(name);
    const auto fact = [](const RunRecord& run, const std::string& name) {
        const auto found = run.environment.find(name);
        return found == run.environment.end() ? std::string() : found->second;
    };
    // What a library chose for a shape differs where only one run had the shape, which a field
    // tells.
    const auto of_one_shape = [&](const std::string& name) {
        return name.find(", ") != std::string::npos &&
               (fact(a, name).empty() || fact(b, name).empty());
    };
    for (const auto& name : facts)
        if (!passing_facts.contains(name) && !of_one_shape(name) && fact(a, name) != fact(b, name))
            all.push_back({name, fact(a, name), fact(b, name), true});
    const auto file = [](const RunRecord& run) {
        return run.weights && run.weights->loaded ? run.weights->sha256 : std::string();
    };
    if (file(a) != file(b)) all.push_back({"weights_sha256", file(a), file(b), true});
    const auto data = [](const RunRecord& run) {
        return run.data ? run.data->sha256 : std::string();
    };
    if (data(a) != data(b)) all.push_back({"data_sha256", data(a), data(b), true});
    return all;
}

bool has_random_weights(const RunRecord& run) {
    return run.weights && !run.weights->loaded;
}

std::string list(const std::vector<Difference>& differences, bool environment) {
    std::string names;
    for (const auto& d : differences)
        if (d.environment == environment) names += (names.empty() ? "" : ", ") + d.name;
    return names;
}

void warn_of_noise(std::vector<std::string>& warnings, const RunRecord& run, const char* which) {
    const auto steps = summarize(run, "step_seconds");
    if (!steps) return;
    if (steps->count < int(fewest_samples))
        warnings.push_back(std::string(which) + " has only " + std::to_string(steps->count) +
                           " samples; five at least make a verdict possible.");
    else if (const double noise = relative_noise(*steps);
             run.config.noise > 0 && noise > run.config.noise)
        warnings.push_back(std::string(which) + " is noisy: its median is known to ±" +
                           format_value(noise, "share") + " only; the run's limit is " +
                           format_value(run.config.noise, "share") + ".");
}

std::vector<std::string> warnings(const RunRecord& a, const RunRecord& b, const Comparison& c) {
    std::vector<std::string> all;
    for (const auto* run : {&a, &b})
        if (run->status != RunStatus::done)
            all.push_back("Run " + std::to_string(run->id) + " is " + to_text(run->status) +
                          ", not done: " +
                          (run->reason.empty() ? "its numbers may be incomplete." : run->reason));
    for (const auto* run : {&a, &b})
        if (const auto caveat = run->texts.find("caveat"); caveat != run->texts.end())
            all.push_back("Run " + std::to_string(run->id) + ": " + caveat->second + ".");
    const auto fields = std::count_if(c.differences.begin(), c.differences.end(),
                                      [](const Difference& d) { return !d.environment; });
    if (fields > 1)
        all.push_back("The runs differ in " + std::to_string(fields) + " fields (" +
                      list(c.differences, false) + "): no single one explains a change.");
    if (const auto facts = list(c.differences, true); !facts.empty())
        all.push_back("The runs differ in their environment (" + facts + ").");
    const bool quality = std::any_of(c.metrics.begin(), c.metrics.end(),
                                     [](const auto& m) { return shows_quality(m.metric); });
    if (quality && (has_random_weights(a) || has_random_weights(b)))
        all.push_back("Random weights: perplexity and loss say nothing about quality.");
    warn_of_noise(all, a, "A");
    warn_of_noise(all, b, "B");
    return all;
}

} // namespace

Judgement judgement_of(const RunRecord& run, std::string_view metric) {
    if (!samples_of(run, metric).empty()) return Judgement::timed;
    const auto* info = find_metric(metric);
    return info ? info->judged : Judgement::exact;
}

Comparison compare(const RunRecord& a, const RunRecord& b, const CompareOptions& options) {
    Comparison c;
    for (const auto& metric : metric_catalogue)
        if (value_of(a, metric.name) && value_of(b, metric.name))
            c.metrics.push_back(compare_metric(a, b, metric, options));
    c.differences = differences(a, b);
    c.warnings = warnings(a, b, c);
    return c;
}

} // namespace sweetspot

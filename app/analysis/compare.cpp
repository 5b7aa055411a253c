#include "app/analysis/compare.h"
#include "app/analysis/format.h"
#include "app/analysis/quality.h"
#include "app/analysis/rounds.h"
#include <algorithm>
#include <cmath>
#include <set>

// Two runs side by side: which fields and facts differ, what each metric changed by, and whether
// that change may be called one. A verdict needs what varies between rounds; what forbids it is
// said.

namespace sweetspot {

namespace {

/// Facts that say when and by what number, not on what.
const std::set<std::string, std::less<>> passing_facts{
    "pid", "hostname_time", "unix_seconds", "load_average", "memory_available_bytes", "cpu_mhz"};

Verdict directed(Better better, double ratio) {
    if (better == Better::neither) return Verdict::undecided;
    return (better == Better::lower) == (ratio < 1) ? Verdict::better : Verdict::worse;
}

/// Why a metric of the two cannot be held against each other; "" if it can.
std::string why_not_comparable(const RunRecord& a, const RunRecord& b, std::string_view metric,
                               Judgement kind) {
    for (const auto* run : {&a, &b})
        if (run->status != RunStatus::done)
            return "run " + std::to_string(run->id) + " is " + to_text(run->status) + ", not done";
    for (const auto* run : {&a, &b})
        if (std::isnan(*value_of(*run, metric)))
            return "the " + std::string(find_metric(metric)->title) + " of run " +
                   std::to_string(run->id) + " is not a number";
    if (kind == Judgement::timed && a.config.task != b.config.task)
        return "the runs do different tasks";
    if (!shows_quality(metric)) return {};
    return why_scored_apart(a, b, metric);
}

std::string flag_advice(const std::string& flag) {
    return flag == "noisy" ? "measure more steps (--max-repeats), or allow more noise (--noise)"
                           : "measure again with nothing else running";
}

/// What would decide between two runs that do not.
std::string what_would_decide(const RunRecord& a, const RunRecord& b, const RoundRatios& ratios,
                              const RoundFinding& finding) {
    for (const auto* run : {&a, &b})
        for (const auto& flag : flags_of(*run))
            return "run " + std::to_string(run->id) + " is " + flag + ": " + flag_advice(flag);
    if (ratios.a.size() > 1 && ratios.b.size() > 1 && !ratios.turn_about)
        return "the runs were measured one after the other, and the machine may have changed "
               "between them: measure them turn about (`run --interleave A B`, or one sweep)";
    if (finding.more_rounds == 0)
        return "more rounds like these are not likely to: the change is as large as the tolerance, "
               "or too small for this machine";
    const int rounds = int(std::min(ratios.a.size(), ratios.b.size()));
    return std::to_string(finding.more_rounds) + " more rounds (--rounds " +
           std::to_string(rounds + finding.more_rounds) + ")" +
           (rounds > 1 ? ", if they are like these" : ", at least");
}

/// Whether two times, or what is made of them, differ by no more than a clock may.
bool is_of_the_clock(const RunRecord& a, const RunRecord& b, std::string_view metric) {
    const auto made = made_of_steps(metric);
    const auto time = made ? made->took : metric;
    const auto in_a = value_of(a, time), in_b = value_of(b, time);
    return find_metric(time)->unit == "s" && in_a && in_b &&
           std::abs(*in_b - *in_a) <= clock_seconds;
}

void judge_timed(MetricComparison& c, const RunRecord& a, const RunRecord& b,
                 const MetricInfo& metric, double tolerance) {
    const auto ratios = round_ratios(a, b, metric.name);
    const auto finding = judge_rounds(ratios, tolerance);
    if (finding.rounds > 0) c.ratio = std::exp(finding.log_ratio);
    c.ratio_low = std::exp(finding.log_ratio_low);
    c.ratio_high = std::exp(finding.log_ratio_high);
    const bool flagged = !flags_of(a).empty() || !flags_of(b).empty();
    if (flagged || finding.change == Change::undecided)
        c.verdict = Verdict::undecided;
    else
        c.verdict = finding.change == Change::same || is_of_the_clock(a, b, metric.name)
                        ? Verdict::same
                        : directed(metric.better, c.ratio);
    if (finding.rounds > 1) c.chance = flagged ? 1 : finding.chance;
    if (c.verdict == Verdict::undecided) c.needs = what_would_decide(a, b, ratios, finding);
}

std::vector<Difference> differences(const RunRecord& a, const RunRecord& b) {
    std::vector<Difference> all;
    for (const RunField& field : run_fields()) {
        const std::string text_a = field.get(a.config), text_b = field.get(b.config);
        if (text_a != text_b) all.push_back({std::string(field.name), text_a, text_b, false});
    }
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
    const auto adapter = [](const RunRecord& run) {
        const auto found = run.texts.find("adapter_sha256");
        return found == run.texts.end() ? std::string() : found->second;
    };
    if (adapter(a) != adapter(b) && !adapter(a).empty() && !adapter(b).empty())
        all.push_back({"adapter_sha256", adapter(a), adapter(b), true});
    const auto data = [](const RunRecord& run) {
        return run.data ? run.data->sha256 : std::string();
    };
    if (data(a) != data(b)) all.push_back({"data_sha256", data(a), data(b), true});
    return all;
}

bool has_random_weights(const RunRecord& run) {
    return run.config.task != Task::train && run.weights && !run.weights->loaded;
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
    if (round_values(run, "step_seconds").size() < 2)
        warnings.push_back(std::string(which) + " was measured in one round; two at least make a "
                                                "verdict on its times possible.");
    for (const auto& flag : flags_of(run))
        if (flag == "noisy")
            warnings.push_back(std::string(which) + " is noisy: its median is known to ±" +
                               format_value(relative_noise(*steps), "share") +
                               " only; the run's limit is " +
                               format_value(run.config.noise, "share") + ".");
        else
            warnings.push_back(std::string(which) +
                               " was disturbed: other programs computed beside "
                               "it.");
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
    // Of the machine, or of the order of points, not of the run.
    if (metric == "disturbance" || metric == "kept_rounds") return Judgement::single;
    if (has_samples(run, metric)) return Judgement::timed;
    const auto* info = find_metric(metric);
    return info ? info->judged : Judgement::exact;
}

int undecided_against(const RunRecord& best, std::span<const RunRecord> runs,
                      std::string_view metric, const CompareOptions& options) {
    const bool higher = find_metric(metric)->better == Better::higher;
    const bool flagged = !flags_of(best).empty();
    return int(std::count_if(runs.begin(), runs.end(), [&](const RunRecord& other) {
        if (&other == &best || other.status != RunStatus::done || !value_of(other, metric))
            return false;
        const auto change = change_of(round_ratios(other, best, metric), options.tolerance);
        return flagged || change != (higher ? Change::more : Change::less) ||
               !flags_of(other).empty();
    }));
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
    c.needs = why_not_comparable(a, b, metric.name, kind);
    if (!c.needs.empty()) {
        c.verdict = Verdict::not_comparable;
    } else if (kind == Judgement::exact || kind == Judgement::quality) {
        const double tolerance = kind == Judgement::exact ? 0 : options.quality_tolerance;
        c.verdict = change <= tolerance ? Verdict::same : directed(metric.better, c.ratio);
    } else if (kind == Judgement::single) {
        c.verdict = change <= options.tolerance ? Verdict::same : Verdict::undecided;
    } else {
        judge_timed(c, a, b, metric, options.tolerance);
    }
    return c;
}

Comparison compare(const RunRecord& a, const RunRecord& b, const CompareOptions& options) {
    Comparison c;
    for (const auto& metric : metric_catalogue)
        if (value_of(a, metric.name) && value_of(b, metric.name))
            c.metrics.push_back(compare_metric(a, b, metric, options));
    if (a.status == RunStatus::done && b.status == RunStatus::done) c.paired = paired_loss(a, b);
    if (c.paired)
        for (auto& metric : c.metrics)
            if (metric.metric == "perplexity") {
                metric.ratio_low = c.paired->ratio_low;
                metric.ratio_high = c.paired->ratio_high;
            }
    c.differences = differences(a, b);
    c.warnings = warnings(a, b, c);
    return c;
}

} // namespace sweetspot

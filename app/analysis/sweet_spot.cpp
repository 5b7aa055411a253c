#include "app/analysis/sweet_spot.h"
#include "app/analysis/columns.h"
#include "app/analysis/format.h"
#include "app/analysis/series.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

// Which run to take: the front, what fits the budgets, the best of it, and what may be said for it.
// Every comparison is compare()'s, so nothing is called better here that is not there.

namespace sweetspot {

namespace {

/// Which tokens a run's loss is over; equal texts are comparable.
std::string scored(const RunRecord& run) {
    if (run.scored) return run.scored->tokens_sha256;
    std::string text = to_text(value_of(run, "scored_tokens").value_or(0));
    for (const auto field : {"task", "data", "column", "tokenizer", "lengths", "unknown_letters"})
        text += "\n" + find_field(field)->get(run.config);
    return text;
}

/// What most runs that are done with a loss scored, or the baseline did.
std::string usual_scored(std::span<const RunRecord> runs, const RunRecord* baseline) {
    std::map<std::string, int> count;
    for (const auto& run : runs)
        if (run.status == RunStatus::done && value_of(run, "loss_nats")) ++count[scored(run)];
    if (baseline && value_of(*baseline, "loss_nats")) return scored(*baseline);
    const auto most =
        std::max_element(count.begin(), count.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == count.end() ? std::string() : most->first;
}

/// "" if the run is a spot.
std::string why_left_out(const RunRecord& run, const std::vector<const MetricInfo*>& objectives) {
    if (run.status == RunStatus::failed) return "failed: " + failure_text(run);
    if (run.status == RunStatus::impossible) return "is impossible: " + run.reason;
    if (run.status != RunStatus::done) return "is " + to_text(run.status);
    for (const auto* metric : objectives)
        if (auto why = why_no_value(run, *metric); !why.empty()) return why;
    return {};
}

std::string counted(std::size_t count, const std::string& one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

/// Facts that say on which machine.
std::string machine_of(const RunRecord& run) {
    std::string text;
    for (const auto fact : {"host", "cpu", "threads", "gpu"})
        if (const auto found = run.environment.find(fact); found != run.environment.end())
            text += found->second + "\n";
    return text;
}

/// Of how many that are weighed by a time nothing can be told.
struct Untold {
    std::size_t single = 0, flagged = 0;
};

std::vector<std::string> notes_on(std::span<const RunRecord> runs, const std::vector<Spot>& spots,
                                  const std::vector<const MetricInfo*>& objectives,
                                  const Untold& untold) {
    std::set<std::string> machines, tasks;
    std::set<double> tokens;
    for (const auto& spot : spots) {
        const auto& run = runs[spot.run];
        machines.insert(machine_of(run));
        tasks.insert(to_text(run.config.task));
        tokens.insert(value_of(run, "tokens_nominal").value_or(0));
    }
    const auto [single, flagged] = untold;
    std::vector<std::string> notes;
    if (machines.size() > 1)
        notes.push_back("The runs are of " + std::to_string(machines.size()) +
                        " machines: that one is faster may be the machine's doing.");
    if (tasks.size() > 1) notes.push_back("The runs do different tasks.");
    const bool by_step = std::any_of(objectives.begin(), objectives.end(), [](const auto* metric) {
        return metric->name == "step_seconds";
    });
    if (by_step && tokens.size() > 1)
        notes.push_back("Steps of these runs take different numbers of tokens: time-per-token "
                        "holds them against each other, step time does not.");
    if (single > 0)
        notes.push_back("Of " + counted(single, "run") +
                        " with one round nothing can be told by time: measure more (--rounds).");
    if (flagged > 0)
        notes.push_back(counted(flagged, "run") + (flagged == 1 ? " is" : " are") +
                        " noisy or disturbed: nothing can be told by time.");
    return notes;
}

/// A run that has a value of each. What its rounds gave is looked up once for all of them.
Spot spot_of(const RunRecord& run, const std::vector<const MetricInfo*>& objectives,
             bool turn_about, const CompareOptions& options, Untold& untold) {
    Spot spot;
    std::optional<bool> flagged;
    for (std::size_t at = 0; at < objectives.size(); ++at) {
        const auto& metric = *objectives[at];
        const auto judged = judgement_of(run, metric.name);
        std::vector<RoundValue> rounds;
        if (judged == Judgement::timed) {
            if (!flagged) flagged = !flags_of(run).empty();
            if (!*flagged) rounds = round_values(run, metric.name);
        }
        spot.values[at] =
            bounded_value(*value_of(run, metric.name), metric, judged, rounds, turn_about, options);
        if (at > 0) continue;
        spot.judged = judged;
        spot.rounds = std::move(rounds);
    }
    if (flagged) { // by a time
        untold.flagged += *flagged;
        untold.single += round_values(run, "step_seconds").size() == 1;
    }
    return spot;
}

/// Whether compare_metric() calls a run no worse than the best by the first objective. A budget
/// that is dragged asks it of every run: what rounds were is known already.
bool may_be_as_good(std::span<const RunRecord> runs, const Spot& best, const Spot& other,
                    const MetricInfo& metric, const CompareOptions& options) {
    if (best.values[0].high < other.values[0].low) return false;
    if (best.values[0].value == other.values[0].value) return true;
    switch (std::max(best.judged, other.judged)) {
    case Judgement::single: return true;
    case Judgement::timed:
        if (std::min(best.rounds.size(), other.rounds.size()) < 2) return true; // none can tell
        if (runs[best.run].config.task != runs[other.run].config.task) return true;
        return change_of(round_ratios(best.rounds, other.rounds), options.tolerance) !=
               (metric.better == Better::lower ? Change::more : Change::less);
    case Judgement::exact:
    case Judgement::quality: break;
    }
    return compare_metric(runs[best.run], runs[other.run], metric, options).verdict !=
           Verdict::worse;
}

std::string tie_sentence(std::span<const RunRecord> runs, const Spots& spots,
                         const Recommendation& found, std::span<const std::string> varying) {
    const auto& metric = *find_metric(spots.objectives.front());
    std::string names;
    constexpr std::size_t shown = 3;
    for (std::size_t i = 0; i < std::min(shown, found.ties.size()); ++i)
        names += (i ? ", " : "") + std::string("run ") + std::to_string(runs[found.ties[i]].id) +
                 " (" + point_name(runs[found.ties[i]].config, varying) + ")";
    if (found.ties.size() > shown)
        names += " and " + std::to_string(found.ties.size() - shown) + " more";
    return "A tie: by " + std::string(metric.title) + " " + names +
           " may be as good, for all that was measured.";
}

std::string gain_sentence(const MetricComparison& gain, const RunRecord& baseline) {
    const auto& info = *find_metric(gain.metric);
    std::string text = "Against run " + std::to_string(baseline.id) + ": " +
                       std::string(info.title) + " " + format_value(gain.b, info.unit) +
                       " instead of " + format_value(gain.a, info.unit);
    if (gain.ratio != 1 && std::isfinite(gain.ratio)) {
        text += ", " + format_number(gain.ratio) + " times";
        if (gain.ratio_low != gain.ratio_high)
            text += " (" + format_number(gain.ratio_low) + " to " + format_number(gain.ratio_high) +
                    ")";
    }
    return text + ": " + to_text(gain.verdict) +
           (gain.verdict == Verdict::undecided && !gain.needs.empty() ? "; " + gain.needs : "") +
           ".";
}

} // namespace

const RunRecord* default_baseline(std::span<const RunRecord> runs) {
    const auto found = std::find_if(runs.begin(), runs.end(), [](const RunRecord& run) {
        return run.status == RunStatus::done;
    });
    return found == runs.end() ? nullptr : &*found;
}

Spots weigh(std::span<const RunRecord> runs, std::span<const std::string> objectives,
            const RunRecord* baseline, const CompareOptions& options) {
    Spots spots{.objectives = {objectives.begin(), objectives.end()}};
    std::vector<const MetricInfo*> metrics;
    for (const auto& name : objectives) metrics.push_back(find_metric(name));
    const bool by_quality = std::any_of(metrics.begin(), metrics.end(), [](const auto* metric) {
        return shows_quality(metric->name);
    });
    const bool turn_about = all_turn_about(runs);
    const auto wanted = by_quality ? usual_scored(runs, baseline) : std::string();
    std::vector<Objectives> values;
    Untold untold;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        auto why = why_left_out(runs[i], metrics);
        if (why.empty() && by_quality && scored(runs[i]) != wanted)
            why = "scored other tokens, so its loss cannot be held against the others'";
        if (!why.empty()) {
            spots.left_out.push_back({i, std::move(why)});
            continue;
        }
        spots.points.push_back(spot_of(runs[i], metrics, turn_about, options, untold));
        spots.points.back().run = i;
        values.push_back(spots.points.back().values);
    }
    const auto placed = pareto(values);
    for (std::size_t i = 0; i < placed.size(); ++i) spots.points[i].placed = placed[i];
    const auto numbers = [&](std::size_t i) {
        return std::array{values[i][0].value, values[i][1].value, values[i][2].value};
    };
    spots.order.resize(values.size());
    std::iota(spots.order.begin(), spots.order.end(), std::size_t(0));
    std::stable_sort(spots.order.begin(), spots.order.end(),
                     [&](std::size_t a, std::size_t b) { return numbers(a) < numbers(b); });
    spots.notes = notes_on(runs, spots.points, metrics, untold);
    return spots;
}

Recommendation recommend(std::span<const RunRecord> runs, const Spots& spots,
                         std::span<const Budget> budgets, const RunRecord* baseline,
                         const CompareOptions& options) {
    Recommendation found;
    found.fits.resize(spots.points.size());
    const bool by_loss = std::any_of(budgets.begin(), budgets.end(), [](const Budget& budget) {
        return budget.of == Budget::Of::quality_loss;
    });
    const auto reference = by_loss ? quality_reference(runs, baseline) : QualityReference{};
    // Of an objective each spot knows its value; others are looked up in the run.
    struct Weighed {
        std::size_t objective = 0;
        double sign = 1; ///< of a cost to the number that is limited
    };
    std::vector<std::optional<Weighed>> objective_of;
    for (const auto& budget : budgets) {
        const auto at = std::find(spots.objectives.begin(), spots.objectives.end(), budget.name);
        objective_of.emplace_back();
        if (budget.of == Budget::Of::metric && at != spots.objectives.end())
            objective_of.back() = {std::size_t(at - spots.objectives.begin()),
                                   find_metric(budget.name)->better == Better::higher ? -1.0 : 1.0};
    }
    const auto share_beyond = [&](std::size_t budget, const Spot& spot) {
        const auto& at = objective_of[budget];
        if (!at) return excess(budgets[budget], runs[spot.run], reference);
        return excess(budgets[budget], at->sign * spot.values[at->objective].value);
    };
    const Spot *best = nullptr, *nearest = nullptr;
    std::pair<int, double> least{};
    for (const auto i : spots.order) { // so that the first that fits is the best
        const auto& spot = spots.points[i];
        // First by how many budgets tell no share, then by the sum of shares.
        std::pair<int, double> beyond{};
        for (std::size_t budget = 0; budget < budgets.size(); ++budget) {
            const double share = share_beyond(budget, spot);
            if (std::isfinite(share))
                beyond.second += share;
            else
                ++beyond.first;
        }
        found.fits[i] = beyond == std::pair(0, 0.0);
        if (found.fits[i] && !best) best = &spot;
        if (!nearest || beyond < least) {
            nearest = &spot;
            least = beyond;
        }
    }
    if (!best) {
        if (!nearest) return found;
        found.nearest = nearest->run;
        for (const auto& budget : budgets)
            if (excess(budget, runs[nearest->run], reference) > 0)
                found.misses.push_back(
                    {budget, excess_text(budget, runs[nearest->run], reference)});
        return found;
    }
    found.pick = best->run;
    const auto& metric = *find_metric(spots.objectives.front());
    for (const auto i : spots.order) {
        const auto& spot = spots.points[i];
        if (found.fits[i] && &spot != best && may_be_as_good(runs, *best, spot, metric, options))
            found.ties.push_back(spot.run);
    }
    return found;
}

void keep_recommended(Recommendation& found, std::size_t before) {
    const auto tie = std::find(found.ties.begin(), found.ties.end(), before);
    if (found.pick && tie != found.ties.end()) std::swap(*found.pick, *tie);
}

Explanation explain(std::span<const RunRecord> runs, const Spots& spots,
                    const Recommendation& found, const RunRecord* baseline,
                    const CompareOptions& options) {
    Explanation told;
    const auto& pick = runs[*found.pick];
    const auto varying = varying_fields(runs);
    if (!found.ties.empty()) told.sentences.push_back(tie_sentence(runs, spots, found, varying));
    if (!baseline || baseline == &pick) {
        if (baseline) told.sentences.push_back("It is the baseline itself.");
        return told;
    }
    const auto comparison = compare(*baseline, pick, options);
    told.warnings = comparison.warnings;
    const auto is_shown = [&](std::string_view name) {
        return std::find(spots.objectives.begin(), spots.objectives.end(), name) !=
                   spots.objectives.end() ||
               name == "peak_bytes" || name == "kilotoken_seconds" || name == "perplexity";
    };
    for (const auto& gain : comparison.metrics)
        if (is_shown(gain.metric)) {
            told.gains.push_back(gain);
            told.sentences.push_back(gain_sentence(gain, *baseline));
        }
    for (const auto& name : spots.objectives) {
        const auto& metric = *find_metric(name);
        if (!why_no_value(*baseline, metric).empty()) {
            told.sentences.push_back("Run " + std::to_string(baseline->id) + " " +
                                     why_no_value(*baseline, metric) + ".");
            continue;
        }
        auto why = reasons(runs, *baseline, pick, metric, options);
        if (why.saved == 0) continue;
        std::string of_what = "Of the " + std::string(metric.title) + " that was " +
                              (why.saved > 0 ? "saved: " : "paid: ");
        for (const auto& sentence : sentences_of(why))
            told.sentences.push_back(std::exchange(of_what, "") + sentence);
        for (const auto& config : why.missing)
            if (std::find(told.missing.begin(), told.missing.end(), config) == told.missing.end())
                told.missing.push_back(config);
        told.reasons.push_back(std::move(why));
    }
    return told;
}

} // namespace sweetspot

#include "app/cli/spot_report.h"
#include "app/analysis/columns.h"
#include "app/analysis/format.h"
#include "app/analysis/pair_words.h"
#include "app/analysis/quality.h"
#include <algorithm>
#include <set>

// The sweet spot in words and as a table: what `best` prints and reports hold.

namespace sweetspot {

namespace {

std::string point_of(const SpotAnswer& answer, std::size_t run) {
    return "run " + std::to_string(answer.runs[run].id) + " (" +
           point_name(answer.runs[run].config, varying_fields(answer.runs)) + ")";
}

std::string budgets_text(const std::vector<Budget>& budgets) {
    std::string text;
    for (const auto& budget : budgets) text += (text.empty() ? "" : ", ") + to_text(budget);
    return text;
}

std::string standing_text(const SpotAnswer& answer, std::size_t spot) {
    const auto run = answer.spots.points[spot].run;
    std::string text = names_of(Standing{})[std::size_t(answer.spots.points[spot].placed.standing)];
    if (answer.found.pick == run) text = "taken";
    if (std::count(answer.found.ties.begin(), answer.found.ties.end(), run)) text += ", a tie";
    if (!answer.found.fits[spot]) text += ", over";
    if (&answer.runs[run] == answer.baseline) text += ", baseline";
    return text;
}

} // namespace

void answer(SpotAnswer& answer) {
    answer.spots = weigh(answer.runs, answer.objectives, answer.baseline);
    answer.found = recommend(answer.runs, answer.spots, answer.budgets, answer.baseline);
    if (answer.found.pick)
        answer.told = explain(answer.runs, answer.spots, answer.found, answer.baseline);
}

std::vector<std::string> sentences_of(const SpotAnswer& answer) {
    std::vector<std::string> said;
    if (answer.found.pick) {
        said.push_back("Take " + point_of(answer, *answer.found.pick) +
                       (answer.budgets.empty()
                            ? "."
                            : ", the best within " + budgets_text(answer.budgets) + "."));
        said.insert(said.end(), answer.told.sentences.begin(), answer.told.sentences.end());
    } else if (answer.found.nearest) {
        std::string misses;
        for (const auto& miss : answer.found.misses)
            misses += (misses.empty() ? "" : "; ") + miss.text;
        said.push_back("Nothing fits " + budgets_text(answer.budgets) + ". The nearest is " +
                       point_of(answer, *answer.found.nearest) + ": " + misses + ".");
    }
    return said;
}

std::vector<std::string> notes_of(const SpotAnswer& answer) {
    std::vector<std::string> notes;
    std::map<std::string, std::string> left_out; // the runs by what is said of them
    for (const auto& [run, why] : answer.spots.left_out)
        left_out[why] += (left_out[why].empty() ? "" : ", ") + std::to_string(answer.runs[run].id);
    for (const auto& [why, ids] : left_out)
        notes.push_back("Left out: run " + ids + " " + why + ".");
    for (const auto& note : answer.spots.notes) notes.push_back("Note: " + note);
    for (const auto& warning : answer.told.warnings) notes.push_back("Warning: " + warning);
    return notes;
}

RunTable spot_table(const SpotAnswer& answer) {
    RunTable table{.columns = {{"run", true}, {"point", false}}};
    for (const auto& name : answer.spots.objectives)
        table.columns.push_back({std::string(find_metric(name)->title), true});
    table.columns.push_back({"", false});
    const auto varying = varying_fields(answer.runs);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < answer.spots.points.size(); ++i) {
        const auto& spot = answer.spots.points[i];
        if (spot.placed.standing != Standing::dominated || answer.found.pick == spot.run ||
            &answer.runs[spot.run] == answer.baseline)
            order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return answer.spots.points[a].values[0].value < answer.spots.points[b].values[0].value;
    });
    for (const auto i : order) {
        const auto& run = answer.runs[answer.spots.points[i].run];
        std::vector<std::string> row{std::to_string(run.id), point_name(run.config, varying)};
        for (const auto& name : answer.spots.objectives)
            row.push_back(format_value(*value_of(run, name), find_metric(name)->unit));
        row.push_back(standing_text(answer, i));
        table.rows.push_back(std::move(row));
    }
    return table;
}

RunTable gains_table(const SpotAnswer& answer) {
    if (!answer.found.pick || !answer.baseline) return {};
    const auto& taken = answer.runs[*answer.found.pick];
    RunTable table{.columns = {{"metric", false},
                               {"baseline, run " + std::to_string(answer.baseline->id), true},
                               {"taken, run " + std::to_string(taken.id), true},
                               {"taken / baseline (95 %)", true},
                               {"verdict", false}}};
    for (const auto& gain : answer.told.gains) {
        const auto unit = find_metric(gain.metric)->unit;
        table.rows.push_back({std::string(find_metric(gain.metric)->title),
                              format_value(gain.a, unit), format_value(gain.b, unit),
                              ratio_text(gain), verdict_text(gain)});
    }
    return table;
}

std::optional<SpotAnswer> spot_of_report(std::span<const RunRecord> runs) {
    std::set<double> qualities;
    bool tokens = false;
    for (const auto& run : runs) {
        if (run.status != RunStatus::done) continue;
        tokens |= value_of(run, "kilotoken_seconds").has_value();
        if (why_no_value(run, *find_metric("perplexity")).empty())
            qualities.insert(*value_of(run, "perplexity"));
    }
    SpotAnswer found{.runs = {runs.begin(), runs.end()},
                     .objectives = {tokens ? "kilotoken_seconds" : "step_seconds", "peak_bytes"}};
    if (qualities.size() > 1) found.objectives.emplace_back("perplexity");
    found.baseline = default_baseline(found.runs);
    answer(found);
    if (found.spots.points.size() < 2) return {};
    return found;
}

RunTable quality_table(std::span<const RunRecord> runs) {
    RunTable table{.columns = {{"run", true}, {"point", false}}};
    std::vector<const RunRecord*> scored;
    for (const auto& run : runs)
        if (run.status == RunStatus::done && value_of(run, "loss_nats")) scored.push_back(&run);
    std::vector<const MetricInfo*> shown;
    for (const auto& metric : metric_catalogue) {
        const bool asked = shows_quality(metric.name) || metric.name == "scored_tokens" ||
                           metric.name.starts_with("reference_");
        if (asked && std::any_of(scored.begin(), scored.end(), [&](const RunRecord* run) {
                return value_of(*run, metric.name).has_value();
            }))
            shown.push_back(&metric);
    }
    for (const auto* metric : shown) table.columns.push_back({std::string(metric->title), true});
    table.columns.push_back({"scored", false});
    const auto varying = varying_fields(runs);
    for (const auto* run : scored) {
        std::vector<std::string> row{std::to_string(run->id), point_name(run->config, varying)};
        for (const auto* metric : shown) {
            const auto value = value_of(*run, metric->name);
            row.push_back(value ? format_value(*value, metric->unit) : "");
        }
        std::string said = run->scored ? scored_text(*run->scored) : "";
        if (has_random_weights(*run))
            said += (said.empty() ? "" : "; ") + std::string("random weights");
        row.push_back(said);
        table.rows.push_back(std::move(row));
    }
    return table;
}

} // namespace sweetspot

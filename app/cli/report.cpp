#include "app/cli/report.h"
#include "app/analysis/effects.h"
#include "app/analysis/format.h"
#include "app/analysis/quality.h"
#include "app/analysis/run_plots.h"
#include "app/analysis/series.h"
#include "app/cli/run_table.h"
#include "app/cli/spot_report.h"
#include "app/experiment/metrics.h"
#include "app/experiment/printable.h"
#include <algorithm>
#include <sstream>

// What a report says in words: findings that follow from the numbers, and commands that repeat
// them; and its Markdown.

namespace sweetspot {

namespace {

std::string ratio(double mean, double least, double greatest) {
    return "× " + format_number(mean) + " (" + format_number(least) + " to " +
           format_number(greatest) + ")";
}

/// The finished run that has the most of a metric, or the least.
const RunRecord* extreme(std::span<const RunRecord> runs, std::string_view metric, bool most) {
    const RunRecord* best = nullptr;
    for (const auto& run : runs) {
        const auto value = value_of(run, metric);
        if (run.status != RunStatus::done || !value) continue;
        if (!best || (most ? *value > *value_of(*best, metric) : *value < *value_of(*best, metric)))
            best = &run;
    }
    return best;
}

std::string best_of(std::span<const RunRecord> runs, std::string_view metric, bool most,
                    const std::string& praise) {
    const auto* best = extreme(runs, metric, most);
    if (!best) return {};
    std::string text = praise + ": " +
                       format_value(*value_of(*best, metric), find_metric(metric)->unit) +
                       " with " + point_name(best->config, varying_fields(runs));
    if (best->id) text += " (run " + std::to_string(best->id) + ")";
    if (judgement_of(*best, metric) == Judgement::timed)
        if (const int others = undecided_against(*best, runs, metric); others > 0)
            text += ", undecided against " + std::to_string(others) +
                    (others == 1 ? " other run" : " other runs");
    return text + ".";
}

std::string verdict_text(const Effect& effect) {
    switch (time_verdict(effect)) {
    case Verdict::better: return "faster";
    case Verdict::worse: return "slower";
    case Verdict::same: return "same";
    default: return "undecided";
    }
}

std::string counts(std::span<const RunRecord> runs) {
    const auto count = [&](RunStatus status) {
        return std::count_if(runs.begin(), runs.end(),
                             [&](const RunRecord& run) { return run.status == status; });
    };
    std::string text = std::to_string(runs.size()) + (runs.size() == 1 ? " run" : " runs") + ": " +
                       std::to_string(count(RunStatus::done)) + " done";
    for (const auto status : {RunStatus::failed, RunStatus::impossible, RunStatus::planned})
        if (const auto n = count(status))
            text += ", " + std::to_string(n) +
                    (status == RunStatus::planned ? " not yet run" : " " + to_text(status));
    return text + ".";
}

std::string noise_finding(std::span<const RunRecord> runs) {
    int flagged = 0;
    for (const auto& run : runs) flagged += run.status == RunStatus::done && !flags_of(run).empty();
    if (flagged == 0) return {};
    return std::to_string(flagged) + (flagged == 1 ? " run is" : " runs are") +
           " noisier than their limit or were disturbed: their times are held against no others.";
}

bool quality_of_random_weights(std::span<const RunRecord> runs) {
    return std::any_of(runs.begin(), runs.end(), [](const RunRecord& run) {
        return run.config.task != Task::train && value_of(run, "perplexity") &&
               (!run.weights || !run.weights->loaded);
    });
}

std::string in_shell(const std::string& word) {
    if (word.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,") ==
            std::string::npos &&
        !word.empty())
        return word;
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
    return quoted + "'";
}

} // namespace

std::vector<std::string> findings(std::span<const RunRecord> runs) {
    std::vector<std::string> all;
    const auto add = [&](const std::string& sentence) {
        if (!sentence.empty()) all.push_back(sentence);
    };
    add(counts(runs));
    add(best_of(runs, "tokens_per_second", true, "Highest throughput"));
    add(best_of(runs, "decode_seconds", false, "Fastest generation, for one token"));
    add(best_of(runs, "step_seconds", false, "Shortest step"));
    add(best_of(runs, "peak_bytes", false, "Least peak memory"));
    for (const auto& e : effects(runs))
        add(e.field + " " + e.to + " instead of " + e.from + ": " +
            (e.timed_pairs ? "step time " + ratio(e.time_ratio, e.time_least, e.time_greatest) +
                                 " (" + verdict_text(e) + "), "
                           : std::string()) +
            "peak memory " + ratio(e.memory_ratio, e.memory_least, e.memory_greatest) + ", over " +
            std::to_string(e.pairs) + (e.pairs == 1 ? " pair" : " pairs") +
            " of runs that are equal otherwise.");
    add(noise_finding(runs));
    if (quality_of_random_weights(runs))
        add("Random weights: their perplexity says nothing about quality.");
    return all;
}

RunTable effect_table(std::span<const RunRecord> runs) {
    RunTable table{.columns = {{"optimization", false},
                               {"instead of", false},
                               {"step time", true},
                               {"verdict", false},
                               {"peak memory", true},
                               {"pairs", true}}};
    for (const auto& e : effects(runs))
        table.rows.push_back(
            {e.field + " " + e.to, e.from,
             e.timed_pairs ? ratio(e.time_ratio, e.time_least, e.time_greatest) : "",
             e.timed_pairs ? verdict_text(e) : "",
             ratio(e.memory_ratio, e.memory_least, e.memory_greatest), std::to_string(e.pairs)});
    return table;
}

std::string how_to_reproduce(const ReportInput& input) {
    if (!input.spec_json.empty())
        return "sweetspot run spec.json   # --force runs again what a store has";
    if (input.runs.empty()) return {};
    std::string command = "sweetspot run";
    for (const RunField& field : run_fields())
        if (const auto text = field.get(input.runs.front().config); text != field.usual)
            command += " --" + std::string(field.name) + " " + in_shell(text);
    return command;
}

std::string report_markdown(const ReportInput& input) {
    std::ostringstream out;
    out << "# " << printable(input.title) << "\n\n";
    if (!input.description.empty()) out << printable(input.description) << "\n\n";
    for (const auto& sentence : findings(input.runs)) out << "- " << printable(sentence) << '\n';
    out << '\n';
    const auto section = [&](const char* title, const RunTable& table) {
        if (table.rows.empty()) return;
        out << "## " << title << "\n\n";
        write_markdown_table(out, table);
        out << '\n';
    };
    if (const auto spot = spot_of_report(input.runs)) {
        section("Sweet spot", spot_table(*spot));
        section("Against the baseline", gains_table(*spot));
        for (const auto& sentence : sentences_of(*spot)) out << "- " << printable(sentence) << '\n';
        for (const auto& note : notes_of(*spot)) out << "- " << printable(note) << '\n';
        out << "\n![Sweet spot](sweet-spot.png)\n\n";
    }
    section("Quality", quality_table(input.runs));
    if (const Plot curves = loss_curves(input.runs, input.earlier); !curves.facets.empty())
        out << "![" << curves.title << "](" << curves.name << ".png)\n\n";
    if (input.furthest) {
        for (const auto& sentence : explain_reference(*input.furthest, input.tolerance))
            out << "- " << printable(sentence) << '\n';
        out << '\n';
        for (const auto& plot : reference_plots(*input.furthest, input.tolerance))
            out << "![" << plot.title << "](" << plot.name << ".png)\n\n";
    }
    section("What each optimization did", effect_table(input.runs));
    if (const auto plots = detail_plots(input.detailed); !plots.empty()) {
        out << "## Inside a step\n\n";
        for (const auto& plot : plots)
            out << "![" << plot.title << "](" << plot.name << ".png)\n\n";
    }
    out << "## Runs\n\n";
    for (const auto& plot : plots_of(input.runs))
        out << "![" << plot.title << "](" << plot.name << ".png)\n\n";
    write_markdown(out, input.runs);
    out << "\n## Environment\n\n";
    if (!input.runs.empty())
        for (const auto& [name, value] : input.runs.front().environment)
            out << "- " << printable(name + ": " + value) << '\n';
    out << "\n## Again\n\n    " << printable(how_to_reproduce(input)) << '\n';
    if (!input.spec_json.empty())
        out << "\nSpec " << input.spec_hash << ":\n\n```json\n" << input.spec_json << "\n```\n";
    return out.str();
}

} // namespace sweetspot

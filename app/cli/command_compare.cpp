#include "app/analysis/compare.h"
#include "app/analysis/format.h"
#include "app/analysis/series.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/references.h"
#include "app/cli/run_table.h"
#include "app/experiment/config_json.h"
#include "app/experiment/printable.h"
#include "engine/config/nearest.h"
#include <algorithm>
#include <iostream>
#include <set>

// sweetspot compare: two runs, or two sweeps run by run; a verdict for people and an exit code for
// scripts.

namespace sweetspot {

namespace {

struct CompareCommandOptions {
    std::string a = "last~1", b = "last";
    std::string store = default_store_path().string();
    std::string output = "md";
    std::vector<std::string> fail_on;
    double tolerance_percent = 100 * CompareOptions{}.tolerance;
};

/// Two runs that stand for each other.
struct Pair {
    RunRecord a, b;
    Comparison comparison;
};

/// Fields that are the same throughout each set, and differ between them: what was changed.
std::vector<std::string> changed_fields(const std::vector<RunRecord>& a,
                                        const std::vector<RunRecord>& b) {
    const auto within_a = varying_fields(a), within_b = varying_fields(b);
    std::vector<std::string> changed;
    for (const RunField& field : run_fields()) {
        const std::string name(field.name);
        const auto varies = [&](const auto& names) {
            return std::find(names.begin(), names.end(), name) != names.end();
        };
        if (!varies(within_a) && !varies(within_b) &&
            field.get(a.front().config) != field.get(b.front().config))
            changed.push_back(name);
    }
    return changed;
}

/// The finished runs of both that are equal but for what was changed; of single runs the two.
std::vector<Pair> pairs_of(const RunSet& a, const RunSet& b, const CompareOptions& options) {
    std::vector<Pair> pairs;
    const bool single = a.runs.size() == 1 && b.runs.size() == 1;
    const auto changed = changed_fields(a.runs, b.runs);
    for (const auto& run_a : a.runs) {
        RunConfig wanted = run_a.config;
        for (const auto& field : changed)
            set_field(wanted, field, get_field(b.runs.front().config, field));
        for (const auto& run_b : b.runs) {
            const bool done = run_a.status == RunStatus::done && run_b.status == RunStatus::done;
            if (single || (done && run_b.config == wanted))
                pairs.push_back({run_a, run_b, compare(run_a, run_b, options)});
        }
    }
    return pairs;
}

std::string verdict_text(const MetricComparison& m) {
    const auto better = find_metric(m.metric)->better;
    const bool less = m.ratio < 1;
    switch (m.verdict) {
    case Verdict::same: return "same";
    case Verdict::undecided:
        return m.ratio == 1 && m.needs.empty() ? "same"
               : better == Better::neither     ? "different"
                                               : "undecided";
    case Verdict::not_comparable: return "not comparable";
    case Verdict::better:
    case Verdict::worse: break;
    }
    const std::string unit(find_metric(m.metric)->unit);
    const bool fast = m.verdict == Verdict::better;
    if (unit == "s" || unit == "tokens/s" || unit == "FLOP/s") return fast ? "faster" : "slower";
    return std::string(less ? "less" : "more") + (fast ? ", better" : ", worse");
}

std::string ratio_text(const MetricComparison& m) {
    if (!std::isfinite(m.ratio)) return "from 0";
    std::string text = format_number(m.ratio, 4);
    if (m.ratio_low != m.ratio_high)
        text +=
            " (" + format_number(m.ratio_low, 4) + " to " + format_number(m.ratio_high, 4) + ")";
    return text;
}

RunTable metric_table(const Comparison& comparison) {
    RunTable table{.columns = {{"metric", false},
                               {"A", true},
                               {"B", true},
                               {"B / A (95 %)", true},
                               {"verdict", false}}};
    for (const auto& m : comparison.metrics) {
        const auto& info = *find_metric(m.metric);
        if (m.a == 0 && m.b == 0) continue;
        table.rows.push_back({std::string(info.title), format_value(m.a, info.unit),
                              format_value(m.b, info.unit), ratio_text(m), verdict_text(m)});
    }
    return table;
}

RunTable difference_table(const Comparison& comparison) {
    RunTable table{.columns = {{"differs", false}, {"A", false}, {"B", false}, {"", false}}};
    for (const auto& d : comparison.differences)
        table.rows.push_back({d.name, d.a, d.b, d.environment ? "environment" : "field"});
    return table;
}

/// Of sweeps: a row a pair, with what people look at first.
RunTable pair_table(const std::vector<Pair>& pairs) {
    std::vector<RunRecord> runs;
    for (const auto& pair : pairs) runs.push_back(pair.a);
    const auto varying = varying_fields(runs);
    RunTable table{.columns = {{"run A", true}, {"run B", true}, {"point", false}}};
    const std::array shown{"step_seconds", "decode_seconds", "peak_bytes", "perplexity"};
    for (const auto name : shown) {
        const auto has = [&](const Pair& pair) {
            return std::any_of(pair.comparison.metrics.begin(), pair.comparison.metrics.end(),
                               [&](const auto& m) { return m.metric == name; });
        };
        if (!std::any_of(pairs.begin(), pairs.end(), has)) continue;
        table.columns.push_back({std::string(find_metric(name)->title) + " B / A", true});
        table.columns.push_back({"verdict", false});
    }
    for (const auto& pair : pairs) {
        std::vector<std::string> row{std::to_string(pair.a.id), std::to_string(pair.b.id),
                                     point_name(pair.a.config, varying)};
        for (const auto name : shown)
            for (const auto& m : pair.comparison.metrics)
                if (m.metric == name) {
                    row.push_back(ratio_text(m));
                    row.push_back(verdict_text(m));
                }
        row.resize(table.columns.size());
        table.rows.push_back(std::move(row));
    }
    return table;
}

Json json_of(const Pair& pair) {
    Json metrics = Json::array(), differences = Json::array();
    for (const auto& m : pair.comparison.metrics)
        metrics.push_back({{"metric", m.metric},
                           {"a", json_number(m.a)},
                           {"b", json_number(m.b)},
                           {"ratio", json_number(m.ratio)},
                           {"ratio_low", json_number(m.ratio_low)},
                           {"ratio_high", json_number(m.ratio_high)},
                           {"verdict", to_text(m.verdict)},
                           {"needs", m.needs}});
    for (const auto& d : pair.comparison.differences)
        differences.push_back(
            {{"name", d.name}, {"a", d.a}, {"b", d.b}, {"environment", d.environment}});
    return {{"run_a", pair.a.id},
            {"run_b", pair.b.id},
            {"metrics", metrics},
            {"differences", differences},
            {"warnings", pair.comparison.warnings}};
}

/// What would decide where nothing did, and why things are not comparable: a sentence each, once.
void write_needs(const std::vector<Pair>& pairs) {
    std::map<std::string, std::set<std::string>> metrics; // by what they need
    for (const auto& pair : pairs)
        for (const auto& m : pair.comparison.metrics)
            if (!m.needs.empty())
                metrics[(m.verdict == Verdict::undecided ? "Undecided: " : "Not comparable: ") +
                        m.needs]
                    .insert(std::string(find_metric(m.metric)->title));
    for (const auto& [needs, of] : metrics) {
        std::string names;
        for (const auto& name : of) names += (names.empty() ? "" : ", ") + name;
        std::cout << printable(needs) << " (" << names << ").\n";
    }
    if (!metrics.empty()) std::cout << '\n';
}

void write(const std::vector<Pair>& pairs, const RunSet& a, const RunSet& b) {
    std::cout << "A: " << printable(a.title) << "\nB: " << printable(b.title) << "\n\n";
    if (pairs.size() == 1)
        write_markdown_table(std::cout, metric_table(pairs.front().comparison));
    else
        write_markdown_table(std::cout, pair_table(pairs));
    std::cout << '\n';
    if (const auto table = difference_table(pairs.front().comparison); !table.rows.empty()) {
        write_markdown_table(std::cout, table);
        std::cout << '\n';
    }
    write_needs(pairs);
    std::set<std::string> said;
    for (const auto& pair : pairs)
        for (const auto& warning : pair.comparison.warnings)
            if (pairs.size() == 1 ||
                (!warning.starts_with("A is noisy") && !warning.starts_with("B is noisy")))
                if (said.insert(warning).second)
                    std::cout << "Warning: " << printable(warning) << '\n';
}

/// What a gate makes of a metric: exit_done, or what it ends the program with.
ExitCode judged(const std::string& gate, const MetricComparison& m) {
    const auto watched = find_metric(m.metric)->gate;
    const bool any = gate == "undecided" && !watched.empty();
    if (!any && watched != gate) return exit_done;
    if (m.verdict == Verdict::not_comparable) return exit_not_comparable;
    if (any) return m.verdict == Verdict::undecided ? exit_undecided : exit_done;
    return m.verdict == Verdict::worse ? exit_gate_broken : exit_done;
}

/// The gates that the verdicts break, each told on standard error. A broken gate outweighs what is
/// not comparable, and that outweighs what is undecided.
int judge(const std::vector<Pair>& pairs, const std::vector<std::string>& fail_on) {
    constexpr std::array by_weight{exit_done, exit_undecided, exit_not_comparable,
                                   exit_gate_broken};
    auto heaviest = by_weight.begin();
    for (const auto& pair : pairs)
        for (const auto& m : pair.comparison.metrics)
            for (const auto& gate : fail_on) {
                const auto code = judged(gate, m);
                if (code == exit_done) continue;
                heaviest = std::max(heaviest, std::find(by_weight.begin(), by_weight.end(), code));
                std::cerr << "Gate " << gate << ": " << find_metric(m.metric)->title << " of run "
                          << pair.b.id << " is " << ratio_text(m) << " times that of run "
                          << pair.a.id
                          << (code == exit_gate_broken
                                  ? std::string()
                                  : ", " + to_text(m.verdict) +
                                        (m.needs.empty() ? "" : ": " + m.needs))
                          << ".\n";
            }
    return *heaviest;
}

/// Throws Error(bad_input) where there is no such gate. "ambiguous" is what undecided once was.
std::vector<std::string> checked_gates(std::vector<std::string> fail_on) {
    std::vector<std::string> names{"undecided"};
    for (const auto& metric : metric_catalogue)
        if (!metric.gate.empty()) names.emplace_back(metric.gate);
    std::replace(fail_on.begin(), fail_on.end(), std::string("ambiguous"),
                 std::string("undecided"));
    for (const auto& gate : fail_on)
        if (std::find(names.begin(), names.end(), gate) == names.end())
            throw Error(Failure::bad_input,
                        "There is no gate \"" + gate + "\"" + did_you_mean(gate, names));
    return fail_on;
}

int compare_runs(const CompareCommandOptions& options) {
    if (options.output != "md" && options.output != "json")
        throw Error(Failure::bad_input,
                    "`compare` writes md or json, not \"" + options.output + "\".");
    const auto fail_on = checked_gates(options.fail_on);
    const Store store = open_for_reading(options.store);
    const auto a = find_runs(store, options.a), b = find_runs(store, options.b);
    const auto pairs = pairs_of(a, b, {.tolerance = options.tolerance_percent / 100});
    if (pairs.empty()) {
        std::cerr << "Not comparable: no finished run of " << printable(a.title)
                  << " has a counterpart in " << printable(b.title)
                  << ": they vary different fields.\n";
        return exit_not_comparable;
    }
    if (options.output == "json") {
        Json rows = Json::array();
        for (const auto& pair : pairs) rows.push_back(json_of(pair));
        std::cout << printable_json(dump(rows, 2)) << '\n';
    } else {
        write(pairs, a, b);
    }
    return judge(pairs, fail_on);
}

} // namespace

void write_comparison(const RunSet& a, const RunSet& b) {
    if (const auto pairs = pairs_of(a, b, {}); !pairs.empty()) write(pairs, a, b);
}

void add_compare_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("compare", "say what B changes against A, with verdicts");
    const auto options = std::make_shared<CompareCommandOptions>();
    command->add_option("A", options->a, "last, last~1, s3, 12, a hash or a sweep's name (last~1)");
    command->add_option("B", options->b, "likewise (last)");
    command
        ->add_option("--fail-on", options->fail_on,
                     "exit 3 if B is worse in slower, memory or quality; 6 if undecided; 7 if not "
                     "comparable")
        ->delimiter(',')
        ->type_name("GATES")
        ->allow_extra_args(false);
    command
        ->add_option("--tolerance", options->tolerance_percent,
                     "a smaller change of a time, in percent, is the same (2)")
        ->type_name("PERCENT");
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command->add_option("-o,--output", options->output, "md or json (md)")->type_name("FORMAT");
    command->footer(
        "Times are judged by their rounds (--rounds of `run`): by what varies from one worker to\n"
        "the next, not from step to step. Faster and slower need six rounds at least, measured\n"
        "turn about (one sweep, or `run --interleave`), that lie beyond the tolerance with 99.9 %\n"
        "certainty; two rounds where they all lie beyond a factor of two, which no state of a\n"
        "machine explains. Else, and where a run is noisy or was disturbed, the verdict is\n"
        "undecided, and what would decide is said. Runs of one configuration are told apart in\n"
        "fewer than one of a thousand pairs. Runs of different tasks, losses over different\n"
        "tokens and runs that are not done are not comparable.\n\n"
        "Exit status: 0 done; 3 a gate is broken; 6 a gate asked for undecided, and it is; 7 not\n"
        "comparable: no pair of runs, or what a gate looks at.\n\n"
        "  sweetspot compare 12 15\n"
        "  sweetspot compare last~1 last --fail-on slower,memory,quality");
    command->callback(
        [options, &action] { action = [options] { return compare_runs(*options); }; });
}

} // namespace sweetspot

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
    RunConfig probe;
    each_field(probe, [&](const Field& field, auto&) {
        const std::string name(field.name);
        const auto varies = [&](const auto& names) {
            return std::find(names.begin(), names.end(), name) != names.end();
        };
        if (!varies(within_a) && !varies(within_b) &&
            get_field(a.front().config, name) != get_field(b.front().config, name))
            changed.push_back(name);
    });
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
    case Verdict::ambiguous:
        return m.ratio == 1 ? "same" : better == Better::neither ? "different" : "ambiguous";
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
                                     point_name(pair.a, varying)};
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
                           {"verdict", to_text(m.verdict)}});
    for (const auto& d : pair.comparison.differences)
        differences.push_back(
            {{"name", d.name}, {"a", d.a}, {"b", d.b}, {"environment", d.environment}});
    return {{"run_a", pair.a.id},
            {"run_b", pair.b.id},
            {"metrics", metrics},
            {"differences", differences},
            {"warnings", pair.comparison.warnings}};
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
    std::set<std::string> said;
    for (const auto& pair : pairs)
        for (const auto& warning : pair.comparison.warnings)
            if (pairs.size() == 1 ||
                !warning.starts_with("A is noisy") && !warning.starts_with("B is noisy"))
                if (said.insert(warning).second)
                    std::cout << "Warning: " << printable(warning) << '\n';
}

/// The gates that the verdicts break, each told on standard error.
int judge(const std::vector<Pair>& pairs, const std::vector<std::string>& fail_on) {
    int status = exit_done;
    for (const auto& pair : pairs)
        for (const auto& m : pair.comparison.metrics)
            for (const auto& gate : fail_on) {
                const auto& info = *find_metric(m.metric);
                const bool broken = info.gate == gate && m.verdict == Verdict::worse;
                const bool unclear =
                    gate == "ambiguous" && m.verdict == Verdict::ambiguous && !info.gate.empty();
                if (!broken && !unclear) continue;
                std::cerr << "Gate " << gate << ": " << info.title << " of run " << pair.b.id
                          << " is " << ratio_text(m) << " times that of run " << pair.a.id << ".\n";
                if (broken) status = exit_gate_broken;
                if (unclear && status == exit_done) status = exit_ambiguous;
            }
    return status;
}

std::vector<std::string> checked_gates(const std::vector<std::string>& fail_on) {
    std::vector<std::string> names{"ambiguous"};
    for (const auto& metric : metric_catalogue)
        if (!metric.gate.empty()) names.emplace_back(metric.gate);
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
    if (pairs.empty())
        throw Error(Failure::bad_input, "No finished run of " + a.title + " has a counterpart in " +
                                            b.title + ": they vary different fields.");
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

void add_compare_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("compare", "say what B changes against A, with verdicts");
    const auto options = std::make_shared<CompareCommandOptions>();
    command->add_option("A", options->a, "last, last~1, s3, 12, a hash or a sweep's name (last~1)");
    command->add_option("B", options->b, "likewise (last)");
    command
        ->add_option("--fail-on", options->fail_on,
                     "exit 3 if B is worse in slower, memory or quality; 6 if ambiguous")
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
        "Runs are faster or slower only if the interval lies beyond the tolerance and the\n"
        "samples are apart; runs of one configuration never are.\n\n"
        "  sweetspot compare 12 15\n"
        "  sweetspot compare last~1 last --fail-on slower,memory,quality");
    command->callback(
        [options, &action] { action = [options] { return compare_runs(*options); }; });
}

} // namespace sweetspot

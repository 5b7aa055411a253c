#include "app/analysis/pair_words.h"
#include "app/cli/commands.h"
#include "app/cli/comparison.h"
#include "app/cli/exit_code.h"
#include "app/cli/references.h"
#include "app/experiment/printable.h"
#include "app/store/trace_path.h"
#include "engine/config/nearest.h"
#include "profiler/trace/file.h"
#include <algorithm>
#include <iostream>

// sweetspot compare: two runs, or two sweeps run by run; a verdict for people and an exit code for
// scripts.

namespace sweetspot {

namespace {

struct CompareCommandOptions {
    std::string a = "last~1", b = "last";
    std::string store = default_store_path().string();
    std::string output = "md", by = "phase";
    std::vector<std::string> fail_on;
    double tolerance_percent = 100 * CompareOptions{}.tolerance;
    double logit_tolerance = usual_tolerance;
};

/// What a gate makes of a metric: exit_done, or what it ends the program with.
ExitCode judged(const std::string& gate, const MetricComparison& m) {
    const auto watched = find_metric(m.metric)->gate;
    const bool any = gate == "undecided" && !watched.empty();
    if (!any && watched != gate) return exit_done;
    switch (m.verdict) {
    case Verdict::not_comparable: return exit_not_comparable;
    case Verdict::undecided: return exit_undecided; // it did not hold: nobody knows
    case Verdict::worse: return any ? exit_done : exit_gate_broken;
    case Verdict::better:
    case Verdict::same: break;
    }
    return exit_done;
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
                          << pair.b->id << " is " << ratio_text(m) << " times that of run "
                          << pair.a->id
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

/// Details of many runs are much to read, and only a single pair shows them.
constexpr std::size_t most_detailed = 64;

RunSet runs_to_compare(const Store& store, const std::string& reference) {
    auto set = find_runs(store, reference);
    return set.runs.size() > most_detailed ? set : find_runs(store, reference, true);
}

/// The recorded traces of both; nothing where one has none.
std::vector<Timeline> recorded(const Store& store, const Pair& pair) {
    std::vector<Timeline> timelines;
    for (const auto* run : {pair.a, pair.b}) {
        const auto file = trace_path(store.path(), run->id);
        if (run->id == 0 || !std::filesystem::exists(file)) return {};
        timelines.push_back(make_timeline(read_trace(file.string())));
    }
    return timelines;
}

int compare_runs(const CompareCommandOptions& options) {
    constexpr std::array<std::string_view, 3> formats{"md", "json", "html"};
    if (std::find(formats.begin(), formats.end(), options.output) == formats.end())
        throw Error(Failure::bad_input, "`compare` writes md, json or html, not \"" +
                                            options.output + "\"" +
                                            did_you_mean(options.output, formats));
    ComparedSets sets;
    if (!from_text(options.by, sets.by))
        throw Error(Failure::bad_input, "There is no waterfall by \"" + options.by + "\"" +
                                            did_you_mean(options.by, names_of(By{})));
    const auto fail_on = checked_gates(options.fail_on);
    const Store store = open_for_reading(options.store);
    const auto a = runs_to_compare(store, options.a), b = runs_to_compare(store, options.b);
    sets.title_a = a.title;
    sets.title_b = b.title;
    sets.logit_tolerance = options.logit_tolerance;
    sets.found = match(a.runs, b.runs, {.tolerance = options.tolerance_percent / 100});
    if (!sets.found.problem.empty()) {
        std::cerr << "Not comparable: A is " << printable(a.title) << ", B is "
                  << printable(b.title) << ". " << sets.found.problem << '\n';
        return exit_not_comparable;
    }
    if (sets.by == By::kernel && sets.found.pairs.size() == 1)
        sets.timelines = recorded(store, sets.found.pairs.front());
    if (options.output == "json")
        write_comparison_json(std::cout, sets);
    else if (options.output == "html")
        write_comparison_html(std::cout, sets);
    else
        write_comparison_markdown(std::cout, sets);
    return judge(sets.found.pairs, fail_on);
}

} // namespace

void write_comparison(const RunSet& a, const RunSet& b) {
    const ComparedSets sets{a.title, b.title, match(a.runs, b.runs)};
    if (sets.found.problem.empty()) write_comparison_markdown(std::cout, sets);
}

void add_compare_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("compare", "say what B changes against A, with verdicts");
    const auto options = std::make_shared<CompareCommandOptions>();
    command->add_option(
        "A", options->a,
        "last, last~1, pinned, s3, 12, a hash, a sweep's name or a file of `export -o jsonl` "
        "(last~1)");
    command->add_option("B", options->b, "likewise (last)");
    command
        ->add_option("--fail-on", options->fail_on,
                     "exit 3 if B is worse in slower, memory or quality; 6 if that is undecided; 7 "
                     "if not comparable. undecided: 6 for any of the three")
        ->delimiter(',')
        ->type_name("GATES")
        ->allow_extra_args(false);
    command
        ->add_option("--tolerance", options->tolerance_percent,
                     "a smaller change of a time, in percent, is the same (2)")
        ->type_name("PERCENT");
    command
        ->add_option("--logit-tolerance", options->logit_tolerance,
                     "what counts as a difference to a reference: of a logit in size, of a layer's "
                     "output relative to it (0.01)")
        ->check(CLI::PositiveNumber)
        ->type_name("N");
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command->add_option("-o,--output", options->output, "md, json or html (md)")
        ->type_name("FORMAT");
    command
        ->add_option(
            "--by", options->by,
            "where the difference of two runs is: by phase, region, op, layer, or kernel of "
            "recorded traces (phase)")
        ->type_name("PARTS");
    command->footer(
        "Times are judged by their rounds (--rounds of `run`): by what varies from one worker\n"
        "to the next, not from step to step. Faster and slower need six rounds at least,\n"
        "measured turn about (one sweep, or `run --interleave`), that lie beyond the\n"
        "tolerance with 99.9 % certainty; two rounds where they all lie beyond a factor of\n"
        "two, which no state of a machine explains; times that differ by 100 ns or less, as a\n"
        "clock may, are the same. Else, and where a run is noisy or was disturbed, the\n"
        "verdict is undecided, and what would decide is said. Runs of one configuration are\n"
        "told apart in fewer than one of a thousand pairs; of many pairs at once those\n"
        "verdicts are taken back that so many would give by chance (Holm, one false in twenty\n"
        "tables). Runs of different tasks, losses over different tokens and runs that are not\n"
        "done are not comparable.\n\n"
        "Of two runs with traces it says where the difference is: bars by --by that add up to\n"
        "it exactly, each said to be inside the noise where it is.\n\n"
        "Of two runs that scored the same tokens (task perplexity, or --quality of `run`) it\n"
        "says what was lost in perplexity, with the interval that a bootstrap of the text's\n"
        "stretches gives; of a run with a reference, how far its logits and layers are off,\n"
        "and where first.\n\n"
        "A baseline that is kept beside the code: `sweetspot export s3 -o jsonl > base.jsonl`\n"
        "once, then `sweetspot compare base.jsonl last --fail-on slower,memory`.\n\n"
        "Exit status: 0 every gate holds; 3 one is broken; 6 one is undecided, which is no\n"
        "pass, and what would decide is said (a script that lets it pass takes 6 for 0); 7\n"
        "not comparable: no pair of runs, or what a gate looks at.\n\n"
        "  sweetspot compare 12 15\n"
        "  sweetspot compare last~1 last --fail-on slower,memory,quality");
    command->callback(
        [options, &action] { action = [options] { return compare_runs(*options); }; });
}

} // namespace sweetspot

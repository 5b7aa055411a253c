// sweetspot trace: one step of a stored run again, with every instrument that there is. What it saw
// goes into a file beside the database; what took the time is said here.
#include "app/analysis/format.h"
#include "app/analysis/roofline.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/outputs.h"
#include "app/cli/run_table.h"
#include "app/experiment/printable.h"
#include "app/runner/devices.h"
#include "app/store/ceilings_file.h"
#include "app/store/trace_path.h"
#include "profiler/trace/file.h"
#include <algorithm>
#include <iostream>

namespace sweetspot {

namespace {

struct TraceOptions {
    std::string run = "last";
    std::string store = default_store_path().string();
    bool counters = false, overhead = false;
};

/// Progress is for people: on standard error, and only where one looks.
void say(const Line& line) {
    const auto* phase = std::get_if<Phase>(&line);
    if (phase && phase->fraction == 0) std::cerr << "sweetspot: " << phase->name << " …\n";
}

std::string rate(double amount, double seconds, std::string_view unit) {
    return amount > 0 && seconds > 0 ? format_value(amount / seconds, unit) : "";
}

std::string percent(double share) {
    return format_number(100 * share) + " %";
}

/// Ops of all layers together, the longest first: their shares of the step and of the roofs.
RunTable table_of(const std::vector<PlacedRegion>& ops, bool has_roofs) {
    RunTable table{.columns = {{"op", false},
                               {"calls"},
                               {"time"},
                               {"share"},
                               {"FLOP/s"},
                               {"of the roof"},
                               {"B/s"},
                               {"of the roof"},
                               {"bound by", false}}};
    double all = 0;
    for (const auto& op : ops) all += op.time.seconds();
    for (const auto& [time, place, counts_bytes] : ops)
        table.rows.push_back({time.path, std::to_string(time.calls),
                              format_value(time.seconds(), "s"),
                              percent(all > 0 ? time.seconds() / all : 0),
                              rate(time.cost.flops, time.seconds(), "FLOP/s"),
                              place.compute_share > 0 ? percent(place.compute_share) : "",
                              rate(time.cost.bytes, time.seconds(), "B/s"),
                              place.memory_share > 0 ? percent(place.memory_share) : "",
                              has_roofs ? to_text(place.bound) : ""});
    return table;
}

/// What the processors counted by op, of all layers together. Counters that never did are left out.
RunTable counts_of(const Trace& trace) {
    const auto times = region_times(trace);
    const auto has = [](const RegionTime& time, std::size_t counter) {
        return counter < time.counts.size() && time.counts[counter];
    };
    RunTable table{.columns = {{"op", false}, {"calls"}}};
    std::vector<std::size_t> shown;
    for (std::size_t c = 0; c < trace.counters.size(); ++c)
        if (std::any_of(times.begin(), times.end(), [&](const auto& one) { return has(one, c); })) {
            shown.push_back(c);
            table.columns.push_back({trace.counters[c]});
        }
    for (const RegionTime& time : times) {
        if (!time.op || time.counts.empty()) continue;
        std::vector<std::string> row{time.path, std::to_string(time.calls)};
        for (const std::size_t c : shown)
            row.push_back(has(time, c) ? format_number(*time.counts[c]) : "");
        table.rows.push_back(std::move(row));
    }
    return table;
}

std::string fact(const Trace& trace, const char* name) {
    const auto found = trace.facts.find(name);
    return found == trace.facts.end() ? "" : found->second;
}

/// Those of the device that the trace is of.
Ceilings ceilings_for(const Trace& trace, const RunConfig& config,
                      const std::filesystem::path& store) {
    const bool gpu = config.device == DeviceKind::cuda;
    int threads = 0;
    if (!gpu && !from_text(fact(trace, "threads"), threads)) return {};
    return find_ceilings(store, fact(trace, gpu ? "gpu" : "cpu"), threads).value_or(Ceilings{});
}

/// Of a fact that is a share.
std::string signed_percent(const std::string& share) {
    double value = 0;
    from_text(share, value);
    return (value > 0 ? "+" : "") + percent(value);
}

/// A roof is what the machine gives at best: what comes out above says that it was measured in a
/// worse moment.
void say_beaten_roofs(const std::vector<PlacedRegion>& ops) {
    constexpr double noise = 1.05;
    double most = noise;
    for (const auto& op : ops)
        most = std::max({most, op.placement.compute_share, op.placement.memory_share});
    if (most > noise)
        std::cout << "An op did " << percent(most)
                  << " of its roof, so the roofs are too low: they were measured while the machine "
                     "was slower. `sweetspot ceilings --measure` measures them again.\n";
}

void summarise(const Trace& trace, const Ceilings& ceilings) {
    const auto ops = placed_ops(trace, ceilings);
    write_markdown_table(std::cout, table_of(ops, !ceilings.all.empty()));
    const bool counted =
        std::any_of(ops.begin(), ops.end(), [](const auto& op) { return op.bytes_counted; });
    if (ceilings.all.empty())
        std::cout << "Shares of the roofs need this device's ceilings: `sweetspot ceilings "
                     "--measure` measures them.\n";
    else
        std::cout << "Roofs measured " << utc_time(ceilings.unix_seconds) << "; bytes are "
                  << (counted ? "the GPU's own count of DRAM's.\n"
                              : "estimated: each tensor that an op reads or writes counts once.\n");
    say_beaten_roofs(ops);
    if (const std::string costs = fact(trace, "tracing costs"); !costs.empty())
        std::cout << "tracing costs " << signed_percent(costs)
                  << " of a step (95 %: " << signed_percent(fact(trace, "tracing costs at least"))
                  << " to " << signed_percent(fact(trace, "tracing costs at most")) << ")\n";
    const Attribution found = attribution(trace);
    if (found.kernels > 0)
        std::cout << found.kernels << " kernels, " << found.in_an_op << " of them of a known op; "
                  << trace.dropped << " records lost\n";
    if (const std::string held = fact(trace, "gpu held back by"); !held.empty())
        std::cout << "the GPU was held back by " << printable(held) << '\n';
    constexpr double worth_saying = 0.02;
    for (const auto& [name, what] :
         {std::pair("others' load", "others used"), std::pair("stolen", "other guests took")}) {
        double share = 0;
        if (from_text(fact(trace, name), share) && share >= worth_saying)
            std::cout << what << ' ' << percent(share)
                      << " of the processors meanwhile: the times are longer for it\n";
    }
    for (const auto& [name, why] : trace.absent)
        std::cout << "no " << name << ": " << printable(why) << '\n';
}

int trace(const TraceOptions& options) {
    const Store store = open_for_reading(options.store);
    const RunRecord run = find_one_run(store, options.run, "A trace");
    if (run.config.device == DeviceKind::plan)
        throw Error(Failure::bad_input, "Run " + std::to_string(run.id) +
                                            " is a prediction, which computes nothing: trace a "
                                            "run on cpu or cuda.");
    const auto file = trace_path(store.path(), run.id);
    std::filesystem::create_directories(file.parent_path());
    std::vector<std::string> flags;
    if (options.counters) flags.push_back("--counters");
    if (options.overhead) flags.push_back("--overhead");
    trace_run(run.config, std::filesystem::absolute(file), flags, say);
    const Trace recorded = read_trace(file.string());
    summarise(recorded, ceilings_for(recorded, run.config, store.path()));
    if (options.counters && !recorded.counts.empty()) {
        std::cout << '\n';
        write_markdown_table(std::cout, counts_of(recorded));
    }
    std::cout << "trace: " << printable(file.string()) << " ("
              << format_value(double(std::filesystem::file_size(file)), "bytes") << ", "
              << recorded.regions.size() + recorded.activities.size() << " events); "
              << "`sweetspot export " << run.id << " -o pftrace` makes it readable elsewhere\n";
    return exit_done;
}

} // namespace

void add_trace_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "trace", "record one step of a run: regions, kernels, memory, clocks, counters");
    const auto options = std::make_shared<TraceOptions>();
    command->add_option("RUN", options->run, "12, a hash, or what has one run (last)");
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command->add_flag("--counters", options->counters,
                      "show what the processors counted by op; on a GPU steps more are run for it");
    command->add_flag("--overhead", options->overhead,
                      "say what tracing costs: ten pairs of steps, one of each traced");
    command->footer(
        "  sweetspot trace 12\n"
        "  sweetspot trace 12 --counters                   bytes of DRAM, cache misses, ...\n"
        "  sweetspot export 12 -o pftrace > run.pftrace    for ui.perfetto.dev\n"
        "The trace lies beside the database; the run's own numbers do not change.");
    command->callback([options, &action] { action = [options] { return trace(*options); }; });
}

} // namespace sweetspot

#include "app/analysis/kernels.h"
#include "app/analysis/trace_events.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/llama_bench.h"
#include "app/cli/outputs.h"
#include "app/cli/pivot_table.h"
#include "app/cli/references.h"
#include "app/cli/trace_json.h"
#include "app/experiment/printable.h"
#include "app/store/import_file.h"
#include "app/store/trace_path.h"
#include "engine/config/nearest.h"
#include "profiler/trace/file.h"
#include <algorithm>
#include <iostream>

// sweetspot export and import: runs into other programs, and runs of other machines into this
// database.

namespace sweetspot {

namespace {

struct ExportOptions {
    std::vector<std::string> runs;
    std::string store = default_store_path().string();
    std::string output = "csv";
    std::string pivot;
};

/// What is made of a run's recorded trace (`sweetspot trace`), by the format's name.
using Exporter = std::string (*)(const Trace&, const std::string& title);
template <std::string (*table)(const Trace&)>
std::string without_title(const Trace& trace, const std::string&) {
    return table(trace);
}
const std::map<std::string, Exporter, std::less<>> of_traces{
    {"trace", chrome_trace},
    {"pftrace", perfetto_trace},
    {"kernels-csv", without_title<kernels_csv>},
    {"kernels-json", without_title<kernels_json>},
    {"regions-csv", without_title<regions_csv>},
    {"regions-json", without_title<regions_json>}};
constexpr std::array<std::string_view, 11> formats{
    "csv",     "json",        "jsonl",        "sql",         "llama-bench", "trace",
    "pftrace", "kernels-csv", "kernels-json", "regions-csv", "regions-json"};

/// The recorded trace of the one run that is asked for; none is no error where sums will do.
std::optional<Trace> recorded_trace(const Store& store, const std::vector<RunRecord>& runs) {
    if (runs.size() != 1) return {};
    const auto file = trace_path(store.path(), runs.front().id);
    if (!std::filesystem::exists(file)) return {};
    return read_trace(file.string());
}

std::vector<RunRecord> runs_asked_for(const ExportOptions& options, const Store& store,
                                      bool with_details) {
    std::vector<RunRecord> runs;
    for (const auto& reference : options.runs)
        for (auto& run : find_runs(store, reference, with_details).runs)
            runs.push_back(std::move(run));
    return runs;
}

int export_runs(const ExportOptions& options) {
    if (!options.pivot.empty()) {
        write_pivot(std::cout, runs_asked_for(options, open_for_reading(options.store), false),
                    options.pivot, output_format(options.output));
        return exit_done;
    }
    if (std::find(formats.begin(), formats.end(), options.output) == formats.end())
        throw Error(Failure::bad_input, "There is no export format \"" + options.output + "\"" +
                                            did_you_mean(options.output, formats));
    const auto of_trace = of_traces.find(options.output);
    const bool sums_will_do = options.output == "trace";
    const Store store = open_for_reading(options.store);
    const auto runs = runs_asked_for(options, store, sums_will_do);
    if (of_trace == of_traces.end() && options.output == "llama-bench") {
        write_llama_bench(std::cout, runs);
        return exit_done;
    }
    if (of_trace == of_traces.end()) {
        write_runs(std::cout, runs, output_format(options.output), "");
        return exit_done;
    }
    if (const auto trace = recorded_trace(store, runs))
        std::cout << of_trace->second(*trace, "run " + std::to_string(runs.front().id));
    else if (sums_will_do)
        write_trace(std::cout, runs);
    else if (runs.size() == 1)
        throw Error(Failure::bad_input, "Run " + std::to_string(runs.front().id) +
                                            " has no recorded trace: `sweetspot "
                                            "trace " +
                                            std::to_string(runs.front().id) + "` records one.");
    else
        throw Error(Failure::bad_input, "-o " + options.output + " is of one run, and " +
                                            std::to_string(runs.size()) + " are asked for.");
    return exit_done;
}

struct ImportOptions {
    std::string file;
    std::string store = default_store_path().string();
};

int import_runs(const ImportOptions& options) {
    if (!std::filesystem::exists(options.file))
        throw Error(Failure::bad_input, "There is no file " + options.file + ".");
    Store store(options.store);
    const int count = import_file(store, options.file);
    std::cout << count << (count == 1 ? " sweep" : " sweeps") << " imported into "
              << printable(store.path().string()) << '\n';
    return exit_done;
}

} // namespace

void add_export_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand("export", "runs as CSV, JSON, SQL or a trace");
    const auto options = std::make_shared<ExportOptions>();
    options->runs = {"last"};
    command->add_option("RUN", options->runs,
                        "last, last~1, s3, 12, a hash or a sweep's name (last)");
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command
        ->add_option("-o,--output", options->output,
                     "csv, json, jsonl, sql, llama-bench; of one run that was traced: pftrace for "
                     "Perfetto, trace "
                     "for chrome://tracing, kernels-csv, kernels-json, regions-csv, "
                     "regions-json (csv)")
        ->type_name("FORMAT");
    command
        ->add_option("--pivot", options->pivot,
                     "a table of the second field's values across, of a metric; also -o md, "
                     "or json")
        ->type_name("ROW,COLUMN,METRIC");
    command->footer(
        "  sweetspot export last -o csv > runs.csv\n"
        "  sweetspot export last --pivot attention,batch,peak_bytes -o md\n"
        "  sweetspot export 12 -o trace > trace.json       regions and memory of any run\n"
        "  sweetspot trace 12; sweetspot export 12 -o pftrace > run.pftrace");
    command->callback([options, &action] { action = [options] { return export_runs(*options); }; });
}

void add_import_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("import", "runs of another store or program into this one");
    const auto options = std::make_shared<ImportOptions>();
    command
        ->add_option("FILE", options->file,
                     "a database of runs, an export (json, jsonl), or what llama-bench wrote "
                     "(json, jsonl, csv, sql)")
        ->required();
    command->add_option("--store", options->store, "the database that takes them")
        ->type_name("FILE");
    command->callback([options, &action] { action = [options] { return import_runs(*options); }; });
}

} // namespace sweetspot

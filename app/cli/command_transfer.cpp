#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/outputs.h"
#include "app/cli/references.h"
#include "app/cli/trace_json.h"
#include "app/experiment/printable.h"
#include "engine/config/nearest.h"
#include <iostream>

// sweetspot export and import: runs into other programs, and runs of other machines into this
// database.

namespace sweetspot {

namespace {

struct ExportOptions {
    std::vector<std::string> runs;
    std::string store = default_store_path().string();
    std::string output = "csv";
};

int export_runs(const ExportOptions& options) {
    const bool trace = options.output == "trace";
    if (!trace && options.output != "csv" && options.output != "json" &&
        options.output != "jsonl" && options.output != "sql")
        throw Error(Failure::bad_input,
                    "There is no export format \"" + options.output + "\"" +
                        did_you_mean(options.output, std::array<std::string_view, 5>{
                                                         "csv", "json", "jsonl", "sql", "trace"}));
    const Store store = open_for_reading(options.store);
    std::vector<RunRecord> runs;
    for (const auto& reference : options.runs)
        for (auto& run : find_runs(store, reference, trace).runs) runs.push_back(std::move(run));
    if (trace)
        write_trace(std::cout, runs);
    else
        write_runs(std::cout, runs, output_format(options.output), "");
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
    const int count = store.import(options.file);
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
                     "csv, json, jsonl, sql, or trace for chrome://tracing and Perfetto (csv)")
        ->type_name("FORMAT");
    command->footer("  sweetspot export last -o csv > runs.csv\n"
                    "  sweetspot export 12 -o trace > trace.json");
    command->callback([options, &action] { action = [options] { return export_runs(*options); }; });
}

void add_import_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("import", "copy the sweeps of another store into this one");
    const auto options = std::make_shared<ImportOptions>();
    command->add_option("FILE", options->file, "a database of runs")->required();
    command->add_option("--store", options->store, "the database that takes them")
        ->type_name("FILE");
    command->callback([options, &action] { action = [options] { return import_runs(*options); }; });
}

} // namespace sweetspot

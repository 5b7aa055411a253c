// sweetspot reference: what a stored run answers, kept beside the database so that other runs can
// be held against it.
#include "app/analysis/format.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/references.h"
#include "app/experiment/printable.h"
#include "app/runner/devices.h"
#include "app/store/reference_path.h"
#include <iostream>

namespace sweetspot {

namespace {

struct ReferenceOptions {
    std::string run = "last";
    std::string store = default_store_path().string();
};

int keep(const ReferenceOptions& options) {
    const Store store = open_for_reading(options.store);
    const RunRecord run = find_one_run(store, options.run, "A reference");
    const std::string name = "run " + std::to_string(run.id);
    if (run.status != RunStatus::done)
        throw Error(Failure::bad_input, name + " is " + to_text(run.status) + ", not done.");
    if (run.config.device == DeviceKind::plan || !scope::is_scored(run.config))
        throw Error(Failure::bad_input, name + " has no quality pass to keep: measure it on cpu or "
                                               "cuda with --quality perplexity.");
    const auto file = reference_path(store.path(), run.id);
    std::filesystem::create_directories(file.parent_path());
    keep_reference(run.config, name, std::filesystem::absolute(file), [](const Line& line) {
        const auto* phase = std::get_if<Phase>(&line);
        if (phase && phase->fraction == 0) std::cerr << "sweetspot: " << phase->name << " …\n";
    });
    std::cout << "reference: " << printable(file.string()) << " ("
              << format_value(double(std::filesystem::file_size(file)), "bytes")
              << "); `--quality reference --reference " << run.id << "` holds runs against it\n";
    return exit_done;
}

} // namespace

void add_reference_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "reference", "keep a run's logits and layer outputs, to hold other runs against them");
    const auto options = std::make_shared<ReferenceOptions>();
    command->add_option("RUN", options->run, "12, a hash, or what has one run (last)");
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command->footer(
        "The run's quality pass is computed again, and kept beside the database: logits of the\n"
        "first scored tokens (up to 128 MiB), and what attention, the MLP and the residual stream\n"
        "give in each layer for 16 of these tokens. Runs are held against it by\n"
        "`--quality reference --reference RUN`, if they score the same tokens of the same data in\n"
        "the same windows with the same vocabulary; others are refused, with the reason.\n"
        "`--reference dense` needs no run: each point is held against its own model in f32, with\n"
        "nothing rounded or pruned.\n\n"
        "  sweetspot run -m gpt2 --weights FOLDER --quality perplexity --quality-data test.txt\n"
        "  sweetspot reference last\n"
        "  sweetspot run -m gpt2 --weights FOLDER --precision bf16 -a naive,flash \\\n"
        "      --quality reference --reference 1 --quality-data test.txt");
    command->callback([options, &action] { action = [options] { return keep(*options); }; });
}

} // namespace sweetspot

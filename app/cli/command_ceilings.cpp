// sweetspot ceilings: what a device gives at best, measured here once and kept, so that a run's ops
// can be held against it.
#include "app/analysis/format.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/outputs.h"
#include "app/cli/run_table.h"
#include "app/experiment/printable.h"
#include "app/experiment/unix_seconds.h"
#include "app/runner/devices.h"
#include "app/store/ceilings_file.h"
#include <iostream>

namespace sweetspot {

namespace {

struct CeilingOptions {
    std::string store = default_store_path().string();
    std::string device = "cpu";
    int gpu = 0, threads = 0;
    bool measure = false;
};

std::string age_of(const Ceilings& one) {
    return format_duration(std::max(0.0, unix_seconds() - one.unix_seconds)) + " ago";
}

void show(const Ceilings& one) {
    std::cout << printable(one.device)
              << (one.threads ? ", " + std::to_string(one.threads) + " threads" : "")
              << ", measured " << utc_time(one.unix_seconds) << " (" << age_of(one) << ")\n";
    RunTable table{.columns = {{"ceiling", false}, {"at best"}, {"spread"}}};
    for (const Ceiling& ceiling : one.all)
        table.rows.push_back({ceiling.name, format_value(ceiling.value, ceiling.unit),
                              "± " + format_number(100 * ceiling.spread, 2) + " %"});
    write_markdown_table(std::cout, table);
    constexpr double worth_saying = 0.02;
    if (one.disturbance >= worth_saying)
        std::cout << "Others used " << format_number(100 * one.disturbance, 2)
                  << " % of the processors meanwhile: they may be too low. `sweetspot ceilings "
                     "--measure` measures them again.\n";
}

int ceilings(const CeilingOptions& options) {
    if (options.measure || read_ceilings(options.store).empty()) {
        RunConfig config;
        if (!set_field(config, "device", options.device) || config.device == DeviceKind::plan)
            throw Error(Failure::bad_input,
                        "Ceilings are of a device: --device takes cpu or cuda, not \"" +
                            options.device + "\".");
        config.gpu = options.gpu;
        config.threads = options.threads;
        std::cerr << "sweetspot: measuring, some seconds …\n";
        const auto folder = std::filesystem::path(options.store).parent_path();
        if (!folder.empty()) std::filesystem::create_directories(folder);
        keep_ceilings(options.store, device_ceilings(config));
    }
    for (const Ceilings& one : read_ceilings(options.store)) show(one);
    return exit_done;
}

} // namespace

void add_ceilings_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "ceilings", "what this machine gives at best: bandwidth and matrix products");
    const auto options = std::make_shared<CeilingOptions>();
    command->add_flag("--measure", options->measure, "measure them again");
    command->add_option("--device", options->device, "cpu or cuda (cpu)");
    command->add_option("--gpu", options->gpu, "index of the GPU (0)");
    command->add_option("--threads", options->threads, "of the CPU, 0 = all (0)");
    command->add_option("--store", options->store, "the database of runs beside which they lie")
        ->type_name("FILE");
    command->footer("  sweetspot ceilings\n"
                    "  sweetspot ceilings --measure --device cuda\n"
                    "`sweetspot trace` shows how near to them each op comes.");
    command->callback([options, &action] { action = [options] { return ceilings(*options); }; });
}

} // namespace sweetspot

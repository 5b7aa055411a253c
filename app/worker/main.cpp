// Configurations in on standard input, record lines out on standard output, nothing else on either.
#include "app/experiment/lines.h"
#include "app/experiment/printable.h"
#include "app/experiment/standard_output.h"
#include "app/experiment/version.h"
#include "app/worker/ceilings.h"
#include "app/worker/convert.h"
#include "app/worker/devices.h"
#include "app/worker/environment.h"
#include "app/worker/hang_up.h"
#include "app/worker/instruments.h"
#include "app/worker/products.h"
#include "app/worker/quality.h"
#include "app/worker/record_trace.h"
#include "app/worker/run_one.h"
#include "app/worker/selftest.h"
#include "app/worker/wishes.h"
#include "engine/config/json.h"
#include "engine/device/device.h"
#include "kernels/core/memory.h"
#include "profiler/trace/file.h"
#include <CLI/CLI.hpp>
#include <iostream>
#include <random>
#include <unistd.h>

namespace sweetspot {

namespace {

constexpr auto about = "sweetspot-worker: runs configurations and says what it measured.\n\n"
                       "Reads a configuration a line from standard input, each a JSON object of "
                       "fields, e.g.\n"
                       "  {\"model\":\"esm2-8m\",\"batch\":2,\"sequence\":128}\n"
                       "and writes record lines (JSON Lines) to standard output until the input "
                       "ends.\n"
                       "`sweetspot list fields` explains the fields; `sweetspot run` is the "
                       "comfortable way.\n";
constexpr auto environment_help =
    "Environment: SWEETSPOT_ISA limits the CPU's instruction set and SWEETSPOT_CUDA_ARCH the "
    "GPU's\n"
    "(e.g. 80); SWEETSPOT_RESOURCES names the folder of models and data.\n"
    "Exit status: 0 done; 1 a check failed or an error; 2 bad arguments; 5 no such device.";

/// Writes a line at once, so that views follow a run while it goes on. Throws when nobody reads.
void write_text(const std::string& line) {
    if (const int error = write_all(STDOUT_FILENO, line + "\n"))
        throw Error(Failure::file, output_problem(error));
}

void write_line(const Line& line) {
    write_text(to_json_line(line));
}

int run_all() {
    heed_wishes();
    ModelKeeper keeper;
    for (std::string line; std::getline(std::cin, line);) {
        if (line.empty()) continue;
        try {
            run_one(config_from_json_line(line), write_line, keeper);
        } catch (const Error& e) {
            if (e.kind != Failure::bad_input) throw;
            write_line(Failed{e.kind, e.what(), 0});
        }
    }
    return 0;
}

int list_devices() {
    for (const DeviceInfo& device : worker_devices()) write_text(to_json_line(device));
    return 0;
}

int run(int count, char** arguments) {
    if (count == 1) return run_all(); // what the runner does: nothing to parse
    CLI::App program(about, "sweetspot-worker");
    program.footer(environment_help);
    program.set_version_flag("--version", "sweetspot-worker " + std::string(version()) + " (" +
                                              std::string(commit()) + ")");
    program.require_subcommand(1);
    program.add_subcommand("devices", "say where runs can go, a JSON object a line");
    auto* machine = program.add_subcommand(
        "environment",
        "say what a run's numbers depend on beside its configuration, a record line");
    std::string config;
    machine->add_option("CONFIGURATION", config, "a JSON object of fields")->required();
    auto* products = program.add_subcommand(
        "products", "say what serves the CPU's matrix products, and how fast, a line each");
    int threads = thread_count(RunConfig{});
    products->add_option("--threads", threads, "how many to use (all)")->check(CLI::PositiveNumber);
    auto* trace = program.add_subcommand(
        "trace", "record one step of a run with every instrument, into a file");
    std::string file;
    trace->add_option("CONFIGURATION", config, "a JSON object of fields")->required();
    trace->add_option("FILE", file, "where the trace goes")->required();
    MorePasses more;
    trace->add_flag("--counters", more.counters,
                    "and the GPU's counters by op, in passes of their own");
    trace->add_flag("--overhead", more.overhead, "and what recording costs, by pairs of steps");
    std::string name;
    auto* reference = program.add_subcommand(
        "reference", "compute a run's quality pass and keep its logits, into a file");
    reference->add_option("CONFIGURATION", config, "a JSON object of fields")->required();
    reference->add_option("NAME", name, "the run's")->required();
    reference->add_option("FILE", file, "where the reference goes")->required();
    Conversion conversion;
    auto* converted = program.add_subcommand(
        "convert", "write a configuration's model into a file, a JSON object a linear");
    converted->add_option("CONFIGURATION", config, "a JSON object of fields")->required();
    converted->add_option("FILE", conversion.to, "a .gguf, or a folder for safetensors")
        ->required();
    converted->add_flag("--gptq", conversion.gptq, "round by what prune_data shows");
    converted->add_flag("!--no-tokenizer", conversion.tokenizer, "without the tokenizer");
    auto* instruments = program.add_subcommand(
        "instruments", "say which instruments a configuration's device has, a JSON object a line");
    instruments->add_option("CONFIGURATION", config, "a JSON object of fields")->required();
    auto* ceilings = program.add_subcommand(
        "ceilings", "measure what a configuration's device gives at best, one JSON line");
    ceilings->add_option("CONFIGURATION", config, "a JSON object of fields")->required();
    auto* test = program.add_subcommand(
        "selftest", "compare every op and whole models on a GPU with the CPU, with random inputs");
    SelftestOptions options{.seed = std::random_device{}()};
    std::string device = "cuda";
    test->add_option("--device", device, "the device to test: cuda")
        ->check(CLI::IsMember({"cuda"}));
    test->add_option("--gpu", options.gpu, "index of the GPU (0)");
    test->add_option("--seed", options.seed, "of the random inputs (another one each time)");
    test->add_option("--only", options.only, "cases whose names contain this, e.g. \"attention\"");
    test->add_flag("!--no-models", options.models, "ops alone");
    try {
        program.parse(count, arguments);
    } catch (const CLI::ParseError& e) {
        return program.exit(e) == 0 ? 0 : 2;
    }
    if (machine->parsed()) {
        write_line(environment_of(config_from_json_line(config)));
        return 0;
    }
    if (products->parsed()) {
        say_products(threads, write_text);
        return 0;
    }
    if (trace->parsed()) {
        write_trace(record_trace(config_from_json_line(config), more, write_line), file);
        return 0;
    }
    if (reference->parsed()) {
        write_reference(record_reference(config_from_json_line(config), name, write_line), file);
        return 0;
    }
    if (converted->parsed()) {
        write_converted(config_from_json_line(config), conversion, write_text);
        return 0;
    }
    if (instruments->parsed()) {
        for (const auto& [name, why] : try_instruments(config_from_json_line(config)))
            write_text(dump({{"name", name}, {"absent", why}}));
        return 0;
    }
    if (ceilings->parsed()) {
        write_text(to_json_line(measure_ceilings(config_from_json_line(config))));
        return 0;
    }
    if (!test->parsed()) return list_devices();
    return run_selftest(options, write_text) == 0 ? 0 : 1;
}

} // namespace

} // namespace sweetspot

int main(int count, char** arguments) {
    using namespace sweetspot;
    keep_freed_memory(); // forget_peak_rss() gives it back between runs
    StandardOutput output;
    const auto complain = [](const std::string& sentence) {
        std::cerr << "sweetspot-worker: " << printable(sentence) << '\n';
        return 1;
    };
    try {
        end_when_unheard();
        const int status = run(count, arguments);
        const auto problem = output.problem();
        return problem.empty() ? status : complain(problem);
    } catch (const Error& e) {
        complain(e.what());
        return e.kind == Failure::device || e.kind == Failure::unsupported ? 5 : 1;
    } catch (const std::exception& e) {
        return complain(e.what());
    }
}

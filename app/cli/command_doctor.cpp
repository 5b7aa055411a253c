#include "app/analysis/compare.h"
#include "app/analysis/format.h"
#include "app/analysis/rounds.h"
#include "app/analysis/statistics.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/experiment/printable.h"
#include "app/runner/devices.h"
#include "app/store/store.h"
#include "engine/config/catalogue.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <iostream>

// sweetspot doctor: what this machine can measure and what would falsify it, one line each, found
// by trying it.

namespace sweetspot {

namespace {

enum class Health { well, doubtful, ill };

/// Says a line for each check and remembers the worst.
class Report {
public:
    void say(Health health, const std::string& what, const std::string& found) {
        constexpr std::array marks{"✓", "!", "✗"};
        std::cout << ' ' << marks[std::size_t(health)] << ' ' << what
                  << std::string(what.size() < 12 ? 12 - what.size() : 1, ' ') << printable(found)
                  << std::endl;
        worst_ = std::max(worst_, health);
    }
    Health worst() const { return worst_; }

private:
    Health worst_ = Health::well;
};

constexpr int a_a_rounds = 8;

struct Keep : RecordSink {
    void line(std::size_t, const Line& line) override { apply(line, record); }
    RunRecord record;
};

/// A run of a few milliseconds, from start to end through a worker.
RunRecord tiny_run() {
    Spec spec;
    spec.base.sequence = 32;
    spec.base.rounds = 1;
    spec.base.warmup = 1;
    spec.base.repeats = 5;
    spec.base.max_repeats = 5;
    spec.base.min_seconds = 0;
    spec.base.timeout_seconds = 60;
    Keep keep;
    SweepControl control;
    run_sweep(plan(spec), keep, control);
    return keep.record;
}

/// Two runs of one configuration, turn about, in rounds of a few steps.
std::array<RunRecord, 2> a_a_runs() {
    Spec spec;
    spec.base.sequence = 32;
    spec.base.warmup = 1;
    spec.base.rounds = a_a_rounds;
    spec.base.repeats = spec.base.max_repeats = 3 * a_a_rounds;
    spec.base.min_seconds = 0;
    spec.base.timeout_seconds = 60;
    spec.base.trace = false;
    struct KeepBoth : RecordSink {
        void line(std::size_t index, const Line& line) override { apply(line, records[index]); }
        std::array<RunRecord, 2> records;
    } keep;
    auto runs = plan(spec);
    runs.push_back(runs.front());
    SweepControl control;
    run_sweep(runs, keep, control);
    return keep.records;
}

bool flagged_disturbed(const RunRecord& run) {
    const auto flags = flags_of(run);
    return std::find(flags.begin(), flags.end(), "disturbed") != flags.end();
}

std::string fact(const RunRecord& run, const std::string& name) {
    const auto found = run.environment.find(name);
    return found == run.environment.end() || found->second.empty() ? "unknown" : found->second;
}

/// What keeps this process from having more of the machine.
std::string held_by(const RunRecord& run, const std::string& name) {
    const auto found = run.environment.find(name);
    return found == run.environment.end() ? "" : ", held by " + found->second;
}

bool check_worker(Report& report) {
    RunRecord run;
    try {
        run = tiny_run();
    } catch (const Error& e) { // a worker that is not there is a finding
        report.say(Health::ill, "worker", e.what());
        return false;
    }
    if (run.status != RunStatus::done) {
        report.say(Health::ill, "worker", "a tiny run failed: " + run.reason);
        return false;
    }
    report.say(Health::well, "cpu",
               fact(run, "cpu") + ", " + fact(run, "cores") +
                   " cores, threads: " + fact(run, "threads") + held_by(run, "threads_limit"));
    report.say(Health::well, "kernels", fact(run, "isa") + ", oneDNN " + fact(run, "onednn"));
    const auto governor = fact(run, "governor");
    report.say(governor == "performance" || governor == "unknown" ? Health::well : Health::doubtful,
               "governor",
               governor == "unknown"       ? "not told by this system"
               : governor == "performance" ? governor
                                           : governor + ": clocks may change while measuring");
    double load = 0, memory = 0;
    from_text(fact(run, "load_average"), load);
    from_text(fact(run, "memory_bytes"), memory);
    report.say(load < 1 ? Health::well : Health::doubtful, "load",
               format_number(load, 2) + (load < 1 ? "" : ": other programs disturb the times"));
    report.say(Health::well, "memory",
               format_value(memory, "bytes") + held_by(run, "memory_limit"));
    const auto steps = summarize(run, "step_seconds");
    report.say(Health::well, "worker",
               "ran esm2-8m, 32 tokens: " + format_value(steps ? steps->median : 0, "s") +
                   " a step");
    const bool exact = value_of(run, "predicted_peak_bytes") == value_of(run, "peak_bytes");
    report.say(exact ? Health::well : Health::doubtful, "prediction",
               exact ? "peak memory as predicted, byte for byte"
                     : "peak memory is not as predicted");
    return true;
}

/// Which library or kernel serves which product, and how near to what the machine can do.
void check_products(Report& report) {
    try {
        for (const std::string& line : describe_products())
            report.say(Health::well, "product", line);
    } catch (const Error& e) { // a worker that cannot is a finding
        report.say(Health::ill, "product", e.what());
    }
}

/// How far runs that are the same come out apart here, and so what a verdict can show.
void check_a_a(Report& report) {
    std::array<RunRecord, 2> runs;
    try {
        runs = a_a_runs();
    } catch (const Error&) { // check_worker() said so already
        return;
    }
    const CompareOptions options;
    const auto ratios = round_ratios(runs[0], runs[1], "step_seconds");
    if (ratios.turns.size() < 2)
        return report.say(Health::doubtful, "A/A", "could not be measured: " + runs[0].reason);
    const auto percent = [&](int rounds) {
        return format_value(detectable_change(ratios, rounds, options.tolerance), "share");
    };
    std::string found =
        "equal runs, " + to_text(ratios.turns.size()) + " rounds turn about: B is " +
        format_number(std::exp(judge_rounds(ratios, options.tolerance).log_ratio), 4) +
        " times A; " + to_text(fewest_rounds) + " rounds show changes from " +
        percent(fewest_rounds) + ", " + to_text(2 * fewest_rounds) + " from " +
        percent(2 * fewest_rounds);
    const auto change = judge_rounds(ratios, options.tolerance).change;
    const bool told = change == Change::less || change == Change::more;
    if (told) found += "; they should have come out equal: believe no verdict of this machine";
    const bool disturbed = flagged_disturbed(runs[0]) || flagged_disturbed(runs[1]);
    if (disturbed) found += "; other programs computed meanwhile";
    report.say(told ? Health::ill : disturbed ? Health::doubtful : Health::well, "A/A", found);
}

void check_store(Report& report, const std::string& path) {
    try {
        const Store store(path);
        report.say(Health::well, "store",
                   path + ", sweeps so far: " + std::to_string(store.sweeps().size()));
    } catch (const Error& e) { // likewise
        report.say(Health::ill, "store", e.what());
        return;
    }
    std::error_code none;
    const auto space = std::filesystem::space(std::filesystem::path(path).parent_path(), none);
    if (none) return;
    const bool enough = space.available > (1u << 28);
    report.say(enough ? Health::well : Health::doubtful, "disk",
               format_value(double(space.available), "bytes") + " free" +
                   (enough ? "" : ": little for runs"));
}

/// The GPU's kernels against the CPU's.
void check_kernels(Report& report, int gpu) {
    std::string failed, last;
    int status = 1;
    try {
        status = run_selftest({"--gpu", std::to_string(gpu)}, [&](const std::string& line) {
            if (line.starts_with("FAILED") && failed.empty()) failed = line;
            last = line;
        });
    } catch (const Error& e) { // a worker that hangs is a finding
        last = e.what();
    }
    report.say(status == 0 ? Health::well : Health::ill, "selftest",
               failed.empty() ? last : last + "; the first: " + failed);
}

/// What there is beside regions, memory and times on this device, and what would help where it is
/// not.
void check_instruments(Report& report, const RunConfig& config) {
    try {
        std::string there;
        const auto all = list_instruments(config);
        for (const auto& [name, why] : all)
            if (why.empty()) there += (there.empty() ? "" : ", ") + name;
        report.say(Health::well, "instruments", there.empty() ? "regions and memory alone" : there);
        for (const auto& [name, why] : all)
            if (!why.empty()) report.say(Health::doubtful, "no " + name, why);
    } catch (const Error& e) { // a worker that hangs is a finding
        report.say(Health::doubtful, "instruments", e.what());
    }
}

/// Each GPU computes what the CPU computes. That there is none is well: a laptop can plan.
void check_cuda(Report& report) {
    std::vector<DeviceInfo> devices;
    try {
        devices = list_devices();
    } catch (const Error& e) { // check_worker() said so already
        return;
    }
    for (const DeviceInfo& device : devices) {
        if (device.name != "cuda") continue;
        if (!device.available) {
            report.say(Health::well, "cuda", device.meaning);
            continue;
        }
        report.say(Health::well, "gpu " + std::to_string(device.gpu),
                   device.meaning + ", " + format_value(device.free_bytes, "bytes") + " of " +
                       format_value(device.memory_bytes, "bytes") + " free");
        check_kernels(report, device.gpu);
        RunConfig config;
        config.device = DeviceKind::cuda;
        config.gpu = device.gpu;
        check_instruments(report, config);
    }
}

int examine(const std::string& store) {
    Report report;
    const bool device = check_worker(report);
    if (device) check_products(report);
    if (device) check_a_a(report);
    if (device) check_instruments(report, {});
    check_store(report, store);
    const auto models = model_names();
    report.say(models.empty() ? Health::ill : Health::well, "models",
               std::to_string(models.size()) + " come with the program");
    const bool window = std::filesystem::exists(program_folder() + "/sweetspot-gui");
    report.say(Health::well, "window", window ? "sweetspot gui" : "not in this build");
    check_cuda(report);
    if (!device) return exit_no_device;
    return report.worst() == Health::ill ? exit_internal : exit_done;
}

} // namespace

void add_doctor_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("doctor", "say what this machine can measure, and how well");
    const auto store = std::make_shared<std::string>(default_store_path().string());
    command->add_option("--store", *store, "the database of runs")->type_name("FILE");
    command->footer(
        "product: what serves the CPU's matrix products, and its share of what the machine can do "
        "at\n"
        "most: multiply in registers, or read memory.\n"
        "A/A: two equal runs in eight rounds turn about say what this machine does to times, and\n"
        "the least change that a verdict can show here.\n"
        "Where there is a GPU, every op and whole models are compared with the CPU: that\n"
        "takes longer than all the rest.\n\n"
        "Exit status: 0 all is well or nearly; 1 something is ill; 5 no device can run.");
    command->callback([store, &action] { action = [store] { return examine(*store); }; });
}

} // namespace sweetspot

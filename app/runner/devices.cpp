#include "app/runner/devices.h"
#include "app/experiment/lines.h"
#include "app/runner/worker_process.h"
#include "engine/config/json.h"
#include <chrono>
#include <sys/wait.h>

// What is asked of a worker beside runs: which devices there are, the facts of one, the selftest.
// Each question starts a worker that answers in lines and ends.

namespace sweetspot {

namespace {

constexpr double silence_seconds = 120; // a worker that says nothing for so long is broken

/// Gives on each line that the worker writes until it ends; its exit status.
int each_line(const std::vector<std::string>& arguments, const RunnerOptions& options,
              const std::function<void(const std::string&)>& give,
              std::string* last_words = nullptr, double most_silence = silence_seconds) {
    WorkerProcess worker(options.worker.empty() ? find_worker() : options.worker, arguments);
    std::string line;
    for (;;) {
        switch (worker.read_line(line, most_silence)) {
        case WorkerProcess::Got::line: give(line); continue;
        case WorkerProcess::Got::nothing:
            throw Error(Failure::file, "the worker has not answered for " +
                                           std::to_string(int(most_silence)) + " s");
        case WorkerProcess::Got::end: break;
        }
        worker.wait(options.end_seconds);
        if (last_words) *last_words = worker.last_words();
        return WIFEXITED(worker.status()) ? WEXITSTATUS(worker.status()) : -1;
    }
}

} // namespace

std::vector<DeviceInfo> list_devices(const RunnerOptions& options) {
    std::vector<DeviceInfo> devices;
    const int status = each_line({"devices"}, options, [&](const std::string& line) {
        devices.push_back(device_from_json_line(line));
    });
    require(status == 0 && !devices.empty(), Failure::file,
            "the worker could not list its devices");
    return devices;
}

std::string why_no_gpu(const std::vector<DeviceInfo>& devices, std::optional<int> index) {
    std::string why;
    for (const DeviceInfo& device : devices)
        if (device.name == "cuda" && !device.available && (why.empty() || device.gpu == index))
            why = device.meaning;
    if (!why.empty()) return why;
    return "There is no GPU" + (index ? ' ' + std::to_string(*index) : std::string()) +
           "; `sweetspot list devices` shows what there is.";
}

void require_devices(const std::vector<PlannedRun>& runs, std::vector<DeviceInfo> devices,
                     const RunnerOptions& options) {
    for (const PlannedRun& run : runs) {
        if (!run.impossible.empty() || run.config.device != DeviceKind::cuda) continue;
        if (devices.empty()) devices = list_devices(options);
        if (!find_gpu(devices, run.config.gpu))
            throw Error(Failure::device, why_no_gpu(devices, run.config.gpu));
    }
}

Environment environment_for(const RunConfig& config, const RunnerOptions& options) {
    std::optional<Line> last;
    const int status = each_line({"environment", to_json_line(config)}, options,
                                 [&](const std::string& line) { last = from_json_line(line); });
    require(status == 0 && last && std::holds_alternative<Environment>(*last), Failure::file,
            "the worker could not say what it runs on");
    return std::get<Environment>(*last);
}

void trace_run(const RunConfig& config, const std::filesystem::path& file,
               const std::vector<std::string>& flags, const std::function<void(const Line&)>& give,
               const RunnerOptions& options) {
    std::string words;
    std::vector<std::string> arguments{"trace", to_json_line(config), file.string()};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const int status = each_line(
        arguments, options, [&](const std::string& line) { give(from_json_line(line)); }, &words);
    if (status != 0)
        throw Error(Failure::device,
                    "the run could not be traced: " +
                        (words.empty() ? "its worker ended without a word" : words));
}

void keep_reference(const RunConfig& config, const std::string& name,
                    const std::filesystem::path& file, const std::function<void(const Line&)>& give,
                    const RunnerOptions& options) {
    std::string words;
    const int status = each_line(
        {"reference", to_json_line(config), name, file.string()}, options,
        [&](const std::string& line) { give(from_json_line(line)); }, &words);
    if (status != 0)
        throw Error(Failure::device,
                    name + " could not be kept: " +
                        (words.empty() ? "its worker ended without a word" : words));
}

void convert_model(const RunConfig& config, const std::filesystem::path& to,
                   const std::vector<std::string>& flags,
                   const std::function<void(const std::string&)>& give,
                   const RunnerOptions& options) {
    constexpr double longest = 3600; // of one large linear, rounded by what a text shows
    constexpr std::string_view speaker = "sweetspot-worker: ";
    std::string words;
    std::vector<std::string> arguments{"convert", to_json_line(config), to.string()};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    if (each_line(arguments, options, give, &words, longest) == 0) return;
    if (words.starts_with(speaker)) words.erase(0, speaker.size());
    throw Error(Failure::bad_input, words.empty() ? "the worker ended without a word" : words);
}

std::map<std::string, std::string> list_instruments(const RunConfig& config,
                                                    const RunnerOptions& options) {
    std::map<std::string, std::string> y;
    std::string words;
    const int status = each_line(
        {"instruments", to_json_line(config)}, options,
        [&](const std::string& line) {
            const Json one = parse_json(line, "an instrument");
            const Json *name = one.find("name"), *why = one.find("absent");
            if (name && why) y[name->get<std::string>()] = why->get<std::string>();
        },
        &words);
    if (status != 0) throw Error(Failure::device, "the instruments could not be tried: " + words);
    return y;
}

Ceilings device_ceilings(const RunConfig& config, const RunnerOptions& options) {
    std::string words, last;
    const int status = each_line(
        {"ceilings", to_json_line(config)}, options, [&](const std::string& line) { last = line; },
        &words);
    if (status != 0 || last.empty())
        throw Error(Failure::device,
                    "the device could not be measured: " +
                        (words.empty() ? "its worker ended without a word" : words));
    return ceilings_from_json_line(last);
}

int run_selftest(const std::vector<std::string>& arguments,
                 const std::function<void(const std::string&)>& give,
                 const RunnerOptions& options) {
    std::vector<std::string> all{"selftest"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return each_line(all, options, give);
}

std::vector<std::string> describe_products(const RunnerOptions& options) {
    std::vector<std::string> lines;
    const int status =
        each_line({"products"}, options, [&](const std::string& line) { lines.push_back(line); });
    require(status == 0, Failure::file, "the worker could not multiply");
    return lines;
}

} // namespace sweetspot

// A worker that measures nothing and misbehaves as the prompt says, or without one the model's
// name: tests of the runner and the window drive the true protocol with it. It has a GPU if
// FAKE_GPU is set.
#include "app/experiment/devices.h"
#include "app/experiment/key.h"
#include "app/experiment/lines.h"
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace sweetspot;

namespace {

void say(const Line& line) {
    std::cout << to_json_line(line) << std::endl;
}

void sleep_seconds(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

void die(int signal_number) {
    std::signal(signal_number, SIG_DFL);
    raise(signal_number);
}

double open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return double(std::distance(begin(all), end(all)));
}

/// A machine and a build, so that a run may stand for another one.
Environment environment() {
    return {{{"host", "fake"},
             {"cpu", "fake"},
             {"cores", "1"},
             {"isa", "none"},
             {"threads", "1"},
             {"build_id", "fake"},
             {"onednn", "none"}}};
}

void finish() {
    say(Measured{"step_seconds", 0, 0.5, false});
    say(Metric{"peak_bytes", 1000});
    say(Finished{2});
}

RunConfig asked; ///< the configuration under way

const std::map<std::string, std::function<void()>> behaviours = {
    {"done", finish},
    {"grows with the batch",
     [] {
         if (asked.device != DeviceKind::plan) sleep_seconds(0.4);
         say(Measured{"step_seconds", 0, 0.5, false});
         say(Metric{"peak_bytes", 1000.0 * double(asked.batch)});
         say(Finished{2});
     }},
    {"crashes without a trace", finish},
    {"says its device", finish},
    {"only finished", [] { say(Finished{2}); }},
    {"only warm", // no step of it counts
     [] {
         say(Measured{"step_seconds", 0, 0.5, true});
         say(Metric{"peak_bytes", 1000});
         say(Finished{2});
     }},
    {"no sense",
     [] {
         say(Measured{"step_seconds", 0, -1, false});
     }},
    {"no text", [] { std::cout << "{\"line\":\"text\",\"name\":\"\xff\xfe\"}" << std::endl; }},
    {"crash", [] { die(SIGSEGV); }},
    {"abort",
     [] {
         std::cerr << "something broke\nbadly\n";
         die(SIGABRT);
     }},
    {"killed", [] { die(SIGKILL); }},
    {"terminated", [] { die(SIGTERM); }},
    {"hang",
     [] {
         std::signal(SIGTERM, SIG_IGN);
         say(Phase{"measure", 0});
         for (;;) pause();
     }},
    {"slow",
     [] {
         for (int i = 0; i < 40; ++i) {
             say(Measured{"step_seconds", i, 0.05, false});
             sleep_seconds(0.05);
         }
         finish();
     }},
    {"slow load",
     [] {
         say(Phase{"load", 0});
         sleep_seconds(0.6);
         say(Phase{"measure", 0});
         finish();
     }},
    {"garbage", [] { std::cout << "WARNING: this is not a line" << std::endl; }},
    {"cut",
     [] {
         std::cout << R"({"line":"metric","na)" << std::flush;
         _exit(0);
     }},
    {"exit",
     [] {
         std::cerr << "the disk is on fire\n";
         _exit(3);
     }},
    {"silent exit", [] { _exit(0); }},
    {"half a line",
     [] {
         std::cout << R"({"line":"phase","na)" << std::flush;
         for (;;) pause();
     }},
    {"stopped", [] { raise(SIGSTOP); }},
    {"failed",
     [] {
         say(Failed{Failure::out_of_memory, "no more memory", 3});
     }},
    {"noisy",
     [] {
         for (int i = 0; i < 20'000; ++i) std::cerr << "a line of chatter that nobody reads\n";
         finish();
     }},
    {"close output",
     [] {
         ::close(STDOUT_FILENO);
         sleep_seconds(60);
     }},
    {"self",
     [] {
         say(Metric{"open_descriptors", open_descriptors()});
         say(Metric{"leads_group", getpgid(0) == getpid() ? 1.0 : 0.0});
         say(Metric{"pid", double(getpid())});
         finish();
     }},
    {"count",
     [] {
         static int answers = 0;
         say(Metric{"graphs_recorded", double(++answers)});
         finish();
     }},
    {"a sample, slowly",
     [] {
         say(Measured{"step_seconds", 0, 0.05, false});
         sleep_seconds(0.05);
         finish();
     }},
    {"long line",
     [] {
         say(Text{"generated", std::string(3'000'000, 'x')});
         finish();
     }},
};

int list_devices() {
    DeviceInfo gpu{.name = "cuda", .meaning = "this worker has no GPU"};
    if (std::getenv("FAKE_GPU"))
        gpu = {.name = "cuda",
               .available = true,
               .meaning = "Fake 9000, compute capability 9.0",
               .memory_bytes = 4e9,
               .free_bytes = 3e9};
    for (const DeviceInfo& device : {DeviceInfo{.name = "cpu", .available = true},
                                     DeviceInfo{.name = "plan", .available = true}, gpu})
        std::cout << to_json_line(device) << std::endl;
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (argc > 1 && std::string(argv[1]) == "devices") return list_devices();
    if (argc > 1 && std::string(argv[1]) == "environment") {
        say(environment());
        return 0;
    }
    for (std::string line; std::getline(std::cin, line);) {
        const auto config = asked = config_from_json_line(line);
        while (config.model == "silent") pause();
        if (config.model == "other") {
            say(Started{"ffffffffffffffff", config, 1});
            continue;
        }
        if (config.model != "not started") {
            say(Started{hash_of(config), config, 1});
            say(environment());
        }
        if (config.model == "says its device")
            say(Text{"device", to_text(config.device) + " for " + to_text(config.plan_for)});
        if (config.model == "crashes without a trace" && !config.trace) die(SIGSEGV);
        const auto found = behaviours.find(config.prompt.empty() ? config.model : config.prompt);
        if (found == behaviours.end())
            say(Failed{Failure::bad_input, "no such model", 0});
        else
            found->second();
    }
}

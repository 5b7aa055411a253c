#include "tests/bench/rounds.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>

namespace sweetspot::bench {

double resident_bytes(std::string_view field) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind(std::string(field) + ":", 0) == 0)
            return 1024 * std::stod(line.substr(field.size() + 1)); // the file counts in kB
    throw Error(Failure::file, "/proc/self/status has no " + std::string(field) + ".");
}

nlohmann::json timed(const std::function<void()>& work) {
    std::ofstream("/proc/self/clear_refs") << 5; // VmHWM starts again from what is resident now
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return {{"seconds", seconds.count()}, {"peak_rss_bytes", resident_bytes("VmHWM")}};
}

namespace {
/// A round that fails is an answer too: what else the process measures may well work.
nlohmann::json answered(const std::pair<std::string, Measure>& asked) {
    nlohmann::json answer;
    try {
        answer = asked.second();
    } catch (const std::exception& error) {
        answer["error"] = error.what();
    }
    answer["measure"] = asked.first;
    return answer;
}
} // namespace

void serve(nlohmann::json ready, const std::vector<std::pair<std::string, Measure>>& measures) {
    ready["ready"] = true;
    for (const auto& [name, _] : measures) ready["measures"].push_back(name);
    std::cout << ready.dump() << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string go, name = measures.front().first;
        words >> go >> name;
        const auto found = std::find_if(measures.begin(), measures.end(),
                                        [&](const auto& m) { return m.first == name; });
        nlohmann::json answer = {{"error", "expected 'go' and a measure, got '" + line + "'"}};
        if (go == "go" && found != measures.end()) answer = answered(*found);
        std::cout << answer.dump() << std::endl;
    }
}

std::vector<std::pair<std::string, std::string>> named_values(int count, char** arguments) {
    std::vector<std::pair<std::string, std::string>> all;
    for (const std::string& argument : std::vector<std::string>(arguments + 1, arguments + count)) {
        const auto equals = argument.find('=');
        require(equals != std::string::npos, Failure::bad_input,
                ("expected name=value, got '" + argument + "'.").c_str());
        all.emplace_back(argument.substr(0, equals), argument.substr(equals + 1));
    }
    return all;
}

} // namespace sweetspot::bench

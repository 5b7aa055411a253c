#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Our side of the protocol that README.md describes: rounds asked for by `go` lines.
namespace sweetspot::bench {

/// What one round answers with: "seconds", "peak_rss_bytes" and how much work it was.
using Measure = std::function<nlohmann::json()>;

/// Runs `work` once: its seconds, and the largest resident set of this process meanwhile.
nlohmann::json timed(const std::function<void()>& work);

/// Resident bytes of this process by the name /proc gives them: VmRSS now, VmHWM at most.
double resident_bytes(std::string_view field);

/// Says the ready line, then answers until standard input ends. A bare "go" means the first one.
void serve(nlohmann::json ready, const std::vector<std::pair<std::string, Measure>>& measures);

/// "name=value" arguments over defaults. Throws Error(bad_input) for any other.
std::vector<std::pair<std::string, std::string>> named_values(int count, char** arguments);

} // namespace sweetspot::bench

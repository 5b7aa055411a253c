// Files of /proc and of control groups, read as the kernel writes them. The paths of groups are
// found as systemd and runtimes of containers find them: /proc/self/cgroup says in which group of
// each hierarchy we are, /proc/self/mountinfo where a hierarchy is mounted, and from which group
// on.
#include "kernels/core/machine.h"
#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

using Lines = std::vector<std::string>;

constexpr int most_processors = 1 << 20;
constexpr double unlimited = 0x1p62; // v1 writes the greatest whole number of pages

Lines lines_of(const fs::path& file) {
    std::ifstream stream(file);
    Lines lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

std::string first_line(const fs::path& file) {
    const auto lines = lines_of(file);
    return lines.empty() ? std::string() : lines.front();
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

/// -1 if it is no number, as "max".
double number(const std::string& text) {
    double v = -1;
    std::from_chars(text.data(), text.data() + text.size(), v);
    return std::isfinite(v) ? v : -1;
}

/// What follows a name and a colon or blank, "" if no line begins with it.
std::string entry(const Lines& lines, const std::string& name) {
    for (const auto& line : lines)
        if (line.starts_with(name) && line.find_first_of(": \t") == name.size())
            if (const auto value = line.find_first_not_of(": \t", name.size()); value != line.npos)
                return line.substr(value);
    return {};
}

/// How many a list such as "0-3,8" names.
int count_of(const std::string& list) {
    int count = 0;
    std::istringstream stream(list);
    for (std::string part; std::getline(stream, part, ',');) {
        const auto dash = part.find('-');
        const double first = number(part.substr(0, dash)),
                     last = dash == part.npos ? first : number(part.substr(dash + 1));
        if (first >= 0 && last >= first && last < most_processors)
            count = std::min(count + int(last - first) + 1, most_processors);
    }
    return count;
}

bool names(const std::string& list, const std::string& word) {
    std::istringstream stream(list);
    for (std::string part; std::getline(stream, part, ',');)
        if (part == word) return true;
    return false;
}

/// A number as people read it: 0.5, 1.25, 4.
std::string decimal(double v) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, std::round(v * 100) / 100).ptr;
    return {text, end};
}

class Reader {
public:
    explicit Reader(const fs::path& root)
        : root_(root), mounts_(lines_of(root / "proc/self/mountinfo")),
          groups_(lines_of(root / "proc/self/cgroup")) {}

    Machine read() {
        read_threads();
        read_memory();
        return machine_;
    }

private:
    /// The folders of our group in each hierarchy that has a controller, and of those above it.
    std::vector<fs::path> folders(const std::string& controller) const {
        std::vector<fs::path> all;
        for (const auto& mount : mounts_) { // ID PARENT DEVICE ROOT PLACE ... - TYPE SOURCE OPTIONS
            const auto words = words_of(mount);
            const auto dash = std::find(words.begin(), words.end(), "-");
            if (words.size() < 6 || words.end() - dash < 4) continue;
            const bool second = dash[1] == "cgroup2";
            if (!second && (dash[1] != "cgroup" || !names(dash[3], controller))) continue;
            const auto group = group_of(second ? std::string() : controller);
            fs::path top = root_ / fs::path(words[4]).relative_path();
            if (!top.has_filename()) top = top.parent_path(); // "a/" is above nothing
            // Without a namespace of its own, a container's mount begins below the top.
            const auto below = fs::path(group).lexically_relative(words[3]);
            const bool inside = !below.empty() && below != "." && *below.begin() != "..";
            for (auto folder = inside ? top / below : top; folder != top;
                 folder = folder.parent_path())
                all.push_back(folder);
            all.push_back(top);
        }
        return all;
    }

    /// Our path in the hierarchy of a controller; in the unified one of v2 for "".
    std::string group_of(const std::string& controller) const {
        for (const auto& line : groups_) { // ID:CONTROLLERS:PATH
            const auto first = line.find(':'), second = line.find(':', first + 1);
            if (second == line.npos) continue;
            const auto controllers = line.substr(first + 1, second - first - 1);
            if (controller.empty() ? controllers.empty() : names(controllers, controller))
                return line.substr(second + 1);
        }
        return "/";
    }

    std::string shown(const fs::path& file) const {
        return "/" + file.lexically_relative(root_).string();
    }

    void read_threads() {
        machine_.cores = count_of(first_line(root_ / "sys/devices/system/cpu/online"));
        if (machine_.cores == 0)
            for (const auto& line : lines_of(root_ / "proc/cpuinfo"))
                machine_.cores += line.starts_with("processor");
        machine_.threads = machine_.cores;
        const auto list = entry(lines_of(root_ / "proc/self/status"), "Cpus_allowed_list");
        if (const int allowed = count_of(list); allowed > 0)
            hold_threads(allowed, "affinity to processors " + list);
        for (const auto& folder : folders("cpu")) {
            const auto both = words_of(first_line(folder / "cpu.max"));
            if (both.size() == 2) hold_quota(number(both[0]), number(both[1]), folder / "cpu.max");
            hold_quota(number(first_line(folder / "cpu.cfs_quota_us")),
                       number(first_line(folder / "cpu.cfs_period_us")),
                       folder / "cpu.cfs_quota_us");
        }
    }

    /// Microseconds of processor time in each period of so many.
    void hold_quota(double quota, double period, const fs::path& file) {
        if (quota <= 0 || period <= 0) return;
        hold_threads(int(std::min<double>(most_processors, std::ceil(quota / period))),
                     "CPU quota of " + decimal(quota / period) + " cores (" + shown(file) + ")");
    }

    void hold_threads(int most, const std::string& by) {
        if (machine_.threads > 0 && most >= machine_.threads) return;
        machine_.threads = most;
        machine_.threads_limit = by;
    }

    void read_memory() {
        const auto meminfo = lines_of(root_ / "proc/meminfo");
        const auto bytes = [&](const char* name) {
            return std::max(0.0, number(entry(meminfo, name)) * 1024);
        };
        machine_.memory_bytes = bytes("MemTotal");
        machine_.available_bytes = bytes("MemAvailable");
        for (const auto& folder : folders("memory")) {
            hold_memory(folder, "memory.max", "memory.current", "inactive_file");
            hold_memory(folder, "memory.limit_in_bytes", "memory.usage_in_bytes",
                        "total_inactive_file");
        }
    }

    void hold_memory(const fs::path& folder, const char* limit, const char* use,
                     const char* droppable) {
        const double most = number(first_line(folder / limit));
        if (most < 0 || most > unlimited) return;
        const double cache =
            std::max(0.0, number(entry(lines_of(folder / "memory.stat"), droppable)));
        const double used = std::max(0.0, number(first_line(folder / use)) - cache);
        const double left = std::max(1.0, most - used); // 0 would be unknown
        if (machine_.available_bytes <= 0 || left < machine_.available_bytes)
            machine_.available_bytes = left;
        if (machine_.memory_bytes > 0 && most >= machine_.memory_bytes) return;
        machine_.memory_bytes = most;
        machine_.memory_limit = shown(folder / limit);
    }

    fs::path root_;
    Lines mounts_, groups_;
    Machine machine_;
};

} // namespace

Machine read_machine(const fs::path& root) {
    return Reader(root).read();
}

int usable_threads() {
    const int threads = read_machine().threads;
    return std::max(1, threads > 0 ? threads : int(std::thread::hardware_concurrency()));
}

} // namespace sweetspot

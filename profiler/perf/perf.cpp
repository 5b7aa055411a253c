// Counters are opened in groups, which are on the processor together, one group a thread and kind.
// At each end of a region all of them are read and added up; a region's count is the difference.
#include "profiler/perf/perf.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <linux/perf_event.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace sweetspot {

namespace {

struct Counter {
    const char* name;
    std::uint32_t type;
    std::uint64_t config;
};
constexpr std::uint64_t dtlb_read_misses = PERF_COUNT_HW_CACHE_DTLB |
                                           (PERF_COUNT_HW_CACHE_OP_READ << 8) |
                                           (PERF_COUNT_HW_CACHE_RESULT_MISS << 16);
constexpr std::array processor{
    Counter{"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    Counter{"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    Counter{"cache misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
    Counter{"TLB misses", PERF_TYPE_HW_CACHE, dtlb_read_misses},
};
constexpr std::array of_linux{
    Counter{"page faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    Counter{"context switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
};
constexpr std::size_t most_counters = processor.size() + of_linux.size();

int open_counter(const Counter& counter, pid_t thread, int leader) {
    perf_event_attr wanted{};
    wanted.size = sizeof wanted;
    wanted.type = counter.type;
    wanted.config = counter.config;
    wanted.disabled = leader < 0;
    wanted.exclude_kernel = counter.type != PERF_TYPE_SOFTWARE; // whose events the kernel makes
    wanted.exclude_hv = 1;
    wanted.read_format =
        PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    const auto open = [&] {
        return int(syscall(SYS_perf_event_open, &wanted, thread, -1, leader, PERF_FLAG_FD_CLOEXEC));
    };
    const int file = open();
    if (file >= 0 || wanted.exclude_kernel || (errno != EACCES && errno != EPERM)) return file;
    wanted.exclude_kernel = 1; // what the program's own faults are, anyone may count
    return open();
}

/// Counters of one thread that are counted together. Those that a processor lacks are left out.
class Group {
public:
    Group(std::span<const Counter> counters, std::size_t first, pid_t thread) {
        for (std::size_t i = 0; i < counters.size(); ++i) {
            const int file = open_counter(counters[i], thread, files_.empty() ? -1 : files_[0]);
            if (file < 0 && files_.empty()) {
                error_ = errno;
                return;
            }
            if (file < 0) continue;
            files_.push_back(file);
            places_.push_back(first + i);
        }
        ioctl(files_[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
    }
    ~Group() {
        for (const int file : files_) close(file);
    }
    Group(Group&& other) noexcept
        : files_(std::exchange(other.files_, {})), places_(std::move(other.places_)),
          error_(other.error_) {}
    Group& operator=(Group&&) = delete;

    bool is_open() const { return !files_.empty(); }
    int error() const { return error_; }

    /// Adds what was counted since the group was opened; `counted` gets the share of the time, the
    /// least of all groups.
    void add_to(std::array<double, most_counters>& values,
                std::array<double, most_counters>& counted) const {
        struct {
            std::uint64_t count, enabled, running, values[most_counters];
        } got{};
        if (read(files_[0], &got, sizeof got) <= 0 || got.running == 0) return;
        const double share = double(got.running) / double(std::max(got.enabled, got.running));
        for (std::size_t i = 0; i < places_.size(); ++i) {
            values[places_[i]] += double(got.values[i]) / share;
            counted[places_[i]] = std::min(counted[places_[i]], share);
        }
    }
    const std::vector<std::size_t>& places() const { return places_; }

private:
    std::vector<int> files_{};
    std::vector<std::size_t> places_{}; ///< of each file among all counters
    int error_ = 0;
};

int paranoid_level() {
    int level = 2;
    std::ifstream("/proc/sys/kernel/perf_event_paranoid") >> level;
    return level;
}

class Perf : public Instrument {
public:
    Perf() {
        if (const Group mine(of_linux, processor.size(), 0); !mine.is_open())
            throw Error(Failure::unsupported, perf_refusal(mine.error(), paranoid_level()));
        if (const Group mine(processor, 0, 0); !mine.is_open())
            no_processor_ = perf_refusal(mine.error(), paranoid_level());
    }

    std::string_view name() const override { return "perf"; }

    void start() override {
        counts_.clear();
        open_.clear();
        groups_.clear();
        std::error_code none;
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", none)) {
            const auto thread = pid_t(std::stol(task.path().filename()));
            if (no_processor_.empty()) add(Group(processor, 0, thread));
            add(Group(of_linux, processor.size(), thread));
        }
        counting_ = true;
    }
    void stop() override {
        counting_ = false;
        groups_.clear();
    }

    void entered(Index region) noexcept override {
        if (counting_) open_.push_back({region, read()});
    }
    void left() noexcept override {
        if (!counting_ || open_.empty()) return;
        const auto& [region, before] = open_.back();
        counts_.push_back({region, difference(before, read())});
        open_.pop_back();
    }

    void fill(Trace& trace, Names&) override {
        const auto first = Index(trace.counters.size());
        for (const auto& counter : processor) trace.counters.push_back(counter.name);
        for (const auto& counter : of_linux) trace.counters.push_back(counter.name);
        for (const auto& [region, values] : counts_)
            for (std::size_t i = 0; i < most_counters; ++i)
                if (there_[i])
                    trace.counts.push_back(
                        {region, first + Index(i), values.values[i], values.counted[i]});
        if (!no_processor_.empty()) trace.absent["processor counters"] = no_processor_;
    }

private:
    struct Values {
        std::array<double, most_counters> values{}, counted{};
    };
    static Values difference(const Values& before, Values after) {
        for (std::size_t i = 0; i < most_counters; ++i) after.values[i] -= before.values[i];
        return after;
    }
    void add(Group group) {
        if (!group.is_open()) return; // the thread has ended
        for (const std::size_t place : group.places()) there_[place] = true;
        groups_.push_back(std::move(group));
    }
    Values read() const {
        Values y;
        y.counted.fill(1);
        for (const Group& group : groups_) group.add_to(y.values, y.counted);
        return y;
    }

    std::string no_processor_{};
    std::vector<Group> groups_{};
    std::array<bool, most_counters> there_{};
    bool counting_ = false;
    std::vector<std::pair<Index, Values>> open_{}, counts_{};
};

} // namespace

std::string perf_refusal(int error, int paranoid) {
    switch (error) {
    case EACCES:
    case EPERM:
        return "counters are not allowed here: /proc/sys/kernel/perf_event_paranoid is " +
               std::to_string(paranoid) +
               "; 2 or less allows one's own program (sysctl kernel.perf_event_paranoid=2), and a "
               "container has to allow perf_event_open";
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP:
        return "there are no counters of the processor: no PMU in this virtual machine, or one "
               "that Linux does not know; ask its host for a virtual PMU";
    case ENOSYS: return "there are no counters: this Linux was built without perf events";
    default: return "counters cannot be opened: error " + std::to_string(error);
    }
}

std::unique_ptr<Instrument> open_perf() {
    return std::make_unique<Perf>();
}

} // namespace sweetspot

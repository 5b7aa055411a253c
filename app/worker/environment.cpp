#include "app/worker/environment.h"
#include "app/experiment/version.h"
#include "engine/config/sha256.h"
#include "kernels/core/machine.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/libraries.h"
#include <charconv>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <link.h>
#include <malloc.h>
#include <sstream>
#include <sys/utsname.h>
#include <unistd.h>

// The facts of machine, build and process that numbers depend on, read from the system.

namespace sweetspot {

namespace {
/// What follows `key` and a colon in a file like /proc/cpuinfo; "" if it is not there.
std::string entry(const char* file, const std::string& key) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        if (line.rfind(key, 0) != 0) continue;
        const auto value = line.find_first_not_of(": \t", line.find(':'));
        return value == std::string::npos ? "" : line.substr(value);
    }
    return {};
}

double kibibytes_entry(const char* file, const std::string& key) {
    const std::string text = entry(file, key); // "16318480 kB"
    double kibibytes = 0;
    std::from_chars(text.data(), text.data() + text.size(), kibibytes);
    return kibibytes * 1024;
}

std::string first_line(const char* file) {
    std::ifstream stream(file);
    std::string line;
    std::getline(stream, line);
    return line;
}

/// The bytes of the hash that the linker made of this program, from its notes; "" if it was told to
/// make none.
std::string linkers_hash() {
    std::string hash;
    const auto of_program = [](dl_phdr_info* info, std::size_t, void* to) {
        for (int i = 0; i < info->dlpi_phnum; ++i) {
            const auto& segment = info->dlpi_phdr[i];
            if (segment.p_type != PT_NOTE) continue;
            const auto* at =
                reinterpret_cast<const unsigned char*>(info->dlpi_addr + segment.p_vaddr);
            const auto* end = at + segment.p_memsz;
            while (end - at >= std::ptrdiff_t(sizeof(ElfW(Nhdr)))) {
                ElfW(Nhdr) note;
                std::memcpy(&note, at, sizeof note);
                const auto padded = [&](std::size_t size) { return (size + 3) / 4 * 4; };
                const auto* content = at + sizeof note + padded(note.n_namesz);
                if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4)
                    *static_cast<std::string*>(to) = {reinterpret_cast<const char*>(content),
                                                      note.n_descsz};
                at = content + padded(note.n_descsz);
            }
        }
        return 1; // the program comes first, its libraries are not asked
    };
    dl_iterate_phdr(of_program, &hash);
    return hash;
}

/// Tells builds apart that say the same of themselves, as those of changed trees do. Hashing the
/// file took 50 ms of each round's new worker.
const std::string& build_id() {
    static const std::string id = [] {
        const std::string hash = linkers_hash();
        return (hash.empty() ? sha256_of_file("/proc/self/exe") : sha256_of_text(hash))
            .substr(0, 16);
    }();
    return id;
}

/// Variables that change how libraries and we compute; not those that say where files lie.
void add_variables(std::map<std::string, std::string>& facts) {
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string_view text = *entry;
        const auto name = text.substr(0, text.find('='));
        const bool ours = name.starts_with("SWEETSPOT_") && name != "SWEETSPOT_STORE" &&
                          name != "SWEETSPOT_RESOURCES";
        const bool theirs = name.starts_with("OMP_") || name.starts_with("CUDA_") ||
                            name.starts_with("GOMP_") || name.starts_with("DNNL_") ||
                            name.starts_with("ONEDNN_") || name.starts_with("MALLOC_");
        if ((ours || theirs) && name.size() < text.size())
            facts["variable " + std::string(name)] = text.substr(name.size() + 1);
    }
}

std::string or_unknown(const std::string& text) {
    return text.empty() ? "unknown" : text;
}
} // namespace

Environment environment(int threads) {
    utsname system{};
    uname(&system);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    const Machine machine = read_machine();
    Environment e;
    e.facts = {
        {"host", host},
        {"cpu", or_unknown(entry("/proc/cpuinfo", "model name"))},
        {"cores", std::to_string(machine.cores)},
        {"threads", std::to_string(threads)},
        {"isa", isa_description()},
        {"cpu_mhz", or_unknown(entry("/proc/cpuinfo", "cpu MHz"))},
        {"governor",
         or_unknown(first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))},
        {"memory_bytes", to_text(machine.memory_bytes)},
        {"load_average", first_line("/proc/loadavg")},
        {"kernel", std::string(system.sysname) + " " + system.release},
        {"onednn", onednn_version()},
        {"sweetspot", std::string(version())},
        {"commit", std::string(commit())},
        {"build", std::string(build_description())},
        {"build_id", build_id()},
    };
    add_variables(e.facts);
    if (!machine.threads_limit.empty()) e.facts["threads_limit"] = machine.threads_limit;
    if (!machine.memory_limit.empty()) e.facts["memory_limit"] = machine.memory_limit;
    return e;
}

Environment environment_of(const RunConfig& config, const DeviceContext& device) {
    Environment all = environment(thread_count(config));
    for (const auto& [name, value] : device.facts()) all.facts[name] = value;
    return all;
}

Environment environment_of(const RunConfig& config) {
    if (config.device != DeviceKind::cuda) return environment(thread_count(config));
    return environment_of(config, DeviceContext(config));
}

double peak_rss_bytes() {
    return kibibytes_entry("/proc/self/status", "VmHWM");
}

void forget_peak_rss() {
    malloc_trim(0);
    std::ofstream("/proc/self/clear_refs")
        << 5; // resets VmHWM, proc(5); without it peaks only grow
}

} // namespace sweetspot

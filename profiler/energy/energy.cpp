#include "profiler/energy/energy.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <fstream>
#include <vector>

// RAPL's counters as the kernel shows them: files of whole microjoules that begin anew at 0 when
// they are full, after minutes of hard work.

namespace sweetspot {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void unknown(const std::string& why) {
    throw Error(Failure::unsupported, "the energy of the processor is not known: " + why);
}

std::optional<double> read_number(const fs::path& file) {
    std::ifstream stream(file);
    double number = 0;
    return stream >> number ? std::optional(number) : std::nullopt;
}

/// Whether a folder is a whole zone of RAPL's, "intel-rapl:1": parts of it are "intel-rapl:1:0",
/// and "intel-rapl-mmio:0" is the same again by another way.
bool is_zone(const std::string& name) {
    constexpr std::string_view zone = "intel-rapl:";
    return name.starts_with(zone) &&
           name.find_first_not_of("0123456789", zone.size()) == std::string::npos;
}

class Packages : public EnergyCounter {
public:
    explicit Packages(const fs::path& powercap) {
        std::error_code none;
        for (const auto& zone : fs::directory_iterator(powercap, none)) {
            if (!is_zone(zone.path().filename().string())) continue;
            std::string name;
            std::ifstream(zone.path() / "name") >> name;
            // "psys" is the whole machine, packages included.
            if (name.starts_with("package")) zones_.push_back({name, zone.path() / "energy_uj"});
        }
        if (zones_.empty()) unknown("there is no RAPL package in " + powercap.string());
        std::ranges::sort(zones_, {}, &Zone::name);
        for (Zone& zone : zones_) {
            const auto now = read_number(zone.file);
            if (!now) unknown(zone.file.string() + " cannot be read");
            zone.last = *now;
            zone.full = read_number(zone.file.parent_path() / "max_energy_range_uj").value_or(0);
        }
    }

    std::string what() const override {
        std::string names;
        for (const Zone& zone : zones_) names += (names.empty() ? "" : ", ") + zone.name;
        return names + " by RAPL";
    }
    double update_seconds() const override { return 1e-3; } // Intel's manual, volume 3, 16.10

    std::optional<double> joules() override {
        for (Zone& zone : zones_) {
            const auto now = read_number(zone.file);
            const bool anew = now && *now < zone.last;
            lost_ |= !now || (anew && zone.full <= 0);
            if (lost_) return {};
            microjoules_ += *now - zone.last + (anew ? zone.full : 0);
            zone.last = *now;
        }
        return 1e-6 * microjoules_;
    }

private:
    struct Zone {
        std::string name{};
        fs::path file{};
        double last = 0, full = 0; ///< microjoules; 0 = nobody says when it is full
    };
    std::vector<Zone> zones_{};
    double microjoules_ = 0;
    bool lost_ = false;
};

} // namespace

std::unique_ptr<EnergyCounter> open_package_energy(const fs::path& powercap) {
    return std::make_unique<Packages>(powercap);
}

} // namespace sweetspot

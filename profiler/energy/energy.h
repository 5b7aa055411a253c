#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace sweetspot {

/// What a part of the machine has taken, whoever made it work.
class EnergyCounter {
public:
    virtual ~EnergyCounter() = default;
    /// What is counted by what: "package-0 by RAPL".
    virtual std::string what() const = 0;
    /// How long the count may stand still while energy is taken, in seconds.
    virtual double update_seconds() const = 0;
    /// Since it was opened. A count that begins anew is gone on with, if it is read at least once
    /// in between. Nothing once it could not be read.
    virtual std::optional<double> joules() = 0;
};

/// The packages of the machine's processors by RAPL, all together, without their memory (Linux'
/// power/powercap/powercap.rst). Throws Error(unsupported), a sentence, if there is none or one
/// cannot be read, as only root may on most machines. `powercap`: where the system shows them.
std::unique_ptr<EnergyCounter>
open_package_energy(const std::filesystem::path& powercap = "/sys/class/powercap");

} // namespace sweetspot

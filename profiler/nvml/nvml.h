#pragma once
#include "profiler/energy/energy.h"
#include "profiler/instrument.h"

namespace sweetspot {

/// The GPU's clocks, power, energy, temperature, memory and what holds it back, by NVIDIA's NVML,
/// read by a thread of its own every `period`. Found at run time.
///
/// Readings: "sm clock" and "memory clock" in Hz, "power" in W, "energy" in J (a counter),
/// "temperature" in °C, "used memory" in B, "other processes", "held back" (a set of NVML's
/// reasons as bits; 0 = by nothing). What a GPU does not tell has no readings.
///
/// `pci`: the GPU's bus id as CudaDeviceInfo has it. Throws Error(unsupported), a sentence, if
/// there is no library or no driver, or NVML does not know the GPU.
std::unique_ptr<Instrument> open_nvml(const std::string& pci, Nanoseconds period = 20'000'000);

/// All that the GPU has taken, by the same library. Throws likewise, or if the GPU does not count.
std::unique_ptr<EnergyCounter> open_gpu_energy(const std::string& pci);

/// What holds a GPU's clocks back, of "held back"; "" for nothing, or only for want of work.
std::string held_back_by(std::uint64_t reasons);

} // namespace sweetspot

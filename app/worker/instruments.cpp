#include "app/worker/instruments.h"
#include "app/worker/measure.h"
#include "kernels/cuda/device.h"
#include "profiler/cupti/cupti.h"
#include "profiler/machine/machine.h"
#include "profiler/nvml/nvml.h"
#include "profiler/perf/perf.h"
#include "profiler/recorder.h"
#include "profiler/team/team.h"

namespace sweetspot {

std::vector<Instrument*> Instruments::pointers() const {
    std::vector<Instrument*> y;
    for (const auto& one : all) y.push_back(one.get());
    return y;
}

Instruments open_instruments(const RunConfig& config, DeviceContext& device) {
    Instruments y;
    const auto add = [&](const char* name, auto&& open) {
        try {
            y.all.push_back(open());
        } catch (const Error& error) { // an instrument that is missing is a finding
            y.absent[name] = error.what();
        }
    };
    add("machine", [] { return open_machine(); });
    add("perf", [] { return open_perf(); });
    if (!device.gpu()) add("threads", [] { return open_team(); });
    if (CudaDevice* gpu = device.gpu()) {
        add("nvml", [&] { return open_nvml(gpu->info().pci); });
        add("cupti", [&] {
            return open_cupti({.unified_memory = config.weight_memory == WeightMemory::managed});
        });
    }
    return y;
}

std::map<std::string, std::string> try_instruments(const RunConfig& config) {
    DeviceContext device(config);
    const Instruments instruments = open_instruments(config, device);
    std::map<std::string, std::string> y = instruments.absent;
    for (Instrument* one : instruments.pointers()) {
        std::string& why = y[std::string(one->name())];
        try {
            y.merge(Recorder(device.context(), {one}).record([] {}).absent);
        } catch (const Error& error) { // it opens and does not start
            why = error.what();
        }
    }
    std::string& no_energy = y["energy"]; // counted around steps, not in a trace
    try {
        open_energy(device);
    } catch (const Error& error) {
        no_energy = error.what();
    }
    return y;
}

} // namespace sweetspot

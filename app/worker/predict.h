#pragma once
#include "engine/device/device.h"
#include "engine/tasks/workload.h"

namespace sweetspot {

/// What the device plan knows of a run.
struct Prediction {
    DeviceTotals totals;
    Cost cost;
    Outcome outcome;
    std::int64_t parameters = 0;
    Provenance provenance;
    std::optional<DataSource> data;
};

/// Of a run on any device. Throws what making its workload does, and tells of the same progress.
Prediction predict(RunConfig, const Progress& = {});

/// Throws Error(out_of_memory) for what cannot fit: before the system's out-of-memory killer would
/// end the process without a word, and before managed memory beyond the GPU's makes a machine
/// crawl.
void require_memory(const RunConfig&, const Prediction&, const DeviceContext&);

} // namespace sweetspot

#pragma once
#include "engine/config/run_config.h"
#include "kernels/core/clock.h"
#include "kernels/core/context.h"
#include "kernels/core/pool.h"
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sweetspot {

class CudaDevice;

/// Threads that a run on the CPU uses.
int thread_count(const RunConfig&);

/// What a run's memory came to. On a CPU all of it is host memory, and there is no pool.
struct DeviceTotals {
    MemoryUse memory{};          ///< where it computes; managed weights included
    std::size_t pinned_peak = 0; ///< host memory that the GPU reads
    std::array<std::size_t, purpose_count> pinned{}; ///< of that, by purpose
    std::size_t host_peak = 0; ///< what the host fills in and drops, e.g. weights being loaded
    PoolUse pool{};            ///< of the GPU's memory, without managed weights
    int graphs_recorded = 0, graphs_launched = 0;
};

/// The device that a configuration asks for, with its memory, ready to run: the CPU, a plan, or a
/// GPU. A workload made with its context must be gone before it.
class DeviceContext {
public:
    /// Throws Error: unsupported if this build has no such device, device if the machine has none.
    explicit DeviceContext(const RunConfig&);
    ~DeviceContext();
    DeviceContext(const DeviceContext&) = delete;
    DeviceContext& operator=(const DeviceContext&) = delete;

    Context& context();
    CudaDevice* gpu(); ///< null on a CPU and a plan
    DeviceTotals totals() const;
    /// From here on peaks are those of what comes.
    void reset_peaks();
    /// On a CPU, as it was when it had loaded a model and nothing else, for another workload with
    /// that: `loaded` is what the context's allocator counted then. Throws Error(bug) if more is
    /// live now.
    void restart(const MemoryUse& loaded);

    /// Refuses a run whose predicted memory this GPU has not free, before it tries: throws
    /// Error(out_of_memory), for managed weights with the reason why it is not tried. Does nothing
    /// on a CPU and a plan.
    void require_room(const DeviceTotals& predicted) const;

    /// Of what computes; a plan's is the host's.
    DeviceClock& clock();

    /// The GPU, driver and libraries, for a record; nothing on a CPU and a plan.
    std::vector<std::pair<std::string, std::string>> facts() const;

private:
    struct Implementation;
    std::unique_ptr<Implementation> own_;
};

} // namespace sweetspot

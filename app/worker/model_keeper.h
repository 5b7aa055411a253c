#pragma once
#include "engine/device/device.h"
#include "engine/tasks/loaded_model.h"
#include <memory>
#include <optional>

namespace sweetspot {

/// The device that a worker's run computes on, and the model there, which stays for the next run
/// that shares it (app/experiment/shared_model.h), unless a file that it was loaded from has
/// changed meanwhile. What was allocated for a run has gone by then, and the ledger goes on from
/// what it was when the model was loaded: a run's memory is the same as in a new worker.
class ModelKeeper {
public:
    /// Gives up what the run does not share.
    void make_way_for(const RunConfig&);
    /// The device of a run; others make way.
    DeviceContext& open(const RunConfig&);
    /// The workload of the run that was opened last; loads its model, unless it is kept. It must go
    /// before anything else is called. Throws as make_workload().
    std::unique_ptr<Workload> load(const RunConfig&, Witness* = nullptr, const Progress& = {});
    void close();

    /// Whether the run that was opened last found its model loaded.
    bool had_model() const { return had_model_; }
    /// What loading a model that was found took then; else 0, since it takes that now.
    double seconds_before() const { return had_model_ ? load_seconds_ : 0; }
    /// Likewise the largest resident set meanwhile.
    double peak_rss_before() const { return had_model_ ? load_rss_ : 0; }

private:
    std::string key_{}; ///< "" where nothing can be shared
    std::unique_ptr<DeviceContext> device_{};
    std::optional<LoadedModel> model_{}; ///< goes before its device
    MemoryUse loaded_{};                 ///< what the ledger said when it was
    double load_seconds_ = 0, load_rss_ = 0;
    bool had_model_ = false;
};

} // namespace sweetspot

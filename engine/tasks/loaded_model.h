#pragma once
#include "engine/tasks/workload.h"
#include "engine/weights/open_model.h"

namespace sweetspot {

/// A model's weights, and what is known of them once they are loaded.
struct LoadedModel {
    Weights weights{};
    Provenance provenance{};
    PruneOutcome pruning{};
    std::string rounding{}; ///< what weight_format cost the weights, and what products take
};

/// The model that a run computes with. Throws as make_workload() does.
LoadedModel load_model(const RunConfig&, const ModelConfig&, Context&);

} // namespace sweetspot

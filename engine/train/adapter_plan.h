#pragma once
#include "engine/config/json.h"
#include "engine/config/model_config.h"
#include "engine/config/parameters.h"
#include "engine/config/run_config.h"
#include <map>

namespace sweetspot {

/// A linear that has an adapter: as one of a family's files, which keep apart what is stacked here.
struct AdaptedModule {
    std::string name{}; ///< e.g. "model.layers.0.self_attn.q_proj"
    Part part = Part::query_key_value;
    int layer = 0;
    std::int64_t first = 0, rows = 0; ///< of the part's weight
    std::int64_t columns = 0;

    std::string tensor(char which) const; ///< as peft's files call its matrix 'A' or 'B'
};

/// Which adapters a run trains.
struct AdapterPlan {
    int rank = 0;
    double alpha = 0;
    bool rslora = false;
    std::vector<AdaptedModule> modules{};
    /// By tensor, row by row: what they begin with. Empty where they are drawn: a by Kaiming's
    /// uniform distribution, b is 0, so that the model is what it was.
    std::map<std::string, std::vector<float>> numbers{};
    Json settings = Json::object(); ///< of the file that they came from

    double scale() const; ///< alpha / rank, or alpha / √rank
};

/// What `adapter` names, in peft's format, or what `lora_rank` and `lora_targets` say. Throws
/// Error: bad_input for targets that match nothing, with a list of what there is; unsupported for a
/// setting that asks for another computation; file for tensors that have no place in the model.
AdapterPlan adapter_plan(const RunConfig&, const ModelConfig&);

/// Of the file that has the tensors of an adapter in this folder.
std::string sha256_of_adapter(const std::string& folder);

/// adapter_config.json, with all that was in the file that it came from.
Json settings_of(const AdapterPlan&, const RunConfig&, const ModelConfig&);

} // namespace sweetspot

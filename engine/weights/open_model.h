#pragma once
#include "engine/weights/provenance.h"
#include "engine/weights/weights.h"
#include <functional>

namespace sweetspot {

struct LoadedWeights {
    Weights weights{};
    Provenance provenance{};
};

/// How weights are made of what their source has; load_weights(), unless said otherwise.
using TakeWeights = std::function<Weights(WeightSource&)>;

/// The weights that a run asks for: from files, whose hash is computed meanwhile, or drawn. On a
/// plan only the headers of files are read, and the hash stays empty.
/// Throws Error: bad_input if the files are another model's, file if they are malformed.
LoadedWeights weights_for(const RunConfig&, const ModelConfig&, Context&,
                          const TakeWeights& take = {});

/// What the provenance of the weights at a path has as their hash. Throws Error(file).
std::string sha256_of_weights(const std::string& path);

/// Calls use(source) with where a run's weights come from, to read some again. Throws likewise.
void with_weight_source(const RunConfig&, const ModelConfig&, Context&,
                        const std::function<void(WeightSource&)>& use);

} // namespace sweetspot

#pragma once
#include "engine/config/json.h"
#include "engine/config/model_config.h"
#include <vector>

/// How positions beyond those that a model was trained with are made to fit: what its rotary angles
/// are divided by, and what cosines and sines are multiplied with.
namespace sweetspot {

/// What each of the head_size/2 angles is divided by; empty where nothing is, and where the file of
/// the weights holds it. As transformers computes it (modeling_rope_utils; Chen et al., 2023; Peng
/// et al., 2023; Llama 3.1).
std::vector<float> rotary_slower(const ModelConfig&);

/// What YaRN multiplies cosines and sines with if nothing else is said.
double yarn_magnitude(double factor, double weight = 1);

/// Takes base and scaling from rope_scaling or rope_parameters of a config.json. Throws
/// Error(unsupported) that names a kind that is not computed, or a key that it does not have.
void set_rotary(const Json&, ModelConfig&);

} // namespace sweetspot

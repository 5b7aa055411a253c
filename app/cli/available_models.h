#pragma once
#include "engine/config/model_config.h"
#include "kernels/core/weight_format.h"
#include <filesystem>
#include <vector>

namespace sweetspot {

/// A model that lies on this machine.
struct AvailableModel {
    std::filesystem::path path{}; ///< what `--model` takes: a folder with a config.json, or a .gguf
    ModelConfig model{};
    std::string family{}; ///< as its own file calls it
    std::string format{}; ///< that most of its bytes are in, as its file calls it
    WeightFormat stored_in = WeightFormat::dense; ///< the same as ours
    double file_bytes = 0;
    std::string problem{}; ///< why it cannot be run; "" if it can
};

/// Where Hugging Face's tools and llama.cpp keep what they downloaded, as far as there are such
/// folders.
std::vector<std::filesystem::path> model_caches();

/// All models below these folders, by their paths: folders with a config.json and safetensors, and
/// .gguf files. What cannot be read has a problem.
std::vector<AvailableModel> find_models(const std::vector<std::filesystem::path>& folders);

} // namespace sweetspot

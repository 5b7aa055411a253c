#pragma once
#include "engine/config/parameters.h"
#include "engine/config/run_config.h"
#include <filesystem>
#include <vector>

namespace sweetspot {

/// Names of the models that come with the program, in alphabetical order.
std::vector<std::string> model_names();

/// The JSON file or the folder of resources/models that a name stands for; what is no such name is
/// a path, and stays as it is.
std::string model_place(const std::string& name_or_path);

/// A model by its name, or from what describes it: a JSON file like those in resources/models, a
/// folder or file with Hugging Face's config.json, llama.cpp's .gguf, or llama2.c's .bin.
/// Throws Error: bad_input with the nearest right name for a name or field that does not exist and
/// for sizes that do not fit together, file for a file that cannot be read.
ModelConfig load_model_config(const std::string& name_or_path);

/// The file of a folder that holds its weights: model.safetensors before the index of several, as
/// others choose. Empty if there is neither.
std::filesystem::path weights_in(const std::filesystem::path& folder);

/// Whether a file of weights says itself which model they are: llama.cpp's .gguf, llama2.c's .bin.
bool describes_itself(const std::filesystem::path& weights);

/// Where a run's weights come from: "random", or a path. `auto` stands for the folder, .gguf or
/// .bin that the model is read from, or that comes with the program under its name; for random
/// where the model is only described.
std::string weights_of(const RunConfig&);

} // namespace sweetspot

#pragma once
#include "engine/train/new_file.h"
#include "engine/train/trained_model.h"

namespace sweetspot {

/// A tensor as files of the model's family have it.
struct FileTensor {
    std::string name{};
    std::vector<std::int64_t> shape{};
    std::vector<float> numbers{};
};
/// What a learned tensor's `numbers`, or its gradient's, are in files: what is stacked here is
/// several there.
std::vector<FileTensor> as_in_files(const Learned&, const ModelConfig&, const float* numbers);

/// The numbers of an f32 tensor, wherever it lies.
std::vector<float> on_host(const Out&, Context&);

/// Writes all that the model has learned, in f32, into folder/model.safetensors, under the names
/// that Hugging Face's files have: `--weights` and transformers read it. A model that came from a
/// folder gets its config.json beside it. Throws Error(file).
void save_weights(const std::string& folder, const std::string& model, const TrainedModel&,
                  Context&);

} // namespace sweetspot

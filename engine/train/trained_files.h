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

/// The numbers of an f32 tensor, or of what is learned, row by row, wherever they lie.
std::vector<float> on_host(const Out&, Context&);
std::vector<float> on_host(const Learned&, Context&);

/// Copies those of these files that lie in a model's folder into another. Throws Error(file).
void copy_beside(const std::string& folder, const std::string& model,
                 std::initializer_list<const char*> names);

/// Likewise config.json, without what it says of packed weights: what is written is plain numbers.
void copy_config(const std::string& folder, const std::string& model);

/// The files that make text ids of a model's vocabulary, likewise.
void copy_tokenizer(const std::string& folder, const std::string& model);

/// The head that learns a target: "score.weight" [outputs, width] and "score.bias", f32.
constexpr const char* sequence_head_file = "sequence_head.safetensors";

/// Writes what a training has learned into a folder, in f32: all weights as model.safetensors,
/// under the names that Hugging Face's files have, which `--weights` and transformers read, or
/// adapters as adapter_model.safetensors and adapter_config.json, as peft has them. A model that
/// came from a folder gets its config.json beside its weights. One that lost heads or channels gets
/// a config.json of what is left, in our own fields where its family's files have none for it.
/// Throws Error(file).
void save_trained(const std::string& folder, const RunConfig&, const TrainedModel&, Context&);

/// Likewise the model that adapters make of the weights they were trained beside, in the run's
/// weight_format: each number plus its change, rounded once, to f32. The run says where those
/// weights are read from again. Returns what rounding the sums to blocks once more would take away
/// of what was added, as a share (of root mean squares); nothing where weights are dense.
std::optional<double> save_merged(const std::string& folder, const RunConfig&, const TrainedModel&,
                                  Context&);

} // namespace sweetspot

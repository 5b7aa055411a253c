#include "engine/weights/source.h"

namespace sweetspot {

namespace {

DType dtype_of(const StoredTensor& tensor, const std::string& name) {
    if (tensor.type == "F32") return DType::f32;
    if (tensor.type == "BF16") return DType::bf16;
    if (tensor.type == "F16") return DType::f16;
    throw Error(Failure::file, tensor.file->path() + ": tensor \"" + name + "\" is of type " +
                                   tensor.type + "; F32, BF16 and F16 are read");
}

} // namespace

FileWeights::FileWeights(const ModelConfig& model, const StoredTensors& stored)
    : model_(model), stored_(stored), prefix_(prefix_in_files(model.family)) {
    for (const auto& [name, _] : stored.tensors)
        if (name.starts_with(prefix_)) {
            prefix_.clear();
            return;
        }
}

std::pair<std::string, const StoredTensor*> FileWeights::stored(const std::string& base,
                                                                bool bias) {
    std::string name = base;
    if (!prefix_.empty() && name.starts_with(prefix_)) name.erase(0, prefix_.size());
    // Old checkpoints call the two vectors of a LayerNorm gamma and beta.
    for (const char* ending : {bias ? ".bias" : ".weight", bias ? ".beta" : ".gamma"})
        if (const auto found = stored_.tensors.find(name + ending);
            found != stored_.tensors.end()) {
            used_.insert(found->first);
            return {found->first, &found->second};
        }
    throw Error(Failure::file, stored_.path + ": tensor \"" + name + (bias ? ".bias" : ".weight") +
                                   "\" of " + model_.name + " is missing");
}

std::vector<In> FileWeights::find(const Parameter& parameter) {
    forget();
    const auto names = names_in_files(model_.family, parameter.part, parameter.layer);
    std::vector<In> found;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto [name, tensor] = stored(names[i], parameter.bias);
        const std::int64_t rows = names.size() == 1 ? parameter.total_rows() : parameter.rows[i];
        std::vector<std::int64_t> expected{rows};
        if (parameter.columns) expected.push_back(parameter.columns);
        if (parameter.columns && transposed(parameter.part)) std::swap(expected[0], expected[1]);
        if (tensor->shape != expected)
            throw Error(Failure::file, tensor->file->path() + ": tensor \"" + name + "\" is " +
                                           shape_text(tensor->shape) + ", but " + model_.name +
                                           " needs " + shape_text(expected));
        const Shape shape = parameter.columns ? Shape{expected[0], expected[1]} : Shape{rows};
        found.push_back({tensor->bytes.data(), shape, dtype_of(*tensor, name)});
        last_.push_back(tensor);
    }
    return found;
}

void FileWeights::forget() {
    for (const auto* tensor : last_) tensor->file->forget(tensor->bytes);
    last_.clear();
}

void FileWeights::finish() {
    forget();
    std::vector<std::string> left;
    for (const auto& [name, _] : stored_.tensors)
        if (!used_.contains(name) && !ignored_in_files(model_, name)) left.push_back(name);
    if (!left.empty())
        throw Error(Failure::file, stored_.path + ": " + std::to_string(left.size()) +
                                       " of its tensors have no place in " + model_.name +
                                       ", the first is \"" + left.front() + "\"");
}

} // namespace sweetspot

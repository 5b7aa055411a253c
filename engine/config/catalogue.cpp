#include "engine/config/catalogue.h"
#include "engine/config/gguf_model.h"
#include "engine/config/hugging_face.h"
#include "engine/config/model_files.h"
#include "engine/config/nearest.h"
#include "engine/config/regular_file.h"
#include "engine/config/resources.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <filesystem>

namespace sweetspot {

namespace fs = std::filesystem;

std::vector<std::string> model_names() {
    std::vector<std::string> names;
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(resource_path("models"), missing))
        if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
    std::sort(names.begin(), names.end());
    return names;
}

static ModelConfig from_path(fs::path path) {
    if (is_folder(path)) path /= "config.json";
    if (path.extension() == ".bin") return model_from_llama2c(path.string());
    if (path.extension() == ".gguf") return model_from_gguf(path.string());
    const Json values = read_json(path.string());
    if (!values.is_object())
        throw Error(Failure::bad_input,
                    path.string() + ": a model is a JSON object, not " + described(values));
    return values.contains("model_type") ? model_from_hugging_face(values, path.string())
                                         : model_from_fields(values, path.string());
}

ModelConfig load_model_config(const std::string& name_or_path) {
    const auto names = model_names();
    if (std::binary_search(names.begin(), names.end(), name_or_path))
        return from_path(resource_path("models/" + name_or_path + ".json"));
    if (!name_or_path.empty() && is_there(name_or_path)) return from_path(name_or_path);
    if (names.empty())
        throw Error(Failure::file, resource_path("models") + ": no models there; set " +
                                       "SWEETSPOT_RESOURCES to the folder that holds `models`");
    throw Error(Failure::bad_input,
                "there is no model \"" + name_or_path + "\"" + did_you_mean(name_or_path, names));
}

fs::path weights_in(const fs::path& folder) {
    for (const char* name : {"model.safetensors", "model.safetensors.index.json"})
        if (is_there(folder / name)) return folder / name;
    return {};
}

bool describes_itself(const fs::path& weights) {
    return weights.extension() == ".bin" || weights.extension() == ".gguf";
}

std::string weights_of(const RunConfig& run) {
    if (run.weights != "auto") return run.weights;
    const fs::path model = run.model;
    if (!is_there(model)) return "random"; // as most: the names need not be read for it
    const auto names = model_names();
    if (std::binary_search(names.begin(), names.end(), run.model)) return "random";
    if (is_folder(model) || describes_itself(model)) return run.model;
    if (model.filename() != "config.json") return "random";
    return model.has_parent_path() ? model.parent_path().string() : ".";
}

} // namespace sweetspot

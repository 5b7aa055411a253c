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
    for (const auto& entry : fs::directory_iterator(resource_path("models"), missing)) {
        const fs::path& path = entry.path();
        if (path.extension() == ".json") names.push_back(path.stem().string());
        if (is_there(path / "config.json")) names.push_back(path.filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string model_place(const std::string& model) {
    if (model.empty() || model.front() == '.' || model.find('/') != model.npos) return model;
    const fs::path named = resource_path("models/" + model);
    if (const fs::path described = named.string() + ".json"; is_there(described)) return described;
    return is_there(named / "config.json") ? named.string() : model;
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
    const std::string place = model_place(name_or_path);
    if (!place.empty() && is_there(place)) return from_path(place);
    const auto names = model_names();
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
    const fs::path model = model_place(run.model);
    if (!is_there(model)) return "random";
    if (is_folder(model) || describes_itself(model)) return model.string();
    if (model.filename() != "config.json") return "random";
    return model.has_parent_path() ? model.parent_path().string() : ".";
}

} // namespace sweetspot

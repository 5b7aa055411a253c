#include "app/cli/available_models.h"
#include "engine/config/catalogue.h"
#include "engine/config/gguf.h"
#include "engine/config/json.h"
#include "engine/config/packed_weights.h"
#include "engine/config/regular_file.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

// Which models lie on this machine. Caches hold links to files that other links show again, so a
// folder is walked through by its own entries, and links to files are followed, to folders not.

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

/// The type that most bytes of a .gguf's tensors are in.
void take_format(const Gguf& file, AvailableModel& y) {
    std::map<std::string, std::size_t> bytes;
    for (const GgufTensor& tensor : file.tensors) bytes[tensor.type] += tensor.bytes.size();
    for (const GgufTensor& tensor : file.tensors)
        if (y.format.empty() || bytes[tensor.type] > bytes[y.format])
            y.format = tensor.type, y.stored_in = tensor.format;
}

AvailableModel gguf_at(const fs::path& path) {
    AvailableModel y{.path = path, .file_bytes = double(fs::file_size(path))};
    try {
        const MappedFile mapped(path.string());
        const Gguf file = read_gguf(mapped);
        take_format(file, y);
        if (const auto* architecture = file.find<std::string_view>("general.architecture"))
            y.family = *architecture;
        y.model = load_model_config(path.string());
    } catch (const Error& error) {
        y.problem = error.what();
    }
    return y;
}

/// Adds the bytes that the header of a .safetensors gives each type.
void add_types(const fs::path& path, std::map<std::string, double>& bytes) {
    RegularFile file(path.string());
    std::uint64_t length = 0;
    constexpr std::uint64_t longest = 100'000'000; // the format's own limit
    if (file.read({reinterpret_cast<char*>(&length), sizeof length}) < sizeof length ||
        length > longest || length > file.size())
        throw Error(Failure::file, path.string() + " is no safetensors file");
    std::string text(length, ' ');
    file.read(text);
    const Json header = parse_json(text, path.string() + ": the header");
    for (const auto& [name, entry] : header.items()) {
        const Json *type = entry.find("dtype"), *place = entry.find("data_offsets");
        if (type && type->is_string() && place && place->is_array() && place->size() == 2)
            bytes[type->get<std::string>()] +=
                (*place)[1].get<double>() - (*place)[0].get<double>();
    }
}

/// What GPTQ's or AWQ's tools packed, whose words are no numbers.
void take_packing(const Json& settings, AvailableModel& y) {
    const PackedWeights packed = packed_weights(settings);
    const bool gptq = packed.kind == PackedWeights::Kind::gptq;
    y.format = (gptq ? "GPTQ " : "AWQ ") + std::to_string(packed.bits) + " bits";
    const std::int64_t block = block_format(WeightFormat::int4).numbers;
    if (packed.bits <= 4 && packed.group % block == 0) y.stored_in = WeightFormat::int4;
}

AvailableModel folder_at(const fs::path& path) {
    AvailableModel y{.path = path};
    std::error_code unknown;
    for (const auto& entry : fs::directory_iterator(path, unknown))
        if (entry.path().extension() == ".safetensors" && entry.is_regular_file(unknown))
            y.file_bytes += double(entry.file_size(unknown));
    try {
        const Json described = read_json((path / "config.json").string());
        if (const Json* type = described.find("model_type"); type && type->is_string())
            y.family = type->get<std::string>();
        y.model = load_model_config(path.string());
        std::map<std::string, double> bytes;
        for (const auto& entry : fs::directory_iterator(path, unknown))
            if (entry.path().extension() == ".safetensors") add_types(entry.path(), bytes);
        for (const auto& [type, count] : bytes)
            if (y.format.empty() || count > bytes[y.format]) y.format = type;
        if (const Json* packing = described.find("quantization_config")) take_packing(*packing, y);
    } catch (const Error& error) {
        y.problem = error.what();
    }
    return y;
}

void search(const fs::path& folder, int depth, std::vector<AvailableModel>& found) {
    std::error_code unknown;
    if (fs::exists(folder / "config.json", unknown) && !weights_in(folder).empty())
        found.push_back(folder_at(folder));
    for (const auto& entry :
         fs::directory_iterator(folder, fs::directory_options::skip_permission_denied, unknown)) {
        if (entry.is_directory(unknown) && !entry.is_symlink(unknown) && depth > 0)
            search(entry.path(), depth - 1, found);
        else if (entry.path().extension() == ".gguf" && entry.is_regular_file(unknown))
            found.push_back(gguf_at(entry.path()));
    }
}

} // namespace

std::vector<fs::path> model_caches() {
    const fs::path home = from_environment("HOME");
    const auto either = [](const std::string& said, const fs::path& otherwise) {
        return said.empty() ? otherwise : fs::path(said);
    };
    const fs::path cache = either(from_environment("XDG_CACHE_HOME"), home / ".cache");
    const fs::path hugging_face = either(from_environment("HF_HOME"), cache / "huggingface");
    std::vector<fs::path> all{
        either(from_environment("HF_HUB_CACHE"), hugging_face / "hub"),
        either(from_environment("LLAMA_CACHE"), cache / "llama.cpp"),
    };
    std::erase_if(all, [](const fs::path& path) {
        std::error_code unknown;
        return !fs::is_directory(path, unknown);
    });
    return all;
}

std::vector<AvailableModel> find_models(const std::vector<fs::path>& folders) {
    constexpr int deepest = 8; // a cache has four levels
    std::vector<AvailableModel> found;
    for (const fs::path& folder : folders) search(folder, deepest, found);
    std::ranges::sort(found, {}, &AvailableModel::path);
    const auto same = [](const auto& a, const auto& b) { return a.path == b.path; };
    found.erase(std::unique(found.begin(), found.end(), same), found.end());
    return found;
}

} // namespace sweetspot

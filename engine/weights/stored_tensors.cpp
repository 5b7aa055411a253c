#include "engine/weights/stored_tensors.h"
#include "engine/config/catalogue.h"
#include "engine/config/foreign_format.h"
#include "engine/config/json.h"
#include "engine/config/regular_file.h"
#include <algorithm>
#include <cstring>
#include <filesystem>

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t longest_header = 100'000'000; // the format's own limit

[[noreturn]] void malformed(const std::string& path, const std::string& what) {
    throw Error(Failure::file, path + ": " + what);
}

/// Bytes of an element; 0 for types of other formats' making, whose size cannot be checked.
std::int64_t element_bytes(const std::string& type) {
    static const std::map<std::string, std::int64_t> sizes{
        {"F64", 8},  {"I64", 8},     {"U64", 8},     {"F32", 4},     {"I32", 4}, {"U32", 4},
        {"F16", 2},  {"BF16", 2},    {"I16", 2},     {"U16", 2},     {"I8", 1},  {"U8", 1},
        {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1}, {"C64", 8}};
    const auto found = sizes.find(type);
    return found == sizes.end() ? 0 : found->second;
}

Json header_of(const MappedFile& file) {
    const auto bytes = file.bytes();
    std::uint64_t length = 0;
    if (bytes.size() < sizeof length)
        malformed(file.path(), "truncated: " + std::to_string(bytes.size()) +
                                   " bytes, and a safetensors file begins with 8");
    std::memcpy(&length, bytes.data(), sizeof length);
    const std::string_view first(reinterpret_cast<const char*>(bytes.data()),
                                 std::min<std::size_t>(bytes.size(), 64));
    if (const auto clause = foreign_format(first); !clause.empty())
        throw Error(Failure::unsupported, file.path() + " " + std::string(clause));
    if (length > longest_header)
        malformed(file.path(), "not a safetensors file: its header would have " +
                                   std::to_string(length) + " bytes");
    if (length > bytes.size() - sizeof length)
        malformed(file.path(), "truncated: the header has " + std::to_string(length) +
                                   " bytes, the file " + std::to_string(bytes.size()));
    const auto* text = reinterpret_cast<const char*>(bytes.data()) + sizeof length;
    Json header = parse_json({text, length}, file.path() + ": the header");
    if (!header.is_object())
        malformed(file.path(), "the header is " + described(header) + ", not an object");
    return header;
}

StoredTensor stored(const std::string& name, const Json& entry, const MappedFile& file,
                    std::span<const std::byte> data) {
    const auto fail = [&](const std::string& what) {
        malformed(file.path(), "tensor \"" + name + "\": " + what);
    };
    StoredTensor tensor{.file = &file};
    const Json *type = entry.find("dtype"), *shape = entry.find("shape"),
               *offsets = entry.find("data_offsets");
    if (!type || !shape || !offsets || !type->is_string() || !shape->is_array())
        fail("its dtype, shape or data_offsets are missing or malformed");
    tensor.type = type->get<std::string>();
    std::vector<std::uint64_t> range;
    within(file.path() + ": tensor \"" + name + "\"", [&] {
        for (const auto& size : *shape) tensor.shape.push_back(size.get<std::int64_t>());
        for (const auto& place : *offsets) range.push_back(place.get<std::uint64_t>());
    });
    if (range.size() != 2 || range[0] > range[1]) fail("its data_offsets are not [begin, end]");
    if (range[1] > data.size())
        fail("truncated: its data end at byte " + std::to_string(range[1]) + " of " +
             std::to_string(data.size()));
    std::int64_t expected = element_bytes(tensor.type);
    for (const auto size : tensor.shape)
        if (size < 0 || __builtin_mul_overflow(expected, size, &expected))
            fail("its shape is " + shape_text(tensor.shape));
    tensor.bytes = data.subspan(range[0], range[1] - range[0]);
    if (element_bytes(tensor.type) && std::uint64_t(expected) != tensor.bytes.size())
        fail(tensor.type + " " + shape_text(tensor.shape) + " needs " + std::to_string(expected) +
             " bytes, not " + std::to_string(tensor.bytes.size()));
    return tensor;
}

/// The shards that an index names, in alphabetical order, each with its tensors.
std::map<std::string, std::vector<std::string>> shards_of(const fs::path& index) {
    const Json values = read_json(index.string());
    const Json* map = values.find("weight_map");
    std::map<std::string, std::vector<std::string>> shards;
    if (map)
        for (const auto& [name, value] : map->items()) {
            const fs::path shard = within(index.string() + ": \"" + name + "\"",
                                          [&] { return value.get<std::string>(); });
            if (shard != shard.filename())
                malformed(index.string(), "\"" + shard.string() + "\" is not beside it");
            shards[(index.parent_path() / shard).string()].push_back(name);
        }
    if (shards.empty()) malformed(index.string(), "has no weight_map from tensors to files");
    return shards;
}

} // namespace

std::string shape_text(const std::vector<std::int64_t>& shape) {
    std::string text;
    for (const auto size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
    return "[" + text + "]";
}

/// The format asks that the tensors cover the data without gaps, and that none share bytes.
static void check_cover(const std::vector<std::pair<std::string, StoredTensor>>& all,
                        const MappedFile& file, std::span<const std::byte> data) {
    const std::byte* end = data.data();
    for (const auto& [name, tensor] : all) {
        const auto begin = tensor.bytes.data();
        if (begin != end)
            malformed(file.path(), "tensor \"" + name + "\": its data begin at byte " +
                                       std::to_string(begin - data.data()) +
                                       ", but those before it end at " +
                                       std::to_string(end - data.data()));
        end = begin + tensor.bytes.size();
    }
    if (const auto left = data.data() + data.size() - end)
        malformed(file.path(), std::to_string(left) + " bytes follow the last tensor");
}

/// safetensors.torch.save_model keeps one of several names of one tensor, and says the others here.
static void add_shared_names(const Json& header, std::map<std::string, StoredTensor>& tensors) {
    const Json* metadata = header.find("__metadata__");
    if (!metadata) return;
    for (const auto& [name, kept] : metadata->items())
        if (kept.is_string() && !tensors.contains(name))
            if (const auto found = tensors.find(kept.get<std::string>()); found != tensors.end())
                tensors[name] = found->second;
}

void StoredTensors::add_safetensors(const std::string& name) {
    const auto& file = *files.emplace_back(std::make_unique<MappedFile>(name));
    const Json header = header_of(file);
    std::uint64_t length = 0;
    std::memcpy(&length, file.bytes().data(), sizeof length);
    const auto data = file.bytes().subspan(sizeof length + length);
    std::vector<std::pair<std::string, StoredTensor>> all;
    for (const auto& [tensor, entry] : header.items())
        if (tensor != "__metadata__") all.emplace_back(tensor, stored(tensor, entry, file, data));
    std::ranges::stable_sort(all, {}, [](const auto& one) {
        return std::pair(one.second.bytes.data(), one.second.bytes.size());
    });
    check_cover(all, file, data);
    for (auto& [tensor, bytes] : all)
        if (!tensors.emplace(tensor, bytes).second)
            malformed(name, "tensor \"" + tensor + "\" is in another file of the index, too");
    add_shared_names(header, tensors);
}

/// Says what a folder holds in place of weights that are read.
[[noreturn]] static void refuse_folder(const std::string& path) {
    constexpr std::pair<const char*, const char*> others[] = {
        {"adapter_model.safetensors", "an adapter (LoRA), not a model; merge it into its model"},
        {"adapter_config.json", "an adapter (LoRA), not a model; merge it into its model"},
        {"pytorch_model.bin", "PyTorch's pickle, which is not read; convert it to safetensors"},
        {"pytorch_model.bin.index.json",
         "PyTorch's pickles, which are not read; convert them to safetensors"},
        {"tf_model.h5", "TensorFlow's weights, which are not read"},
        {"flax_model.msgpack", "Flax's weights, which are not read"}};
    std::string there;
    for (const auto& [file, what] : others)
        if (there.empty() && is_there(fs::path(path) / file))
            there = std::string("; ") + file + " is " + what;
    throw Error(Failure::bad_input, path +
                                        ": the folder has neither model.safetensors nor "
                                        "model.safetensors.index.json" +
                                        there + "; --weights random draws them");
}

/// How the tensors in a folder are packed, if anything there says it.
static std::optional<PackedWeights> packing_in(const fs::path& folder) {
    const auto read = [](const fs::path& file, const Json& settings, std::string_view method) {
        return within(file.string(), [&] { return packed_weights(settings, method); });
    };
    if (const fs::path file = folder / "config.json"; is_there(file)) {
        const Json config = read_json(file.string());
        const Json* settings = config.find("quantization_config");
        if (settings && !settings->is_null()) return read(file, *settings, "gptq");
    }
    for (const auto& [name, method] :
         {std::pair("quantize_config.json", "gptq"), std::pair("quant_config.json", "awq")})
        if (const fs::path file = folder / name; is_there(file))
            return read(file, read_json(file.string()), method);
    return {};
}

static bool is_packed(const StoredTensors& stored) {
    return std::ranges::any_of(stored.tensors,
                               [](const auto& one) { return one.first.ends_with(".qweight"); });
}

StoredTensors open_weights(const std::string& path) {
    StoredTensors opened{.path = path};
    fs::path place = path;
    if (is_folder(place)) {
        place = weights_in(path);
        if (place.empty()) refuse_folder(path);
    }
    const std::string ending = place.extension().string();
    if (ending == ".safetensors")
        opened.add_safetensors(place.string());
    else if (ending == ".json")
        for (const auto& [shard, names] : shards_of(place)) {
            opened.add_safetensors(shard);
            for (const auto& name : names)
                if (!opened.tensors.contains(name))
                    malformed(place.string(), "tensor \"" + name + "\" is not in " + shard);
        }
    else if (ending == ".bin")
        opened.add_llama2c(place.string());
    else if (ending == ".gguf")
        opened.add_gguf(place.string());
    else if (is_there(place))
        throw Error(Failure::bad_input,
                    path + ": weights are a .safetensors file, its index.json, "
                           "a folder with either, llama.cpp's .gguf, or llama2.c's "
                           ".bin");
    else
        throw Error(Failure::bad_input, "weights: there is no file or folder \"" + path +
                                            "\", and it is not the word \"random\"");
    if (is_packed(opened)) opened.packed = packing_in(place.parent_path());
    return opened;
}

} // namespace sweetspot

#include "engine/weights/stored_tensors.h"
#include "engine/config/json.h"
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>

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
        {"F64", 8},  {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4}, {"U32", 4}, {"F16", 2},
        {"BF16", 2}, {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
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

/// The shards that an index names, in alphabetical order.
std::set<std::string> shards_of(const fs::path& index) {
    const Json values = read_json(index.string());
    const Json* map = values.find("weight_map");
    std::set<std::string> shards;
    if (map)
        for (const auto& [name, shard] : map->items())
            shards.insert((index.parent_path() / shard.get<std::string>()).string());
    if (shards.empty()) malformed(index.string(), "has no weight_map from tensors to files");
    return shards;
}

} // namespace

std::string shape_text(const std::vector<std::int64_t>& shape) {
    std::string text;
    for (const auto size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
    return "[" + text + "]";
}

void StoredTensors::add_safetensors(const std::string& name) {
    const auto& file = *files.emplace_back(std::make_unique<MappedFile>(name));
    const Json header = header_of(file);
    std::uint64_t length = 0;
    std::memcpy(&length, file.bytes().data(), sizeof length);
    const auto data = file.bytes().subspan(sizeof length + length);
    for (const auto& [tensor, entry] : header.items())
        if (tensor != "__metadata__") tensors[tensor] = stored(tensor, entry, file, data);
}

StoredTensors open_weights(const std::string& path) {
    StoredTensors opened{.path = path};
    fs::path place = path;
    if (fs::is_directory(place)) {
        const fs::path index = place / "model.safetensors.index.json";
        place = fs::exists(index) ? index : place / "model.safetensors";
        if (!fs::exists(place))
            throw Error(Failure::bad_input, path + ": the folder has neither model.safetensors nor "
                                                   "model.safetensors.index.json");
    }
    const std::string ending = place.extension().string();
    if (ending == ".safetensors")
        opened.add_safetensors(place.string());
    else if (ending == ".json")
        for (const auto& shard : shards_of(place)) opened.add_safetensors(shard);
    else if (ending == ".bin")
        opened.add_llama2c(place.string());
    else if (fs::exists(place))
        throw Error(Failure::bad_input, path + ": weights are a .safetensors file, its index.json, "
                                               "a folder with either, or llama2.c's .bin");
    else
        throw Error(Failure::bad_input, "weights: there is no file or folder \"" + path +
                                            "\", and it is not the word \"random\"");
    return opened;
}

} // namespace sweetspot

#include "engine/config/model_files.h"
#include "engine/config/foreign_format.h"
#include "engine/config/nearest.h"
#include "engine/config/regular_file.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

// Descriptions of models in our own JSON and in llama2.c's header, and the sizes that any model
// must keep.

namespace sweetspot {

namespace fs = std::filesystem;

ModelConfig model_from_fields(const Json& fields, const std::string& what) {
    ModelConfig config;
    std::vector<std::string> names;
    each_field(config, [&](const Field& field, auto&) { names.emplace_back(field.name); });
    for (const auto& [name, value] : fields.items()) {
        const bool plain = value.is_number() || value.is_boolean();
        if (value.is_string() && set_field(config, name, value.get<std::string>())) continue;
        if (plain && set_field(config, name, dump(value))) continue;
        if (std::find(names.begin(), names.end(), name) == names.end())
            throw Error(Failure::bad_input,
                        what + ": there is no field \"" + name + "\"" + did_you_mean(name, names));
        throw Error(Failure::bad_input, what + ": " + name + " cannot be " + described(value));
    }
    if (!config.kv_heads) config.kv_heads = config.heads;
    if (!config.head_size && config.heads) config.head_size = config.width / config.heads;
    check_model(config, what);
    return config;
}

Json fields_of(const ModelConfig& model) {
    Json fields = Json::object();
    ModelConfig copy = model;
    each_field(copy, [&](const Field& field, const auto& value) {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>)
            fields.add(std::string(field.name), value);
        else
            fields.add(std::string(field.name), to_text(value));
    });
    return fields;
}

void check_model(const ModelConfig& c, const std::string& what) {
    const auto must = [&](bool holds, const std::string& sentence) {
        if (!holds) throw Error(Failure::bad_input, what + ": " + sentence);
    };
    struct Size {
        const char* name;
        int value, most;
    };
    constexpr int most_layers = 10'000, most_tokens = 1 << 24, most_positions = 1 << 30;
    const Size sizes[] = {
        {"layers", c.layers, most_layers},         {"width", c.width, most_channels},
        {"heads", c.heads, most_channels},         {"kv_heads", c.kv_heads, most_channels},
        {"head_size", c.head_size, most_channels}, {"mlp_width", c.mlp_width, most_channels},
        {"vocabulary", c.vocabulary, most_tokens}, {"positions", c.positions, most_positions}};
    for (const auto& [name, value, most] : sizes) {
        must(value > 0, std::string(name) + " must be at least 1, not " + std::to_string(value));
        must(value <= most, std::string(name) + " must be at most " + std::to_string(most) +
                                ", not " + std::to_string(value));
    }
    must(std::int64_t(c.heads) * c.head_size <= most_channels,
         std::to_string(c.heads) + " heads of " + std::to_string(c.head_size) +
             " channels are more than " + std::to_string(most_channels) + " channels");
    must(c.heads % c.kv_heads == 0, "heads (" + std::to_string(c.heads) +
                                        ") must be a multiple of kv_heads (" +
                                        std::to_string(c.kv_heads) + ")");
    must(c.position != PositionStyle::rotary || c.head_size % 2 == 0,
         "rotary positions need an even head_size, not " + std::to_string(c.head_size));
    const bool head_mlp = c.head_mlp != HeadMlp::none;
    must(!head_mlp || c.family == Family::llama, "a head_mlp is LLaMA's, and no other family's");
    constexpr int most_linears = 1'000;
    must(!head_mlp || (c.head_mlp_depth > 0 && c.head_mlp_depth <= most_linears),
         "head_mlp_depth must be from 1 to " + std::to_string(most_linears) + ", not " +
             std::to_string(c.head_mlp_depth));
    must(c.window >= 0 && (c.causal || !c.window), "a window is for causal models, and at least 1");
    const bool rotary = c.position == PositionStyle::rotary;
    must(rotary || c.rotary_scaling == RotaryScaling::none, "only rotary positions are scaled");
    for (const double v : {c.rotary_factor, c.rotary_magnitude, c.rotary_low, c.rotary_high})
        must(v > 0 && std::isfinite(v),
             "what scales rotary positions must be above 0, not " + to_text(v));
    if (c.rotary_scaling == RotaryScaling::llama3 || c.rotary_scaling == RotaryScaling::yarn) {
        must(c.rotary_positions > 0, "scaled rotary positions start from at least 1");
        must(c.rotary_low < c.rotary_high, "rotary_low must be below rotary_high");
        must(c.rotary_base > 1, "scaled rotary angles need a base above 1");
    }
    for (const double v : {c.norm_epsilon, c.rotary_base, c.init_range})
        must(v > 0 && std::isfinite(v),
             "norm_epsilon, rotary_base and init_range must be above 0, not " + to_text(v));
}

ModelConfig model_from_llama2c(const std::string& path) {
    std::int32_t header[7];
    auto* bytes = reinterpret_cast<char*>(header);
    const auto got = RegularFile(path).read({bytes, sizeof header});
    if (const auto clause = foreign_format({bytes, got}); !clause.empty())
        throw Error(Failure::unsupported, path + " " + std::string(clause));
    if (got < sizeof header)
        throw Error(Failure::file, path + ": shorter than the 28 bytes that begin llama2.c's .bin");
    const auto [width, mlp, layers, heads, kv_heads, vocabulary, positions] = header;
    for (const int size : {width, mlp, layers, heads, kv_heads, positions})
        if (size < 1 || size > 1 << 20)
            throw Error(Failure::file, path + ": not llama2.c's .bin of version 0: a size of " +
                                           std::to_string(size) + " in its first 28 bytes");
    ModelConfig c;
    c.name = fs::path(path).stem().string();
    c.source = path;
    c.family = Family::llama;
    c.layers = layers;
    c.width = width;
    c.heads = heads;
    c.kv_heads = kv_heads;
    c.head_size = width / heads;
    c.mlp_width = mlp;
    const auto tokens = std::abs(std::int64_t(vocabulary)); // of the least int, too
    c.vocabulary = int(std::min<std::int64_t>(tokens, std::numeric_limits<int>::max()));
    c.positions = positions;
    c.norm = NormStyle::rms;
    c.mlp = MlpStyle::swiglu;
    c.causal = true;
    c.tied_head = vocabulary > 0;
    check_model(c, path);
    return c;
}

} // namespace sweetspot

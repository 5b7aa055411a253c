#include "engine/config/model_files.h"
#include "engine/config/nearest.h"
#include "engine/config/regular_file.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <filesystem>

namespace sweetspot {

namespace fs = std::filesystem;

ModelConfig model_from_fields(const Json& fields, const std::string& what) {
    ModelConfig config;
    std::vector<std::string> names;
    each_field(config, [&](const Field& field, auto&) { names.emplace_back(field.name); });
    for (const auto& [name, value] : fields.items()) {
        const bool plain = value.is_number() || value.is_boolean();
        const std::string text = value.is_string() ? value.get<std::string>()
                                 : plain           ? dump(value)
                                                   : "";
        if (set_field(config, name, text)) continue;
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

void check_model(const ModelConfig& c, const std::string& what) {
    const auto must = [&](bool holds, const std::string& sentence) {
        if (!holds) throw Error(Failure::bad_input, what + ": " + sentence);
    };
    const std::pair<const char*, int> sizes[] = {
        {"layers", c.layers},         {"width", c.width},         {"heads", c.heads},
        {"kv_heads", c.kv_heads},     {"head_size", c.head_size}, {"mlp_width", c.mlp_width},
        {"vocabulary", c.vocabulary}, {"positions", c.positions}};
    for (const auto& [name, value] : sizes)
        must(value > 0, std::string(name) + " must be at least 1, not " + std::to_string(value));
    must(c.heads % c.kv_heads == 0, "heads (" + std::to_string(c.heads) +
                                        ") must be a multiple of kv_heads (" +
                                        std::to_string(c.kv_heads) + ")");
    must(c.position != PositionStyle::rotary || c.head_size % 2 == 0,
         "rotary positions need an even head_size, not " + std::to_string(c.head_size));
    must(c.norm_epsilon > 0 && c.rotary_base > 0 && c.init_range > 0,
         "norm_epsilon, rotary_base and init_range must be above 0");
}

namespace {

/// Settings of one config.json, with errors that name the file.
struct Settings {
    const Json& values;
    const std::string& what;

    template <class T>
    T get(const char* name) const {
        const auto found = values.find(name);
        if (!found || found->is_null())
            throw Error(Failure::bad_input, what + ": \"" + name + "\" is missing");
        return convert<T>(name, *found);
    }
    template <class T>
    T get(const char* name, T otherwise) const {
        const auto found = values.find(name);
        return !found || found->is_null() ? otherwise : convert<T>(name, *found);
    }
    /// Throws unless the setting is absent or as given: others compute something else.
    template <class T>
    void only(const char* name, const T& value) const {
        if (get<T>(name, value) != value)
            throw Error(Failure::unsupported, what + ": \"" + name +
                                                  "\": " + described(*values.find(name)) +
                                                  " is not supported, only " + described(value));
    }
    template <class T>
    T convert(const char* name, const Json& value) const {
        return within(what + ": \"" + name + "\"", [&] { return value.get<T>(); });
    }
};

void read_esm(const Settings& from, ModelConfig& c) {
    from.only<std::string>("position_embedding_type", "rotary");
    from.only("emb_layer_norm_before", false);
    c.family = Family::esm2;
    c.layers = from.get<int>("num_hidden_layers");
    c.width = from.get<int>("hidden_size");
    c.heads = c.kv_heads = from.get<int>("num_attention_heads");
    c.mlp_width = from.get<int>("intermediate_size");
    c.positions = from.get<int>("max_position_embeddings");
    c.norm_epsilon = from.get("layer_norm_eps", 1e-12);
    c.rotary_base = from.get("rope_theta", 10000.0);
    c.head = HeadStyle::masked;
    c.bias = c.tied_head = true;
    c.token_dropout = from.get("token_dropout", false);
}

void read_llama(const Settings& from, ModelConfig& c) {
    from.only("attention_bias", false);
    from.only("mlp_bias", false);
    from.only<std::string>("hidden_act", "silu");
    const Json* scaled = from.values.find("rope_scaling");
    if (!scaled || scaled->is_null()) scaled = from.values.find("rope_parameters");
    const Settings rotary{scaled ? *scaled : Json(), from.what};
    rotary.only<std::string>("rope_type", "default");
    rotary.only<std::string>("type", "default");
    c.family = Family::llama;
    c.layers = from.get<int>("num_hidden_layers");
    c.width = from.get<int>("hidden_size");
    c.heads = from.get<int>("num_attention_heads");
    c.kv_heads = from.get("num_key_value_heads", c.heads);
    c.head_size = from.get("head_dim", 0);
    c.mlp_width = from.get<int>("intermediate_size");
    c.positions = from.get("max_position_embeddings", 2048);
    c.norm = NormStyle::rms;
    c.norm_epsilon = from.get("rms_norm_eps", 1e-6);
    c.rotary_base = rotary.get("rope_theta", from.get("rope_theta", 10000.0));
    c.mlp = MlpStyle::swiglu;
    c.causal = true;
    c.tied_head = from.get("tie_word_embeddings", false);
}

void read_gpt2(const Settings& from, ModelConfig& c) {
    from.only<std::string>("activation_function", "gelu_new");
    from.only("scale_attn_weights", true);
    from.only("scale_attn_by_inverse_layer_idx", false);
    c.family = Family::gpt2;
    c.layers = from.get<int>("n_layer");
    c.width = from.get<int>("n_embd");
    c.heads = c.kv_heads = from.get<int>("n_head");
    c.mlp_width = from.get("n_inner", 4 * c.width);
    c.positions = from.get<int>("n_positions");
    c.norm_epsilon = from.get("layer_norm_epsilon", 1e-5);
    c.position = PositionStyle::learned;
    c.mlp = MlpStyle::gelu_tanh;
    c.causal = c.bias = true;
    c.tied_head = from.get("tie_word_embeddings", true);
}

} // namespace

ModelConfig model_from_hugging_face(const Json& values, const std::string& what) {
    const Settings from{values, what};
    ModelConfig c;
    const auto kind = from.get<std::string>("model_type");
    if (kind == "esm")
        read_esm(from, c);
    else if (kind == "llama")
        read_llama(from, c);
    else if (kind == "gpt2")
        read_gpt2(from, c);
    else
        throw Error(Failure::unsupported, what + ": \"model_type\" is \"" + kind +
                                              "\"; esm, llama and gpt2 are supported");
    c.name = fs::path(what).parent_path().filename().string();
    c.source = what;
    c.vocabulary = from.get<int>("vocab_size");
    c.init_range = from.get("initializer_range", 0.02);
    if (!c.head_size && c.heads) c.head_size = c.width / c.heads;
    check_model(c, what);
    return c;
}

ModelConfig model_from_llama2c(const std::string& path) {
    std::int32_t header[7];
    if (RegularFile(path).read({reinterpret_cast<char*>(header), sizeof header}) < sizeof header)
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
    c.vocabulary = vocabulary < 0 ? -vocabulary : vocabulary;
    c.positions = positions;
    c.norm = NormStyle::rms;
    c.mlp = MlpStyle::swiglu;
    c.causal = true;
    c.tied_head = vocabulary > 0;
    check_model(c, path);
    return c;
}

} // namespace sweetspot

#include "engine/convert/gguf_description.h"
#include "engine/config/rotary.h"
#include "kernels/core/error.h"
#include <cmath>

namespace sweetspot {

namespace {

[[noreturn]] void refuse(const ModelConfig& model, const std::string& why) {
    throw Error(Failure::unsupported,
                model.name + " cannot be written as GGUF: " + why + "; a folder gets safetensors");
}

/// What llama.cpp calls a file whose weights are mostly of this type (llama_ftype).
std::uint32_t file_type(WeightFormat format, std::string_view table) {
    using enum WeightFormat;
    switch (format) {
    case q4_0: return 2;
    case q4_1: return 3;
    case q8_0: return 7;
    case q5_0: return 8;
    case q5_1: return 9;
    case q4_k: return 14;
    case q5_k: return 16;
    case q6_k: return 18;
    default: return table == "F32" ? 0 : table == "F16" ? 1 : 32;
    }
}

void describe_scaling(const ModelConfig& c, const std::string& begin, GgufEntries& entries) {
    if (c.rotary_scaling != RotaryScaling::linear && c.rotary_scaling != RotaryScaling::yarn)
        return; // llama3's is a tensor; dynamic changes nothing within the model's positions
    entries.add(begin + "rope.scaling.type", std::string_view(to_text(c.rotary_scaling)));
    entries.add(begin + "rope.scaling.factor", float(c.rotary_factor));
    if (c.rotary_scaling == RotaryScaling::yarn)
        entries.add(begin + "rope.scaling.original_context_length",
                    std::uint32_t(c.rotary_positions));
}

} // namespace

std::string gguf_architecture(const ModelConfig& c) {
    if (c.family != Family::llama || c.norm != NormStyle::rms || c.mlp != MlpStyle::swiglu ||
        c.bias || (c.qkv_bias && c.qk_norm) || c.head_mlp != HeadMlp::none)
        refuse(c, "it is of none of LLaMA's kinds");
    if (c.rotary_scaling == RotaryScaling::yarn &&
        (c.rotary_low != 1 || c.rotary_high != 32 ||
         std::abs(c.rotary_magnitude - yarn_magnitude(c.rotary_factor)) > 1e-6))
        refuse(c, "its YaRN has bounds of its own");
    if (c.window && (c.qkv_bias || c.qk_norm)) refuse(c, "its window is LLaMA's alone there");
    return c.qk_norm ? "qwen3" : c.qkv_bias ? "qwen2" : "llama";
}

void describe_model(const ModelConfig& c, WeightFormat format, std::string_view table,
                    GgufEntries& entries) {
    const std::string architecture = gguf_architecture(c), begin = architecture + ".";
    const auto size = [&](const char* key, int value) {
        entries.add(begin + key, std::uint32_t(value));
    };
    entries.add("general.architecture", std::string_view(architecture));
    entries.add("general.name", std::string_view(c.name));
    entries.add("general.file_type", file_type(format, table));
    entries.add("general.quantization_version", std::uint32_t(2));
    size("block_count", c.layers);
    size("context_length", c.positions);
    size("embedding_length", c.width);
    size("feed_forward_length", c.mlp_width);
    size("attention.head_count", c.heads);
    size("attention.head_count_kv", c.kv_heads);
    size("attention.key_length", c.head_size);
    size("attention.value_length", c.head_size);
    size("rope.dimension_count", c.head_size);
    size("vocab_size", c.vocabulary);
    if (c.window) size("attention.sliding_window", c.window);
    entries.add(begin + "attention.layer_norm_rms_epsilon", float(c.norm_epsilon));
    entries.add(begin + "rope.freq_base", float(c.rotary_base));
    describe_scaling(c, begin, entries);
}

} // namespace sweetspot

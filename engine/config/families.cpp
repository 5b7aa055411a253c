#include "engine/config/families.h"

namespace sweetspot {

std::span<const KnownFamily> known_families() {
    static constexpr KnownFamily all[] = {
        {"esm", "ESM-2 8M to 15B", "",
         "sees both sides; LayerNorm, rotary positions, GELU, a head of its own"},
        {"llama", "LLaMA 1 to 3.3, TinyLlama, SmolLM", "llama",
         "RMSNorm, rotary positions (also scaled: linear, dynamic, yarn, llama3), SwiGLU"},
        {"mistral", "Mistral 7B", "llama", "as llama, with a window of attention"},
        {"qwen2", "Qwen2, Qwen2.5", "qwen2", "as llama, with biases of query, key and value"},
        {"qwen3", "Qwen3 0.6B to 32B", "qwen3", "as llama, with norms of queries and keys"},
        {"gpt2", "GPT-2, GPT-3's shapes", "", "LayerNorm, learned positions, GELU"},
    };
    return all;
}

std::string table_of_families() {
    std::string table = "| `model_type` | models | GGUF | |\n|---|---|---|---|\n";
    for (const KnownFamily& family : known_families()) {
        const std::string name(family.model_type), architecture(family.architecture);
        table += "| `" + name + "` | " + std::string(family.models) + " | " +
                 (architecture.empty() ? "" : "`" + architecture + "`") + " | " +
                 std::string(family.made_of) + " |\n";
    }
    return table;
}

namespace {

struct Missing {
    std::string_view model_type, what;
};
/// By their names in a config.json and in GGUF, which differ in part.
constexpr Missing missing[] = {
    {"mixtral", "experts"},
    {"qwen2_moe", "experts"},
    {"qwen2moe", "experts"},
    {"qwen3_moe", "experts, and norms of queries and keys"},
    {"qwen3moe", "experts, and norms of queries and keys"},
    {"llama4", "experts, and layers without positions"},
    {"gpt_oss", "experts, and sinks of attention"},
    {"gpt-oss", "experts, and sinks of attention"},
    {"deepseek_v2", "latent attention, and experts"},
    {"deepseek_v3", "latent attention, and experts"},
    {"deepseek2", "latent attention, and experts"},
    {"gemma", "a gate of GELU, and embeddings that are scaled"},
    {"gemma2", "norms behind attention and MLP, and softened scores"},
    {"gemma3", "norms behind attention and MLP, and windows in some layers"},
    {"gemma3_text", "norms behind attention and MLP, and windows in some layers"},
    {"ministral", "windows in some layers"},
    {"phi", "attention and MLP side by side"},
    {"phi2", "attention and MLP side by side"},
    {"phi3", "one tensor for query, key and value, and one for gate and up"},
    {"gpt_neox", "attention and MLP side by side"},
    {"gptneox", "attention and MLP side by side"},
    {"gptj", "attention and MLP side by side"},
    {"falcon", "attention and MLP side by side"},
    {"cohere", "attention and MLP side by side"},
    {"cohere2", "attention and MLP side by side"},
    {"olmo2", "norms behind attention and MLP"},
    {"olmo3", "norms behind attention and MLP"},
    {"smollm3", "layers without positions"},
    {"granite", "factors of embeddings, residuals and logits"},
    {"stablelm", "rotary positions of a part of each head"},
    {"glm4", "norms behind attention and MLP, and rotary positions of a part of each head"},
    {"starcoder2", "LayerNorms with rotary positions and biases in LLaMA's names"},
    {"opt", "learned positions that begin at 2, and ReLU"},
    {"bloom", "scores that fall with distance (ALiBi)"},
    {"mpt", "scores that fall with distance (ALiBi)"},
    {"bert", "norms behind attention and MLP"},
    {"roberta", "norms behind attention and MLP"},
    {"t5", "an encoder and a decoder"},
    {"mamba", "state-space layers"},
    {"mamba2", "state-space layers"},
    {"rwkv", "recurrent layers"},
};

} // namespace

std::string_view what_is_missing(std::string_view model_type) {
    for (const auto& [name, what] : missing)
        if (name == model_type) return what;
    return {};
}

} // namespace sweetspot

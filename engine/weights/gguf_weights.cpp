#include "engine/config/gguf.h"
#include "engine/weights/stored_tensors.h"
#include <array>

namespace sweetspot {

/// What a tensor of the architectures llama, qwen2 and qwen3 is called in Hugging Face's
/// checkpoints; its own name if that has no place there, which is then named when all others are
/// taken.
static std::string name_in_checkpoints(const std::string& name) {
    using Pair = std::pair<std::string_view, std::string_view>;
    constexpr std::array outside{Pair{"token_embd", "model.embed_tokens"},
                                 Pair{"output_norm", "model.norm"}, Pair{"output", "lm_head"}};
    constexpr std::array inside{
        Pair{"attn_norm", "input_layernorm"},    Pair{"attn_q", "self_attn.q_proj"},
        Pair{"attn_k", "self_attn.k_proj"},      Pair{"attn_v", "self_attn.v_proj"},
        Pair{"attn_q_norm", "self_attn.q_norm"}, Pair{"attn_k_norm", "self_attn.k_norm"},
        Pair{"attn_output", "self_attn.o_proj"}, Pair{"ffn_norm", "post_attention_layernorm"},
        Pair{"ffn_gate", "mlp.gate_proj"},       Pair{"ffn_up", "mlp.up_proj"},
        Pair{"ffn_down", "mlp.down_proj"}};
    const auto ending = name.rfind('.');
    if (ending == name.npos) return name;
    const std::string kind = name.substr(ending); // .weight, .bias
    const std::string_view all(name.data(), ending);
    for (const auto& [theirs, ours] : outside)
        if (all == theirs) return std::string(ours) + kind;
    constexpr std::string_view block = "blk.";
    if (!all.starts_with(block)) return name;
    const auto dot = all.find('.', block.size());
    if (dot == all.npos) return name;
    for (const auto& [theirs, ours] : inside)
        if (all.substr(dot + 1) == theirs)
            return "model.layers." + std::string(all.substr(block.size(), dot - block.size())) +
                   "." + std::string(ours) + kind;
    return name;
}

void StoredTensors::add_gguf(const std::string& name) {
    const auto& file = *files.emplace_back(std::make_unique<MappedFile>(name));
    Gguf held = read_gguf(file);
    const auto* architecture = held.find<std::string_view>("general.architecture");
    // Converters turn the rows of q and k, but of architectures whose rotary is NeoX's.
    interleaved_rotary = architecture && *architecture == "llama";
    for (GgufTensor& tensor : held.tensors)
        tensors.try_emplace(name_in_checkpoints(tensor.name), StoredTensor{.type = tensor.type,
                                                                           .format = tensor.format,
                                                                           .shape = tensor.shape,
                                                                           .bytes = tensor.bytes,
                                                                           .file = &file});
}

} // namespace sweetspot

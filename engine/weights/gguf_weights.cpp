#include "engine/config/gguf.h"
#include "engine/weights/parameters.h"
#include "engine/weights/stored_tensors.h"
#include <array>

namespace sweetspot {

namespace {

using Pair = std::pair<std::string_view, std::string_view>;
/// What the architectures llama, qwen2 and qwen3 call tensors, and Hugging Face's checkpoints do.
constexpr std::array outside{Pair{"token_embd", "model.embed_tokens"},
                             Pair{"output_norm", "model.norm"}, Pair{"output", "lm_head"}};
constexpr std::array inside{
    Pair{"attn_norm", "input_layernorm"},    Pair{"attn_q", "self_attn.q_proj"},
    Pair{"attn_k", "self_attn.k_proj"},      Pair{"attn_v", "self_attn.v_proj"},
    Pair{"attn_q_norm", "self_attn.q_norm"}, Pair{"attn_k_norm", "self_attn.k_norm"},
    Pair{"attn_output", "self_attn.o_proj"}, Pair{"ffn_norm", "post_attention_layernorm"},
    Pair{"ffn_gate", "mlp.gate_proj"},       Pair{"ffn_up", "mlp.up_proj"},
    Pair{"ffn_down", "mlp.down_proj"}};
constexpr Pair of_block{"blk.", "model.layers."};

/// The other side's name, from one that begins as `from` says; its own if that side has none, which
/// is then named when all others are taken.
std::string other_name(const std::string& name, std::string_view Pair::*from,
                       std::string_view Pair::*to) {
    const auto ending = name.rfind('.');
    if (ending == name.npos) return name;
    const std::string kind = name.substr(ending); // .weight, .bias
    const std::string_view all(name.data(), ending);
    for (const Pair& pair : outside)
        if (all == pair.*from) return std::string(pair.*to) + kind;
    const auto begin = (of_block.*from).size();
    if (!all.starts_with(of_block.*from)) return name;
    const auto dot = all.find('.', begin);
    if (dot == all.npos) return name;
    for (const Pair& pair : inside)
        if (all.substr(dot + 1) == pair.*from)
            return std::string(of_block.*to) + std::string(all.substr(begin, dot - begin)) + "." +
                   std::string(pair.*to) + kind;
    return name;
}

} // namespace

std::string name_in_gguf(const std::string& name) {
    return other_name(name, &Pair::second, &Pair::first);
}

void StoredTensors::add_gguf(const std::string& name) {
    const auto& file = *files.emplace_back(std::make_unique<MappedFile>(name));
    Gguf held = read_gguf(file);
    const auto* architecture = held.find<std::string_view>("general.architecture");
    // Converters turn the rows of q and k, but of architectures whose rotary is NeoX's.
    interleaved_rotary = architecture && *architecture == "llama";
    for (GgufTensor& tensor : held.tensors)
        tensors.try_emplace(other_name(tensor.name, &Pair::first, &Pair::second),
                            StoredTensor{.type = tensor.type,
                                         .format = tensor.format,
                                         .shape = tensor.shape,
                                         .bytes = tensor.bytes,
                                         .file = &file});
}

} // namespace sweetspot

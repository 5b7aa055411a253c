#include "engine/weights/parameters.h"

namespace sweetspot {

namespace {

using Names = std::vector<std::string>;

Names esm_names(Part part, const std::string& layer, bool bias) {
    const std::string block = "esm.encoder.layer." + layer + ".";
    switch (part) {
    case Part::tokens: return {"esm.embeddings.word_embeddings"};
    case Part::positions: return {"esm.embeddings.position_embeddings"};
    case Part::attention_norm: return {block + "attention.LayerNorm"};
    case Part::query_key_value:
        return {block + "attention.self.query", block + "attention.self.key",
                block + "attention.self.value"};
    case Part::attention_output: return {block + "attention.output.dense"};
    case Part::mlp_norm: return {block + "LayerNorm"};
    case Part::up: return {block + "intermediate.dense"};
    case Part::down: return {block + "output.dense"};
    case Part::final_norm: return {"esm.encoder.emb_layer_norm_after"};
    case Part::head_dense: return {"lm_head.dense"};
    case Part::head_norm: return {"lm_head.layer_norm"};
    case Part::head: return {bias ? "lm_head" : "lm_head.decoder"};
    default: return {};
    }
    return {};
}

Names llama_names(Part part, const std::string& layer) {
    const std::string block = "model.layers." + layer + ".";
    switch (part) {
    case Part::tokens: return {"model.embed_tokens"};
    case Part::rotary: return {"rope_freqs"}; // GGUF alone has it
    case Part::attention_norm: return {block + "input_layernorm"};
    case Part::query_key_value:
        return {block + "self_attn.q_proj", block + "self_attn.k_proj", block + "self_attn.v_proj"};
    case Part::query_norm: return {block + "self_attn.q_norm"};
    case Part::key_norm: return {block + "self_attn.k_norm"};
    case Part::head_mlp: return {block + "self_attn.head_mlp"}; // ours: the study kept no files
    case Part::attention_output: return {block + "self_attn.o_proj"};
    case Part::mlp_norm: return {block + "post_attention_layernorm"};
    case Part::up: return {block + "mlp.gate_proj", block + "mlp.up_proj"};
    case Part::down: return {block + "mlp.down_proj"};
    case Part::final_norm: return {"model.norm"};
    case Part::head: return {"lm_head"};
    default: return {};
    }
}

Names gpt2_names(Part part, const std::string& layer) {
    const std::string block = "transformer.h." + layer + ".";
    switch (part) {
    case Part::tokens: return {"transformer.wte"};
    case Part::positions: return {"transformer.wpe"};
    case Part::attention_norm: return {block + "ln_1"};
    case Part::query_key_value: return {block + "attn.c_attn"};
    case Part::attention_output: return {block + "attn.c_proj"};
    case Part::mlp_norm: return {block + "ln_2"};
    case Part::up: return {block + "mlp.c_fc"};
    case Part::down: return {block + "mlp.c_proj"};
    case Part::final_norm: return {"transformer.ln_f"};
    case Part::head: return {"lm_head"};
    default: return {};
    }
}

} // namespace

Names names_in_files(Family family, Part part, int layer, bool bias) {
    const std::string number = std::to_string(layer);
    switch (family) {
    case Family::esm2: return esm_names(part, number, bias);
    case Family::llama: return llama_names(part, number);
    case Family::gpt2: return gpt2_names(part, number);
    }
    return {};
}

std::string prefix_in_files(Family family) {
    switch (family) {
    case Family::esm2: return "esm.";
    case Family::llama: return "model.";
    case Family::gpt2: return "transformer.";
    }
    return {};
}

bool transposed_in_files(Family family, Part part) {
    return family == Family::gpt2 && part != Part::tokens && part != Part::positions &&
           part != Part::head;
}

/// Null if a model of the family is made of it, or if nobody knows it.
static const ForeignTensor* foreign(const ModelConfig& model, const std::string& name) {
    for (const auto& one : foreign_tensors())
        if (one.family == model.family && name.ends_with(one.ending)) return &one;
    return nullptr;
}

std::optional<Copy> copy_in_files(const ModelConfig& model, const std::string& name) {
    const auto* found = foreign(model, name);
    if (!found || (found->copy == Copy::tokens && !model.tied_head)) return {};
    return found->copy;
}

bool ignored_in_files(const ModelConfig& model, const std::string& name) {
    const auto* found = foreign(model, name);
    return found && !found->copy;
}

} // namespace sweetspot

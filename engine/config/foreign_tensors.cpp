#include "engine/config/foreign_tensors.h"

namespace sweetspot {

static constexpr std::string_view frequencies = "what rotary_base gives";
static constexpr std::string_view tied = "the embedding table, which a tied head uses";

std::span<const ForeignTensor> foreign_tensors() {
    static constexpr ForeignTensor all[] = {
        {Family::esm2, "contact_head.regression.weight", {}, "predicts contacts from attention"},
        {Family::esm2, "contact_head.regression.bias", {}, "predicts contacts from attention"},
        {Family::esm2, "embeddings.position_ids", {}, "0, 1, 2, …"},
        {Family::esm2,
         "embeddings.position_embeddings.weight",
         {},
         "rotary positions need no table"},
        {Family::esm2, "rotary_embeddings.inv_freq", Copy::rotary_frequencies, frequencies},
        {Family::esm2, "lm_head.decoder.weight", Copy::tokens, tied},
        {Family::esm2, "lm_head.decoder.bias", Copy::head_bias, "the head's bias"},
        {Family::llama, "rotary_emb.inv_freq", Copy::rotary_frequencies, frequencies},
        {Family::llama, "lm_head.weight", Copy::tokens, tied},
        {Family::gpt2, ".attn.bias", {}, "the causal mask"},
        {Family::gpt2, ".attn.masked_bias", {}, "what the causal mask puts in place of scores"},
        {Family::gpt2, "lm_head.weight", Copy::tokens, tied}};
    return all;
}

} // namespace sweetspot

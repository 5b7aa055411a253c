#pragma once
#include "engine/config/fields.h"
#include <array>
#include <cstdint>
#include <string>

namespace sweetspot {

enum class Family { esm2, llama, gpt2 };
constexpr std::array<std::string_view, 3> names_of(Family) {
    return {"esm2", "llama", "gpt2"};
}
enum class NormStyle { layer, rms };
constexpr std::array<std::string_view, 2> names_of(NormStyle) {
    return {"layer", "rms"};
}
enum class PositionStyle { rotary, learned };
constexpr std::array<std::string_view, 2> names_of(PositionStyle) {
    return {"rotary", "learned"};
}
/// How positions beyond those of training are made to fit. dynamic: only positions within those are
/// computed, where it changes nothing. in_file: what each angle is divided by is among the weights.
enum class RotaryScaling { none, linear, dynamic, yarn, llama3, in_file };
constexpr std::array<std::string_view, 6> names_of(RotaryScaling) {
    return {"none", "linear", "dynamic", "yarn", "llama3", "in_file"};
}
enum class MlpStyle { gelu, gelu_tanh, swiglu };
constexpr std::array<std::string_view, 3> names_of(MlpStyle) {
    return {"gelu", "gelu_tanh", "swiglu"};
}
/// linear: one product. masked: dense, GELU, LayerNorm, product with the embedding, bias (ESM-2).
enum class HeadStyle { linear, masked };
constexpr std::array<std::string_view, 2> names_of(HeadStyle) {
    return {"linear", "masked"};
}
/// Whether the output of each head goes through small linears with SiLU before the heads are
/// projected together: none, the same for all heads of a block, or each head's own.
enum class HeadMlp { none, shared, per_head };
constexpr std::array<std::string_view, 3> names_of(HeadMlp) {
    return {"none", "shared", "per_head"};
}
/// The published ways to draw weights that are not loaded.
/// normal: N(0, init_range), biases 0, gains 1. llama2_study: Kaiming-uniform matrices and uniform
/// gains.
enum class InitStyle { normal, kaiming_uniform };
constexpr std::array<std::string_view, 2> names_of(InitStyle) {
    return {"normal", "kaiming_uniform"};
}

/// One transformer, described by data: resources/models/*.json hold these, a field each.
struct ModelConfig {
    std::string name{};
    Family family = Family::esm2;
    int layers = 0, width = 0, heads = 0, kv_heads = 0, head_size = 0, mlp_width = 0;
    int vocabulary = 0;
    int positions = 0; ///< longest sequence; rows of the learned table
    NormStyle norm = NormStyle::layer;
    double norm_epsilon = 1e-5;
    PositionStyle position = PositionStyle::rotary;
    double rotary_base = 10000;
    RotaryScaling rotary_scaling = RotaryScaling::none;
    double rotary_factor = 1;
    int rotary_positions = 0; ///< those of training, which scaling starts from
    double rotary_low = 1;    ///< turns in these positions: angles with fewer go slower by factor
    double rotary_high = 1;   ///< and those with more as they did
    double rotary_magnitude = 1;
    MlpStyle mlp = MlpStyle::gelu;
    HeadMlp head_mlp = HeadMlp::none;
    int head_mlp_depth = 1; ///< linears one behind the other
    HeadStyle head = HeadStyle::linear;
    bool causal = false;
    int window = 0;         ///< how many tokens a token sees, itself included; 0 = all before it
    bool bias = false;      ///< linears of the blocks have biases
    bool qkv_bias = false;  ///< those of queries, keys and values have, in any case
    bool qk_norm = false;   ///< each head's queries and keys are normalised, by RMSNorm
    bool tied_head = false; ///< the output product uses the embedding table
    bool token_dropout = false; ///< ESM-2: rows scaled by (1 - 0.12) / (1 - share of <mask>)
    InitStyle init = InitStyle::normal;
    double init_range = 0.02;
    std::string source{}; ///< where the numbers come from

    bool operator==(const ModelConfig&) const = default;
};

/// Calls visit(Field, value) for each field: the one place that lists them.
template <class Visit>
void each_field(ModelConfig& c, Visit&& visit) {
    visit(Field{"name", "model", "", "what `--model` calls it"}, c.name);
    visit(Field{"family", "model", "", "which names its weights have in files"}, c.family);
    visit(Field{"layers", "size", "", "transformer blocks"}, c.layers);
    visit(Field{"width", "size", "channels", "channels of the residual stream"}, c.width);
    visit(Field{"heads", "size", "", "query heads"}, c.heads);
    visit(Field{"kv_heads", "size", "", "key and value heads"}, c.kv_heads);
    visit(Field{"head_size", "size", "channels", "channels of a head"}, c.head_size);
    visit(Field{"mlp_width", "size", "channels", "channels inside the MLP"}, c.mlp_width);
    visit(Field{"vocabulary", "size", "tokens", "rows of the embedding table"}, c.vocabulary);
    visit(Field{"positions", "size", "tokens", "longest sequence"}, c.positions);
    visit(Field{"norm", "kind", "", "LayerNorm or RMSNorm"}, c.norm);
    visit(Field{"norm_epsilon", "kind", "", "added to the variance"}, c.norm_epsilon);
    visit(Field{"position", "kind", "", "rotary or learned positions"}, c.position);
    visit(Field{"rotary_base", "kind", "", "base of the rotary angles"}, c.rotary_base);
    visit(Field{"rotary_scaling", "kind", "", "how far positions are made to fit"},
          c.rotary_scaling);
    visit(Field{"rotary_factor", "kind", "", "how much slower scaled angles go"}, c.rotary_factor);
    visit(Field{"rotary_positions", "kind", "tokens", "positions of training, before scaling"},
          c.rotary_positions);
    visit(Field{"rotary_low", "kind", "", "turns in these, below which angles are scaled"},
          c.rotary_low);
    visit(Field{"rotary_high", "kind", "", "turns above which angles are not scaled"},
          c.rotary_high);
    visit(Field{"rotary_magnitude", "kind", "", "factor of rotary cosines and sines"},
          c.rotary_magnitude);
    visit(Field{"mlp", "kind", "", "activation of the MLP"}, c.mlp);
    visit(Field{"head_mlp", "kind", "", "linears with SiLU behind each head"}, c.head_mlp);
    visit(Field{"head_mlp_depth", "kind", "", "how many of them, one behind the other"},
          c.head_mlp_depth);
    visit(Field{"head", "kind", "", "how logits are made"}, c.head);
    visit(Field{"causal", "kind", "", "a token sees only those before it"}, c.causal);
    visit(Field{"window", "kind", "tokens", "how many a token sees, 0 = all before it"}, c.window);
    visit(Field{"bias", "kind", "", "linears have biases"}, c.bias);
    visit(Field{"qkv_bias", "kind", "", "queries, keys and values have biases"}, c.qkv_bias);
    visit(Field{"qk_norm", "kind", "", "queries and keys are normalised by head"}, c.qk_norm);
    visit(Field{"tied_head", "kind", "", "the output uses the embedding table"}, c.tied_head);
    visit(Field{"token_dropout", "kind", "", "ESM-2's scale of embeddings by masked share"},
          c.token_dropout);
    visit(Field{"init", "kind", "", "how weights that are not loaded are drawn"}, c.init);
    visit(Field{"init_range", "kind", "", "standard deviation of drawn weights"}, c.init_range);
    visit(Field{"source", "model", "", "where the numbers come from"}, c.source);
}

} // namespace sweetspot

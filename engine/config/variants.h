#pragma once
#include <array>
#include <string_view>

/// The choices that a run has; each is a field of RunConfig.
namespace sweetspot {

/// forward: one inference step. perplexity: exp of the mean loss, causal or masked by the model's
/// kind. generate: prefill, then token after token. train: steps of an optimizer on the data, by
/// the same losses. probe: features of whole sequences from the frozen model, and a head on them.
enum class Task { forward, perplexity, generate, train, probe };
constexpr std::array<std::string_view, 5> names_of(Task) {
    return {"forward", "perplexity", "generate", "train", "probe"};
}

/// cpu computes here; plan computes nothing and predicts; cuda is for builds that have it.
enum class DeviceKind { cpu, plan, cuda };
constexpr std::array<std::string_view, 3> names_of(DeviceKind) {
    return {"cpu", "plan", "cuda"};
}

/// vendor: cuDNN's fused attention, to compare with.
enum class AttentionVariant { naive, flash, vendor };
constexpr std::array<std::string_view, 3> names_of(AttentionVariant) {
    return {"naive", "flash", "vendor"};
}

/// padded: to the longest of the batch. bucketed: likewise, after sorting so that neighbours are
/// alike. ragged: packed back to back; no padded token is computed anywhere.
enum class Layout { padded, bucketed, ragged };
constexpr std::array<std::string_view, 3> names_of(Layout) {
    return {"padded", "bucketed", "ragged"};
}

/// tf32: stored as f32, multiplied with 10 bits of fraction.
enum class Precision { f32, tf32, bf16, f16 };
constexpr std::array<std::string_view, 4> names_of(Precision) {
    return {"f32", "tf32", "bf16", "f16"};
}

/// none: bias, activation, residual and norm are passes of their own. epilogues: they ride on the
/// products and norms next to them. The others are epilogues and one fused kernel: a branch's
/// dropout with the norm after it; attention's or the MLP's norm with the product after it;
/// attention with the output projection.
enum class Fusion {
    none,
    epilogues,
    dropout_norm,
    attention_norm,
    mlp_norm,
    attention_projection,
};
constexpr std::array<std::string_view, 6> names_of(Fusion) {
    return {"none",           "epilogues", "dropout_norm",
            "attention_norm", "mlp_norm",  "attention_projection"};
}

/// What keys and values are kept in while tokens are generated. precision: what they are computed
/// in.
enum class CacheFormat { precision, f32, bf16, q8_0, q4_0 };
constexpr std::array<std::string_view, 5> names_of(CacheFormat) {
    return {"precision", "f32", "bf16", "q8_0", "q4_0"};
}

/// What products with weights in blocks read. q8_0: blocks of 32 activations in 8 bits, with which
/// they compute in integers, as llama.cpp does.
enum class ActivationFormat { precision, q8_0 };
constexpr std::array<std::string_view, 2> names_of(ActivationFormat) {
    return {"precision", "q8_0"};
}

/// What a value demands of the rest of a run.
struct Demands {
    bool gpu = false; ///< it is computed on a GPU alone
    enum class Types { any, all_but_tf32, of_16_bits } types = Types::any;
    bool no_dropout = false;
    bool no_study = false; ///< it is a kernel that as_published has no place in
};
constexpr Demands demands_of(AttentionVariant v) {
    if (v == AttentionVariant::vendor) return {.gpu = true, .types = Demands::Types::of_16_bits};
    return {};
}
constexpr Demands demands_of(Precision v) {
    return {.gpu = v == Precision::tf32 || v == Precision::f16};
}
constexpr Demands demands_of(Fusion v) {
    switch (v) {
    case Fusion::none:
    case Fusion::epilogues: return {};
    case Fusion::dropout_norm: return {.no_study = true};
    case Fusion::attention_norm:
    case Fusion::mlp_norm:
        return {.gpu = true,
                .types = Demands::Types::all_but_tf32,
                .no_dropout = true,
                .no_study = true};
    case Fusion::attention_projection:
        return {
            .gpu = true, .types = Demands::Types::of_16_bits, .no_dropout = true, .no_study = true};
    }
    return {};
}
constexpr bool has_16_bits(Precision v) {
    return v == Precision::bf16 || v == Precision::f16;
}
constexpr bool meets(Precision v, Demands::Types types) {
    if (types == Demands::Types::of_16_bits) return has_16_bits(v);
    return types == Demands::Types::any || v != Precision::tf32;
}

/// What a published study of layer fusions computed under these names, which is not what the names
/// say: dropout_norm is the model itself; attention_norm makes LN1 anew with gain 1 and bias 0;
/// mlp_norm is MLP(LN(x)) + Attention(x) without LN1 and residual; attention_projection leaves the
/// output projection out. And what a study of pruning did: masked_pruning is of every gain and
/// table, too, unties a tied head, and masks columns where it says that it removes them. And what a
/// study of MLPs on attention heads did: llm_compression learns to say the token that it sees, and
/// its padding, from weights and gains that are all drawn uniformly around 0.
enum class AsPublished {
    none,
    dropout_norm,
    attention_norm,
    mlp_norm,
    attention_projection,
    masked_pruning,
    llm_compression,
};
constexpr std::array<std::string_view, 7> names_of(AsPublished) {
    return {"none",           "dropout_norm",         "attention_norm",
            "mlp_norm",       "attention_projection", "masked_pruning",
            "llm_compression"};
}

/// magnitude: the smallest weights. wanda: those of the smallest |weight| · norm of its input on a
/// text, row by row. sparsegpt: those that the rest of their row makes up for best, on a text, and
/// the rest is changed so that it does.
enum class PruneBy { none, magnitude, wanda, sparsegpt };
constexpr std::array<std::string_view, 4> names_of(PruneBy) {
    return {"none", "magnitude", "wanda", "sparsegpt"};
}

/// unstructured: any weights. two_of_four, four_of_eight: so many of each so many neighbours in a
/// row. heads: whole groups of heads that share keys and values. channels: of the MLP. structured:
/// both.
enum class PrunePattern { unstructured, two_of_four, four_of_eight, heads, channels, structured };
constexpr std::array<std::string_view, 6> names_of(PrunePattern) {
    return {"unstructured", "2:4", "4:8", "heads", "channels", "structured"};
}
/// Of each so many neighbours, half go; 0 where that is not the pattern.
constexpr int neighbours_of(PrunePattern pattern) {
    return pattern == PrunePattern::two_of_four     ? 4
           : pattern == PrunePattern::four_of_eight ? 8
                                                    : 0;
}
constexpr bool removes_heads(PrunePattern pattern) {
    return pattern == PrunePattern::heads || pattern == PrunePattern::structured;
}
constexpr bool removes_channels(PrunePattern pattern) {
    return pattern == PrunePattern::channels || pattern == PrunePattern::structured;
}
constexpr bool is_structured(PrunePattern pattern) {
    return removes_heads(pattern) || removes_channels(pattern);
}

/// Which weights are compared with each other to find the smallest.
enum class PruneScope { row, layer, global };
constexpr std::array<std::string_view, 3> names_of(PruneScope) {
    return {"row", "layer", "global"};
}

/// graph: a phase is recorded once for each shape and launched as a whole.
enum class LaunchMode { eager, graph };
constexpr std::array<std::string_view, 2> names_of(LaunchMode) {
    return {"eager", "graph"};
}

/// managed: the driver moves pages between host and GPU. streamed: weights stay in pinned host
/// memory and are copied ahead of their use, as far as a budget allows.
enum class WeightMemory { device, managed, streamed };
constexpr std::array<std::string_view, 3> names_of(WeightMemory) {
    return {"device", "managed", "streamed"};
}

/// Of managed weights. on_use: just before the op that reads them. lookahead: some records earlier,
/// and computing waits for them.
enum class Prefetch { none, on_use, lookahead };
constexpr std::array<std::string_view, 3> names_of(Prefetch) {
    return {"none", "on_use", "lookahead"};
}

/// What the driver is told about managed weights.
enum class MemoryAdvice { none, preferred_location, read_mostly, accessed_by };
constexpr std::array<std::string_view, 4> names_of(MemoryAdvice) {
    return {"none", "preferred_location", "read_mostly", "accessed_by"};
}

/// Whose memory and work the device plan predicts.
enum class PlanFor { cpu, cuda };
constexpr std::array<std::string_view, 2> names_of(PlanFor) {
    return {"cpu", "cuda"};
}

/// Whose account of memory a plan gives. ledger: our own, of what is allocated. as_published: that
/// of the program of a study of ESM-2, in a formula. plotted: what that study's figures show.
enum class MemoryModel { ledger, as_published, plotted };
constexpr std::array<std::string_view, 3> names_of(MemoryModel) {
    return {"ledger", "as_published", "plotted"};
}

/// sgd: gradient steps, with momentum if asked for. adamw: Adam with decay of its own.
enum class OptimizerKind { adamw, sgd };
constexpr std::array<std::string_view, 2> names_of(OptimizerKind) {
    return {"adamw", "sgd"};
}

/// What a training learns. tokens: to predict them. target: to say of a sequence what a column of
/// its table says, by a linear head on the mean of its outputs, and all that is trained below it.
enum class Learn { tokens, target };
constexpr std::array<std::string_view, 2> names_of(Learn) {
    return {"tokens", "target"};
}

/// What the learning rate does after its warm-up, down to `final_rate` at the last step.
enum class Schedule { constant, linear, cosine };
constexpr std::array<std::string_view, 3> names_of(Schedule) {
    return {"constant", "linear", "cosine"};
}

/// Which weights decay: matrices and tables, or biases and norms, too.
enum class Decay { matrices, all };
constexpr std::array<std::string_view, 2> names_of(Decay) {
    return {"matrices", "all"};
}

/// What the backward pass computes again instead of finding it kept. selective: outputs of norms
/// and activations. full: all of a block but its input.
enum class Recompute { none, selective, full };
constexpr std::array<std::string_view, 3> names_of(Recompute) {
    return {"none", "selective", "full"};
}

/// What is found out about a run's answers in a pass of its own, which is not timed. perplexity: of
/// real text. reference: likewise, and how far the logits are from those that were kept of another
/// run.
enum class QualityPass { none, perplexity, reference };
constexpr std::array<std::string_view, 3> names_of(QualityPass) {
    return {"none", "perplexity", "reference"};
}

/// Where in a block an output is looked at: what attention gives, what the MLP gives, and the
/// stream that both were added to.
enum class BlockPlace { attention, mlp, residual };
constexpr std::array<std::string_view, 3> names_of(BlockPlace) {
    return {"attention", "mlp", "residual"};
}

/// How the last layer's outputs of a sequence become its features. mean: of its letters.
/// off_by_one: what a study took for that, which has the mark that begins it and not its last
/// letter.
enum class Pooling { mean, off_by_one };
constexpr std::array<std::string_view, 2> names_of(Pooling) {
    return {"mean", "off_by_one"};
}

/// What is fitted to features. ridge: a linear map, with a penalty that validation rows choose.
/// mlp: one hidden layer, which goes on learning for as long as they get better.
enum class ProbeHead { ridge, mlp, xgboost };
constexpr std::array<std::string_view, 3> names_of(ProbeHead) {
    return {"ridge", "mlp", "xgboost"};
}

/// What a probe's targets are. automatic: numbers, if all of them are.
enum class TargetKind { automatic, numbers, classes };
constexpr std::array<std::string_view, 3> names_of(TargetKind) {
    return {"automatic", "numbers", "classes"};
}

/// How tokens are chosen for a masked model to learn. exact: of each sequence a share of its
/// letters, rounded down, and of these 80 % become <mask> and 10 % one of the 20 residues.
/// bernoulli: each letter by itself, and of those each by itself: 80 % <mask>, 10 % any id.
enum class Masking { exact, bernoulli };
constexpr std::array<std::string_view, 2> names_of(Masking) {
    return {"exact", "bernoulli"};
}

/// What happens to letters that the alphabet does not have.
enum class UnknownLetters { error, x, unk };
constexpr std::array<std::string_view, 3> names_of(UnknownLetters) {
    return {"error", "x", "unk"};
}

} // namespace sweetspot

#include "engine/config/pruned_model.h"
#include "engine/config/catalogue.h"
#include <algorithm>
#include <cmath>

// Which model is left when heads and channels were taken out, and what cannot be pruned.

namespace sweetspot {

namespace {

bool is_masked_study(const RunConfig& run) {
    return run.as_published == AsPublished::masked_pruning;
}

/// Whether heads and channels really go.
bool removes(const RunConfig& run) {
    return scope::is_pruned(run) && is_structured(run.prune_pattern) && !is_masked_study(run);
}

std::string pattern_of(const RunConfig& run) {
    return "prune_pattern " + to_text(run.prune_pattern);
}

std::optional<std::string> wrong_study(const RunConfig& run) {
    if (!is_masked_study(run)) return {};
    const auto pattern = run.prune_pattern;
    const bool done = pattern == PrunePattern::unstructured ||
                      pattern == PrunePattern::structured || pattern == PrunePattern::two_of_four;
    if (!scope::is_pruned(run) || run.prune != PruneBy::magnitude || !done)
        return "as_published masked_pruning is of prune magnitude with prune_pattern unstructured, "
               "structured or 2:4";
    if (pattern == PrunePattern::unstructured && run.prune_scope != PruneScope::global)
        return "as_published masked_pruning compares all weights: prune_scope is global, not " +
               to_text(run.prune_scope);
    if (run.weight_format != WeightFormat::dense)
        return "as_published masked_pruning stores zeros like other numbers; weight_format is " +
               to_text(run.weight_format);
    return {};
}

/// What a GPU's products of 2:4 cannot do.
std::optional<std::string> wrong_two_of_four(const RunConfig& run) {
    if (!stores_two_of_four(run.weight_format) || !run.on_gpu()) return {};
    const auto type =
        run.weight_format == WeightFormat::two_of_four_f16 ? Precision::f16 : Precision::bf16;
    const std::string format = "weight_format " + to_text(run.weight_format);
    if (run.precision != type)
        return format + " on a GPU is for precision " + to_text(type) +
               ", the type of its numbers, not for " + to_text(run.precision);
    if (run.fusion == Fusion::dropout_norm) // those of a GPU alone read dense weights in any case
        return format + " on a GPU goes with fusion none or epilogues, not with " +
               to_text(run.fusion);
    if (run.as_published != AsPublished::none)
        return format + " on a GPU computes the model itself, not as_published " +
               to_text(run.as_published);
    return {};
}

/// What heads and channels are left nothing of.
std::optional<std::string> wrong_counts(const RunConfig& run, const ModelConfig& model) {
    if (!removes(run)) return {};
    const std::string share = "sparsity " + to_text(run.sparsity);
    if (model.kv_heads < 1 || model.heads % model.kv_heads)
        return pattern_of(run) + " takes out groups of heads; the " + to_text(model.heads) +
               " heads of " + model.name + " do not divide into " + to_text(model.kv_heads);
    if (removes_heads(run.prune_pattern) && kept_groups(model, run) < 1)
        return share + " leaves none of the " + to_text(model.kv_heads) +
               (model.heads == model.kv_heads ? " heads of " : " groups of heads of ") + model.name;
    if (removes_channels(run.prune_pattern) && kept_channels(model, run) < 1)
        return share + " leaves none of the " + to_text(model.mlp_width) + " MLP channels of " +
               model.name + ": a multiple of " + to_text(channel_step) +
               " is kept, for which products are fast";
    return {};
}

} // namespace

int kept_groups(const ModelConfig& model, const RunConfig& run) {
    return int(std::lround((1 - run.sparsity) * model.kv_heads));
}

int kept_channels(const ModelConfig& model, const RunConfig& run) {
    const auto steps = std::lround((1 - run.sparsity) * model.mlp_width / channel_step);
    return std::min(channel_step * int(steps), model.mlp_width);
}

ModelConfig pruned_model(const ModelConfig& model, const RunConfig& run) {
    ModelConfig left = model;
    if (is_masked_study(run) && run.prune_pattern == PrunePattern::unstructured)
        left.tied_head = false;
    if (!removes(run)) return left;
    if (removes_heads(run.prune_pattern)) {
        left.kv_heads = kept_groups(model, run);
        left.heads = left.kv_heads * (model.heads / model.kv_heads);
    }
    if (removes_channels(run.prune_pattern)) left.mlp_width = kept_channels(model, run);
    return left;
}

std::optional<std::string> unprunable(const RunConfig& run, const ModelConfig& model) {
    if (auto wrong = wrong_study(run)) return wrong;
    if (auto wrong = wrong_two_of_four(run)) return wrong;
    if (stores_two_of_four(run.weight_format) &&
        !(scope::is_pruned(run) && run.prune_pattern == PrunePattern::two_of_four) &&
        weights_of(run) == "random")
        return "weight_format " + to_text(run.weight_format) +
               " stores two of four neighbours; weights random have more: prune_pattern 2:4 makes "
               "it two";
    if (!scope::is_pruned(run)) return {};
    if (run.prune == PruneBy::sparsegpt && is_structured(run.prune_pattern))
        return "prune sparsegpt mends the weights that stay one by one; " + pattern_of(run) +
               " is for magnitude and wanda";
    if (removes_heads(run.prune_pattern) && model.head_mlp == HeadMlp::per_head)
        return pattern_of(run) + " takes out heads; it does not know the linears that each of " +
               model.name + " has of its own (head_mlp per_head)";
    if (run.calibrated() && run.prune_data.empty())
        return "prune " + to_text(run.prune) + " looks at a text: name a file in prune_data";
    const int neighbours = neighbours_of(run.prune_pattern);
    const int queries = model.heads * model.head_size;
    for (const int row : {model.width, queries, model.mlp_width})
        if (neighbours && row % neighbours)
            return pattern_of(run) + " is of " + to_text(neighbours) +
                   " neighbours in a row; rows of " + model.name + " have " + to_text(row);
    return wrong_counts(run, model);
}

} // namespace sweetspot

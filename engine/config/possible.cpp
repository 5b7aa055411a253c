#include "engine/config/possible.h"
#include "engine/config/catalogue.h"
#include "engine/config/pruned_model.h"

// Why a configuration cannot run, found before anything is loaded: by ranges, scopes and demands of
// the field list where they can say it, by rules of several fields here.

namespace sweetspot {

namespace {

std::optional<std::string> wrong_number(const RunConfig& run) {
    std::string wrong;
    each_field(run, [&](const Field& field, const auto& value) {
        if (wrong.empty()) wrong = out_of_range(field, value);
    });
    if (!wrong.empty()) return wrong;
    if (run.max_repeats < run.repeats)
        return "max_repeats (" + to_text(run.max_repeats) + ") is below repeats (" +
               to_text(run.repeats) + ")";
    return {};
}

std::optional<std::string> wrong_task(const RunConfig& run, const ModelConfig& model) {
    if (run.task == Task::generate && !model.causal)
        return model.name + " cannot generate: its tokens see those after them";
    if (!scope::is_scored(run)) return {};
    if (run.pseudo_perplexity && model.causal)
        return "pseudo_perplexity is for models that see both sides; " + model.name + " is causal";
    if (model.causal && run.mask_fraction != RunConfig{}.mask_fraction)
        return "mask_fraction is for models that see both sides; " + model.name + " is causal";
    if (run.task == Task::perplexity && model.causal && run.sequence < 2)
        return "the perplexity of " + model.name + " needs a sequence of at least 2 tokens";
    return {};
}

/// Whether the quality pass is of the run's own random batches, which only another layout of the
/// same tokens can be held against.
bool is_own_batches(const RunConfig& run) {
    return scope::is_referred(run) && run.reference == "padded" && run.task != Task::train;
}

/// What a quality pass lacks.
std::optional<std::string> wrong_pass(const RunConfig& run, const ModelConfig& model) {
    if (!scope::is_assessed(run)) return {};
    const RunConfig pass = quality_pass_of(run);
    if (run.task == Task::train && run.learn == Learn::target)
        return "quality " + to_text(run.quality) +
               " is of tokens; learn target scores its own rows of test";
    if (run.task == Task::train && run.save.empty())
        return "quality " + to_text(run.quality) +
               " of a training is that of the weights it ends with: name a folder for them in save";
    if (run.task == Task::train && (run.lora_rank > 0 || !run.adapter.empty()) && !run.save_merged)
        return "quality " + to_text(run.quality) +
               " of an adapter is that of its model: it needs save_merged";
    if (pass.data == "random" && !is_own_batches(run))
        return "quality " + to_text(run.quality) +
               " is of real text: name a file in quality_data, or in data";
    if (scope::is_referred(run) && run.reference.empty())
        return "quality reference needs a reference: the number of a run whose logits `sweetspot "
               "reference` kept, their file, dense for the same model with nothing rounded, or "
               "padded for the same in "
               "padded batches";
    if (const auto wrong = impossible(pass, model)) return "the quality pass: " + *wrong;
    return {};
}

std::string chosen(std::string_view field, const RunConfig& run) {
    return std::string(field) + " " + get_field(run, field);
}

/// What a training that prunes cannot do.
std::optional<std::string> wrong_retraining(const RunConfig& run) {
    if (!scope::is_pruned(run)) return {};
    if (run.prune_steps >= run.steps)
        return "prune_steps (" + to_text(run.prune_steps) + ") leaves none of the " +
               to_text(run.steps) + " steps to learn with what is left";
    if (run.offloads())
        return "prune " + to_text(run.prune) +
               " masks what is learned where the GPU has it: without offload_optimizer, "
               "offload_gradients and offload_activations";
    const bool writes = !run.save.empty() || !run.checkpoint.empty();
    if (is_structured(run.prune_pattern) && scope::is_adapted(run) && writes)
        return chosen("prune_pattern", run) +
               " leaves adapters a model that no file has: they are trained without save and "
               "checkpoint";
    if (scope::is_adapted(run) && run.save_merged)
        return "save_merged adds adapters to weights as their files have them, not as prune " +
               to_text(run.prune) + " leaves them";
    return {};
}

/// What training has no way for.
std::optional<std::string> wrong_training(const RunConfig& run, const ModelConfig& model) {
    if (run.task != Task::train) return {};
    if (model.causal && run.sequence < 2)
        return "training " + model.name + " needs a sequence of at least 2 tokens";
    if (model.rotary_scaling == RotaryScaling::in_file)
        return "task train would have no place for the rotary factors of " + model.name +
               " in what it saves";
    if (run.attention == AttentionVariant::vendor)
        return "task train goes with attention naive or flash: of the vendor's it has no gradients";
    if (run.precision == Precision::f16 && !run.master_weights && !scope::is_adapted(run))
        return "task train in f16 needs master_weights: only bf16 is rounded at random";
    if (demands_of(run.fusion).no_dropout)
        return "task train goes with fusion none, epilogues or dropout_norm: " +
               to_text(run.fusion) + " keeps nothing for the backward pass";
    if (run.weight_memory == WeightMemory::managed)
        return "task train keeps weights on the device, or in pinned memory (streamed); "
               "weight_memory is managed";
    if (run.offload_gradients && scope::is_adapted(run))
        return "offload_gradients is of the weights of blocks; adapters, which are trained here, "
               "have few";
    if (run.offloads() && run.launch == LaunchMode::graph)
        return "launch graph repeats one stream's work; what is offloaded is copied on others";
    const bool as_seen = run.as_published == AsPublished::llm_compression;
    if (run.save_merged && run.learn == Learn::target)
        return "save_merged has no place for the head that learn target trains beside the adapters";
    if (run.as_published != AsPublished::none && (!as_seen || run.learn == Learn::target))
        return chosen("as_published", run) + " is not for task train";
    if (as_seen && run.layout != Layout::padded)
        return "as_published llm_compression computes and scores padding: layout padded, not " +
               to_text(run.layout);
    if (model.causal && run.masking != Masking::exact)
        return chosen("masking", run) + " is for models that see both sides; " + model.name +
               " is causal";
    if (auto wrong = wrong_retraining(run)) return wrong;
    if (run.warmup_steps >= run.steps)
        return "warmup_steps (" + to_text(run.warmup_steps) + ") leaves none of the " +
               to_text(run.steps) + " steps";
    return {};
}

/// What is learned from a table lacks.
std::optional<std::string> wrong_probe(const RunConfig& run) {
    if (!scope::is_labelled(run)) return {};
    const std::string who = run.task == Task::probe ? "task probe" : "learn target";
    if (run.data == "random")
        return who + " fits a head to a table of sequences with targets: name a CSV or TSV file in "
                     "data";
    if (run.target.empty()) return who + " needs the name of a column with targets (target)";
    if (run.task == Task::probe && run.launch != LaunchMode::eager)
        return chosen("launch", run) + " is not for task probe";
    return {};
}

/// What is asked for where it cannot be had: a field, or one of its values.
std::optional<std::string> out_of_place(const RunConfig& run) {
    static const RunConfig usual;
    std::optional<std::string> wrong;
    each_run_field([&](const Field& field, auto member) {
        std::string_view where;
        if (field.scope.elsewhere == Scope::Elsewhere::refused && !field.scope.applies(run) &&
            run.*member != usual.*member)
            where = field.scope.where;
        if constexpr (requires { demands_of(run.*member); })
            if (demands_of(run.*member).gpu && !run.on_gpu()) where = scope::needs_gpu.where;
        if (wrong || where.empty()) return;
        const bool plans = run.device == DeviceKind::plan && where == scope::needs_gpu.where;
        wrong = chosen(field.name, run) + " needs " + std::string(where) +
                (plans ? "; this plans for the CPU (plan_for)" : "");
    });
    return wrong;
}

std::optional<std::string> wrong_weight_memory(const RunConfig& run) {
    const bool streamed = run.weight_memory == WeightMemory::streamed;
    if (streamed && run.weight_budget_bytes == 0)
        return "weight_memory streamed needs weight_budget_bytes: what the GPU may hold of the "
               "weights";
    if (run.launch != LaunchMode::graph) return {};
    if (run.prefetch != Prefetch::none)
        return "launch graph cannot have " + chosen("prefetch", run) +
               ": CUDA records no prefetches in graphs";
    if (streamed)
        return "launch graph cannot have weight_memory streamed: which weights are on the GPU "
               "changes from step to step, and a graph repeats one step";
    return {};
}

std::optional<std::string> wrong_type(std::string_view field, const Demands& demands,
                                      const RunConfig& run) {
    if (meets(run.precision, demands.types)) return {};
    const bool half = demands.types == Demands::Types::of_16_bits;
    return chosen(field, run) + " computes in " + (half ? "" : "f32, ") +
           "bf16 or f16; precision is " + to_text(run.precision);
}

/// As far as settings tell: a prompt's length is found out when it is read.
int longest_sequence(const RunConfig& run) {
    if (run.task != Task::generate) return run.sequence;
    return run.new_tokens + (run.prompt.empty() ? run.sequence : 1);
}

std::optional<std::string> wrong_kernels(const RunConfig& run, const ModelConfig& model) {
    if (run.on_gpu())
        if (auto wrong = beyond_window(model, longest_sequence(run))) return wrong;
    if (auto wrong = wrong_type("attention", demands_of(run.attention), run)) return wrong;
    if (run.fusion == Fusion::attention_projection && run.attention != AttentionVariant::flash)
        return "fusion attention_projection is made of flash attention; attention is " +
               to_text(run.attention);
    if (run.fusion == Fusion::attention_projection && model.head_mlp != HeadMlp::none)
        return "fusion attention_projection leaves no room for what " + model.name +
               " does between the two (head_mlp)";
    if (run.fusion == Fusion::attention_projection && run.task == Task::generate)
        return "fusion attention_projection needs " + std::string(scope::whole_sequences.where);
    constexpr int largest_head = 144; // whose outputs and weights a block can hold
    if (run.fusion == Fusion::attention_projection &&
        (model.head_size > largest_head || model.head_size % 2))
        return "fusion attention_projection is for heads of an even number of channels up to " +
               to_text(largest_head) + "; " + model.name + " has " + to_text(model.head_size);
    if (auto wrong = wrong_type("fusion", demands_of(run.fusion), run)) return wrong;
    if (demands_of(run.fusion).gpu && run.weight_format != WeightFormat::dense)
        return chosen("fusion", run) + " reads dense weights; weight_format is " +
               to_text(run.weight_format);
    if (run.dropout > 0 && demands_of(run.fusion).no_dropout)
        return "dropout goes with fusion none, epilogues or dropout_norm, not with " +
               to_text(run.fusion);
    return {};
}

std::optional<std::string> wrong_activations(const RunConfig& run) {
    if (run.activation_format == ActivationFormat::precision) return {};
    // A file of weights may bring blocks: Model tells.
    if (run.weight_format == WeightFormat::dense && !describes_itself(weights_of(run)))
        return chosen("activation_format", run) +
               " is for weights in blocks; weight_format is dense";
    return {};
}

std::optional<std::string> wrong_cache(const RunConfig& run, const ModelConfig& model) {
    if (run.kv_cache_format == CacheFormat::precision) return {};
    if (!model.causal)
        return model.name + " keeps no keys and values: its tokens see those after them";
    const bool blocks =
        run.kv_cache_format == CacheFormat::q8_0 || run.kv_cache_format == CacheFormat::q4_0;
    if (blocks && model.head_size % 32)
        return chosen("kv_cache_format", run) + " is in blocks of 32 channels; heads of " +
               model.name + " have " + to_text(model.head_size);
    if (model.head_size > 1024)
        return chosen("kv_cache_format", run) + " is for heads of up to 1024 channels; " +
               model.name + " has " + to_text(model.head_size);
    return {};
}

/// What the studies whose memory is asked for did not have.
std::optional<std::string> wrong_memory_model(const RunConfig& run, const ModelConfig& model) {
    if (run.memory_model == MemoryModel::ledger) return {};
    const std::string about = chosen("memory_model", run) + " is about ";
    if (model.family != Family::esm2)
        return about + "ESM-2; " + model.name + " is of the family " + to_text(model.family);
    if (run.precision != Precision::f16 || !run.on_gpu())
        return about + "products in f16 on a GPU: precision f16 and plan_for cuda";
    if (run.layout != Layout::padded) return about + "layout padded, not " + to_text(run.layout);
    if (run.weight_format != WeightFormat::dense || scope::is_pruned(run))
        return about + "dense weights";
    if (run.memory_model == MemoryModel::plotted && run.lengths != "esm2-study")
        return about + "the batches that the study drew: lengths esm2-study";
    return {};
}

std::optional<std::string> wrong_study(const RunConfig& run, const ModelConfig& model) {
    if (run.as_published == AsPublished::none || run.as_published == AsPublished::masked_pruning)
        return {};
    if (run.as_published == AsPublished::llm_compression) {
        if (model.family == Family::llama) return {};
        return "as_published llm_compression is about LLaMA; " + model.name + " is of the family " +
               to_text(model.family);
    }
    if (model.family != Family::gpt2)
        return "as_published is about GPT-2's layers; " + model.name + " is of the family " +
               to_text(model.family);
    if (demands_of(run.fusion).no_study)
        return chosen("as_published", run) + " goes with fusion none or epilogues, not with " +
               to_text(run.fusion);
    if (const auto weights = weights_of(run); weights != "random")
        return chosen("as_published", run) + " has no use for some of the weights in " + weights +
               "; it is measured with weights random";
    if (run.dropout > 0)
        return chosen("as_published", run) + " was measured without dropout; dropout is " +
               to_text(run.dropout);
    if (run.as_published == AsPublished::attention_norm && run.launch == LaunchMode::graph)
        return "as_published attention_norm makes a norm anew in every step, which launch graph "
               "cannot record";
    return {};
}

} // namespace

std::optional<std::string> impossible(const RunConfig& run, const ModelConfig& model) {
    if (auto wrong = wrong_number(run)) return wrong;
    if (auto wrong = wrong_task(run, model)) return wrong;
    if (auto wrong = out_of_place(run)) return wrong;
    if (auto wrong = wrong_pass(run, model)) return wrong;
    if (auto wrong = wrong_training(run, model)) return wrong;
    if (auto wrong = wrong_probe(run)) return wrong;
    if (auto wrong = wrong_weight_memory(run)) return wrong;
    if (auto wrong = wrong_kernels(run, model)) return wrong;
    if (auto wrong = wrong_activations(run)) return wrong;
    if (auto wrong = wrong_cache(run, model)) return wrong;
    if (auto wrong = wrong_memory_model(run, model)) return wrong;
    if (auto wrong = wrong_study(run, model)) return wrong;
    if (auto wrong = unprunable(run, model)) return wrong;
    if (model.position == PositionStyle::learned) {
        const bool generates = run.task == Task::generate;
        const int longest = generates ? run.new_tokens : run.sequence;
        if (longest > model.positions)
            return (generates ? "new_tokens " : "sequence ") + std::to_string(longest) +
                   " is longer than the " + std::to_string(model.positions) + " positions of " +
                   model.name;
    }
    return {};
}

std::optional<std::string> beyond_window(const ModelConfig& model, int longest) {
    if (model.window == 0 || longest <= model.window) return {};
    return "attention through a window is computed on the CPU only: that of " + model.name +
           " has " + to_text(model.window) + " tokens, sequences up to " + to_text(longest);
}

bool has_own_reference(const RunConfig& run) {
    return scope::is_referred(run) && (run.reference == "dense" || run.reference == "padded");
}

RunConfig own_reference_of(const RunConfig& run) {
    RunConfig exact = run;
    exact.quality = QualityPass::perplexity;
    exact.reference.clear();
    if (run.reference == "padded") {
        exact.layout = Layout::padded;
        return exact;
    }
    exact.precision = Precision::f32;
    exact.weight_format = WeightFormat::dense;
    exact.activation_format = ActivationFormat::precision;
    exact.kv_cache_format = CacheFormat::precision;
    exact.prune = PruneBy::none;
    return exact;
}

} // namespace sweetspot

#include "engine/config/scopes.h"
#include "engine/config/run_config.h"

// The rules follow what the engine reads: engine/tasks/run_data.cpp for data, engine/device for
// devices, engine/weights/residency.cpp for where weights lie. A field that is said to apply where
// it changes nothing costs a run; one that is said not to apply where it does would make two
// different runs one. In doubt a field applies.

namespace sweetspot::scope {

namespace {

bool is_prompted(const RunConfig& c) {
    return c.task == Task::generate && !c.prompt.empty();
}

/// Whether the batches are the ESM-2 study's, which are counted in residues.
bool is_study(const RunConfig& c) {
    return c.data == "random" && c.lengths == "esm2-study";
}

} // namespace

bool is_assessable(const RunConfig& c) {
    return c.task == Task::forward || c.task == Task::generate || c.task == Task::train;
}
bool is_assessed(const RunConfig& c) {
    return is_assessable(c) && c.quality != QualityPass::none;
}
bool is_referred(const RunConfig& c) {
    return is_assessed(c) && c.quality == QualityPass::reference;
}
bool is_scored(const RunConfig& c) {
    return c.task == Task::perplexity || is_assessed(c);
}
bool is_masked(const RunConfig& c) {
    return (is_scored(c) && !c.pseudo_perplexity) || is_learning_tokens(c);
}
bool is_generate(const RunConfig& c) {
    return c.task == Task::generate;
}
bool is_of_whole_sequences(const RunConfig& c) {
    return c.task != Task::generate;
}
bool is_sampled(const RunConfig& c) {
    return c.task == Task::generate && c.temperature > 0;
}

bool is_unprompted(const RunConfig& c) {
    return !is_prompted(c);
}
bool is_counted_in_sequences(const RunConfig& c) {
    // With a budget, too, windows and the quality pass are of batches.
    if (is_prompted(c) || is_train(c) || is_assessed(c)) return true;
    if (c.task == Task::perplexity) return c.token_budget == 0 || c.pseudo_perplexity;
    return c.token_budget == 0 && !is_study(c);
}
bool is_forward_or_random(const RunConfig& c) { // a file is scored whole, one batch is gone on from
    return c.task == Task::forward ||
           ((c.task == Task::perplexity || is_train(c)) && c.data == "random");
}
bool is_random_data(const RunConfig& c) {
    return c.data == "random" && !is_prompted(c);
}
bool is_read_data(const RunConfig& c) {
    return (c.data != "random" && !is_prompted(c)) || is_assessed(c) || is_calibrated(c);
}
bool is_read_text(const RunConfig& c) { // what is generated from random tokens is read, too
    return c.data != "random" || c.task == Task::generate || is_assessed(c) || is_calibrated(c);
}
bool is_encoded_text(const RunConfig& c) {
    return c.data != "random" || is_prompted(c) || is_assessed(c) || is_calibrated(c);
}
bool is_drawn(const RunConfig& c) {
    const bool weights = c.weights == "random" || c.weights == "auto"; // auto may come to random
    return weights || is_random_data(c) || is_masked(c) || is_sampled(c) || is_probe(c) ||
           c.dropout > 0;
}

bool is_train(const RunConfig& c) {
    return c.task == Task::train;
}
bool is_probe(const RunConfig& c) {
    return c.task == Task::probe;
}
bool is_labelled(const RunConfig& c) {
    return is_probe(c) || (is_train(c) && c.learn == Learn::target);
}
bool is_learning_tokens(const RunConfig& c) {
    return is_train(c) && !is_labelled(c);
}
bool is_labelled_drawn(const RunConfig& c) {
    return is_labelled(c) && c.split_column.empty();
}
bool is_probe_mlp(const RunConfig& c) {
    return is_probe(c) && c.probe_head == ProbeHead::mlp;
}
bool is_probe_epochs(const RunConfig& c) {
    return is_probe(c) && c.probe_head != ProbeHead::ridge;
}
bool is_rounded_training(const RunConfig& c) {
    return is_train(c) && !is_adapted(c) && has_16_bits(c.precision);
}
bool is_half_training(const RunConfig& c) {
    return is_train(c) && c.precision == Precision::f16;
}
bool is_offloading(const RunConfig& c) {
    return is_train(c) && is_gpu(c);
}
bool is_adamw(const RunConfig& c) {
    return is_train(c) && c.optimizer == OptimizerKind::adamw;
}
bool is_sgd(const RunConfig& c) {
    return is_train(c) && c.optimizer == OptimizerKind::sgd;
}
bool is_scheduled(const RunConfig& c) {
    return is_train(c) && c.schedule != Schedule::constant;
}
bool is_validated(const RunConfig& c) {
    return is_train(c) && (c.validation > 0 || is_labelled(c));
}
bool is_new_adapter(const RunConfig& c) {
    return is_train(c) && c.adapter.empty();
}
bool is_drawn_adapter(const RunConfig& c) {
    return is_new_adapter(c) && c.lora_rank > 0;
}
bool is_adapted(const RunConfig& c) {
    return is_train(c) && (c.lora_rank > 0 || !c.adapter.empty());
}
bool is_checkpointed(const RunConfig& c) {
    return is_train(c) && !c.checkpoint.empty();
}

bool is_planned(const RunConfig& c) {
    return c.device == DeviceKind::plan;
}
bool is_planned_forward(const RunConfig& c) {
    return is_planned(c) && c.task == Task::forward;
}
bool is_executed(const RunConfig& c) {
    return c.device != DeviceKind::plan;
}
bool is_repeated(const RunConfig& c) { // training goes through its steps once
    return is_executed(c) && !is_train(c);
}
bool is_cuda(const RunConfig& c) {
    return c.device == DeviceKind::cuda;
}
bool is_cpu(const RunConfig& c) {
    return !c.on_gpu();
}
bool is_gpu(const RunConfig& c) {
    return c.on_gpu();
}
bool is_in_blocks(const RunConfig& c) {
    return !is_train(c) || (is_adapted(c) && !stores_two_of_four(c.weight_format));
}
bool may_round_activations(const RunConfig& c) {
    return is_cpu(c) && !is_train(c);
}
bool is_pruned(const RunConfig& c) {
    return c.prune != PruneBy::none;
}
bool is_pruned_by_size(const RunConfig& c) {
    return is_pruned(c) && c.prune == PruneBy::magnitude &&
           c.prune_pattern == PrunePattern::unstructured;
}
bool is_pruned_by_share(const RunConfig& c) {
    return is_pruned(c) && !neighbours_of(c.prune_pattern);
}
bool is_pruned_by_steps(const RunConfig& c) {
    return is_train(c) && !is_adapted(c) && is_pruned_by_size(c);
}
bool is_pruned_again(const RunConfig& c) {
    return is_pruned_by_steps(c) && c.prune_steps > 0;
}
bool is_calibrated(const RunConfig& c) {
    return is_pruned(c) && c.calibrated();
}
bool is_cached(const RunConfig& c) {
    return c.task == Task::generate || c.task == Task::perplexity;
}
bool is_managed(const RunConfig& c) {
    return c.weight_memory == WeightMemory::managed;
}
bool is_managed_on_cuda(const RunConfig& c) {
    return is_managed(c) && is_cuda(c);
}
bool is_streamed(const RunConfig& c) {
    return c.weight_memory == WeightMemory::streamed;
}
bool is_fetched(const RunConfig& c) {
    return is_streamed(c) || (is_managed(c) && c.prefetch != Prefetch::none);
}
bool is_fetched_ahead(const RunConfig& c) {
    return is_streamed(c) || (is_managed(c) && c.prefetch == Prefetch::lookahead);
}

} // namespace sweetspot::scope

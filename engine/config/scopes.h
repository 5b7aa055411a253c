#pragma once
#include "engine/config/fields.h"

/// Where fields of RunConfig apply. Each looks at the configuration as it was asked for, so that it
/// names all that it depends on: top_p depends on the temperature and on the task.
namespace sweetspot::scope {

bool is_forward_or_random(const RunConfig&);
bool is_scored(const RunConfig&);
bool is_assessable(const RunConfig&);
bool is_assessed(const RunConfig&);
bool is_referred(const RunConfig&);
bool is_masked(const RunConfig&);
bool is_generate(const RunConfig&);
bool is_of_whole_sequences(const RunConfig&);
bool is_sampled(const RunConfig&);
bool is_unprompted(const RunConfig&);
bool is_counted_in_sequences(const RunConfig&);
bool is_random_data(const RunConfig&);
bool is_read_data(const RunConfig&);
bool is_read_text(const RunConfig&);
bool is_encoded_text(const RunConfig&);
bool is_drawn(const RunConfig&);
bool is_train(const RunConfig&);
bool is_probe(const RunConfig&);
bool is_labelled(const RunConfig&);
bool is_learning_tokens(const RunConfig&);
bool is_labelled_drawn(const RunConfig&);
bool is_probe_mlp(const RunConfig&);
bool is_probe_epochs(const RunConfig&);
bool is_rounded_training(const RunConfig&);
bool is_half_training(const RunConfig&);
bool is_offloading(const RunConfig&);
bool is_adamw(const RunConfig&);
bool is_sgd(const RunConfig&);
bool is_scheduled(const RunConfig&);
bool is_validated(const RunConfig&);
bool is_checkpointed(const RunConfig&);
bool is_new_adapter(const RunConfig&);
bool is_drawn_adapter(const RunConfig&);
bool is_adapted(const RunConfig&);
bool is_repeated(const RunConfig&);
bool is_planned(const RunConfig&);
bool is_planned_forward(const RunConfig&);
bool is_executed(const RunConfig&);
bool is_cuda(const RunConfig&);
bool is_cpu(const RunConfig&);
bool is_gpu(const RunConfig&);
bool is_in_blocks(const RunConfig&);
bool is_pruned(const RunConfig&);
bool is_pruned_by_size(const RunConfig&);
bool is_pruned_by_share(const RunConfig&);
bool is_pruned_by_steps(const RunConfig&);
bool is_pruned_again(const RunConfig&);
bool is_calibrated(const RunConfig&);
bool is_cached(const RunConfig&);
bool may_round_activations(const RunConfig&);
bool is_managed(const RunConfig&);
bool is_managed_on_cuda(const RunConfig&);
bool is_streamed(const RunConfig&);
bool is_fetched(const RunConfig&);
bool is_fetched_ahead(const RunConfig&);

inline constexpr Scope assessable{"task forward, generate and train", is_assessable};
inline constexpr Scope assessed{"task forward, generate and train with a quality pass",
                                is_assessed};
inline constexpr Scope referred{"quality reference", is_referred};
inline constexpr Scope scored{"task perplexity, and a quality pass", is_scored};
inline constexpr Scope masked{"task perplexity and a quality pass without pseudo_perplexity, and "
                              "task train",
                              is_masked};
inline constexpr Scope train{"task train", is_train};
inline constexpr Scope probe{"task probe", is_probe};
inline constexpr Scope labelled{"task probe, and task train that learns a target", is_labelled};
inline constexpr Scope labelled_drawn{
    "task probe, and task train that learns a target, without a split_column", is_labelled_drawn};
inline constexpr Scope learns_tokens{"task train that learns tokens", is_learning_tokens};
inline constexpr Scope probe_mlp{"task probe with the head mlp", is_probe_mlp};
inline constexpr Scope probe_epochs{"task probe with the head mlp or xgboost", is_probe_epochs};
inline constexpr Scope rounded_training{"task train of all weights in bf16 or f16",
                                        is_rounded_training};
inline constexpr Scope half_training{
    .where = "task train in f16", .holds = is_half_training, .gpu_only = true};
/// On a CPU there is no other memory.
inline constexpr Scope offloading{"task train on device cuda: a CPU has no other memory",
                                  is_offloading, Scope::Elsewhere::refused, true};
inline constexpr Scope adamw{"task train by adamw", is_adamw};
inline constexpr Scope sgd{"task train by sgd", is_sgd};
inline constexpr Scope scheduled{"task train with schedule linear or cosine", is_scheduled};
inline constexpr Scope validated{"task train with a validation share, or that learns a target",
                                 is_validated};
inline constexpr Scope checkpointed{"task train with a checkpoint folder", is_checkpointed};
inline constexpr Scope new_adapter{"task train without an adapter to go on with", is_new_adapter};
inline constexpr Scope drawn_adapter{"task train with a lora_rank, without an adapter",
                                     is_drawn_adapter};
inline constexpr Scope adapted{"task train with a lora_rank or an adapter", is_adapted};
/// What would be another model's outputs without it.
inline constexpr Scope needs_train{"task train", is_train, Scope::Elsewhere::refused};
inline constexpr Scope generate{"task generate", is_generate};
inline constexpr Scope sampled{"task generate at a temperature above 0", is_sampled};

/// A decode step attends to its cache, which one kernel does, whatever is chosen: a choice would be
/// measured on the prefill and shown beside tokens per second that it does not change.
inline constexpr Scope whole_sequences{"a task other than generate, which decodes with one "
                                       "kernel, flash attention's",
                                       is_of_whole_sequences, Scope::Elsewhere::refused};

inline constexpr Scope unprompted{"runs without a prompt", is_unprompted};
inline constexpr Scope counted_in_sequences{"batches of sequences, not of a token_budget",
                                            is_counted_in_sequences};
inline constexpr Scope counted_batches{"task forward, and perplexity and train of random data",
                                       is_forward_or_random};
inline constexpr Scope random_data{"random data", is_random_data};
inline constexpr Scope read_data{"data from a file, a quality pass, and text to prune by",
                                 is_read_data};
inline constexpr Scope read_text{
    "data from a file, task generate, a quality pass, and text to prune by", is_read_text};
inline constexpr Scope encoded_text{
    "data from a file, a prompt, a quality pass, and text to prune by", is_encoded_text};
inline constexpr Scope drawn{
    "runs in which something is drawn: weights, data, masks, tokens, rows that are held out",
    is_drawn};

inline constexpr Scope planned{"device plan", is_planned};
inline constexpr Scope planned_forward{"device plan and task forward", is_planned_forward,
                                       Scope::Elsewhere::refused};
inline constexpr Scope executed{"runs that are executed, not planned", is_executed};
inline constexpr Scope repeated{"runs that are executed, but for task train", is_repeated};
inline constexpr Scope cpu{"device cpu", is_cpu};
inline constexpr Scope in_blocks{"a task other than train or, but for 2:4, adapters (lora_rank)",
                                 is_in_blocks, Scope::Elsewhere::refused};
inline constexpr Scope rounded_activations{"device cpu and a task other than train",
                                           may_round_activations, Scope::Elsewhere::refused};
inline constexpr Scope pruned{"runs that prune", is_pruned};
inline constexpr Scope pruned_by_size{"prune magnitude with prune_pattern unstructured",
                                      is_pruned_by_size};
inline constexpr Scope pruned_by_share{"runs that prune, but for 2:4 and 4:8, which are a half",
                                       is_pruned_by_share};
inline constexpr Scope pruned_by_steps{
    "task train of all weights with prune magnitude and prune_pattern unstructured",
    is_pruned_by_steps, Scope::Elsewhere::refused};
inline constexpr Scope pruned_again{"task train with prune_steps", is_pruned_again};
inline constexpr Scope calibrated{"prune wanda and sparsegpt", is_calibrated};
inline constexpr Scope cached{"task generate or perplexity", is_cached, Scope::Elsewhere::refused};
inline constexpr Scope cuda{.where = "device cuda", .holds = is_cuda, .gpu_only = true};
inline constexpr Scope needs_gpu{"device cuda", is_gpu, Scope::Elsewhere::refused, true};
inline constexpr Scope needs_managed{"weight_memory managed", is_managed, Scope::Elsewhere::refused,
                                     true};
inline constexpr Scope managed_on_cuda{
    .where = "weight_memory managed on device cuda", .holds = is_managed_on_cuda, .gpu_only = true};
inline constexpr Scope streamed{
    .where = "weight_memory streamed", .holds = is_streamed, .gpu_only = true};
inline constexpr Scope fetched{
    .where = "prefetch, and weight_memory streamed", .holds = is_fetched, .gpu_only = true};
inline constexpr Scope fetched_ahead{.where = "prefetch lookahead, and weight_memory streamed",
                                     .holds = is_fetched_ahead,
                                     .gpu_only = true};

} // namespace sweetspot::scope

#pragma once
#include "engine/config/model_config.h"
#include "engine/config/run_config.h"
#include <optional>

namespace sweetspot {

/// MLPs keep a multiple of so many channels: products of other widths take as long as of more.
constexpr int channel_step = 64;

/// The model that a run computes: the same but for what pruning takes out of it. Every layer keeps
/// as many heads and channels as the others, so that one description holds for all.
ModelConfig pruned_model(const ModelConfig&, const RunConfig&);

/// Groups of heads that share keys and values, and MLP channels, that a sparsity leaves.
int kept_groups(const ModelConfig&, const RunConfig&);
int kept_channels(const ModelConfig&, const RunConfig&);

/// Why a run cannot prune this model as it asks; nothing if it can, or does not.
std::optional<std::string> unprunable(const RunConfig&, const ModelConfig&);

} // namespace sweetspot

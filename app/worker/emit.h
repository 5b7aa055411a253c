#pragma once
#include "app/experiment/record.h"
#include "engine/device/device.h"
#include "engine/tasks/workload.h"
#include <functional>
#include <span>

/// What the engine found out, as record lines.
namespace sweetspot {

using Emit = std::function<void(const Line&)>;

/// Peaks of memory in all, by purpose, pinned and reserved.
void emit_memory(const DeviceTotals&, const Emit&);
/// Tokens, loss, and what else a step found out.
void emit_outcome(const Outcome&, const Emit&);
/// Loss and perplexity of what was scored; nothing without a loss.
void emit_loss(const Outcome&, const Emit&);
/// What was scored, and the loss of each token.
Scored scored_line(const ScoredTokens&, const std::optional<DataSource>&);
void emit_scored(const Scored&, std::span<const float> losses, const Emit&);
/// How near a head's predictions come: correlations and errors of numbers; of classes accuracy, F1
/// and which was taken for which.
void emit_predicted(const Predicted&, const Emit&);
/// Where weights and data came from.
void emit_sources(const Provenance&, std::int64_t parameters, const std::optional<DataSource>&,
                  const Emit&);

} // namespace sweetspot

#pragma once
#include "app/worker/emit.h"
#include "app/worker/model_keeper.h"
#include "engine/quality/reference.h"

namespace sweetspot {

/// The most that a quality pass had allocated at one moment.
Metric quality_memory(const DeviceTotals&);

/// Throws Error, before anything is measured, if the quality pass that the configuration asks for
/// cannot be: its data cannot be read, or its reference is missing, was changed, or is of other
/// tokens.
void check_quality(const RunConfig&);

/// The quality pass, if the configuration asks for one: as a run of its own, of the model that is
/// kept if that is its, so that what was measured stays what was predicted. Emits loss and
/// perplexity, the loss of each token, and how far the logits are from the reference's.
void assess(const RunConfig&, const Emit&, ModelKeeper&);

/// What other runs can be held against: the quality pass of the configuration, or the run itself if
/// its task is perplexity. `name` is the run's. Throws what making and running it does.
Reference record_reference(const RunConfig&, const std::string& name, const Emit&);

} // namespace sweetspot

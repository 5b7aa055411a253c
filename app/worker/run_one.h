#pragma once
#include "app/worker/emit.h"
#include "app/worker/model_keeper.h"

namespace sweetspot {

/// Does one run and emits its lines, from Started to Finished or Failed. Throws nothing but what
/// `emit` throws: this is the one place where a run's errors are caught.
///
/// The order is honest by construction: predict on the device plan, load, warm up, measure untraced
/// until the stopping rule holds, and only then trace, in a pass of its own. Computes with the
/// model that is kept, if that is its own, and leaves there what others can share.
void run_one(const RunConfig&, const Emit&, ModelKeeper&);
/// Likewise alone.
void run_one(const RunConfig&, const Emit&);

} // namespace sweetspot

#pragma once
#include "engine/weights/stored_tensors.h"

namespace sweetspot {

/// Throws Error(unsupported) that says what a checkpoint is whose names are those of a quantised or
/// wrapped model or of an adapter, and what would help.
void refuse_foreign_names(const StoredTensors&);

} // namespace sweetspot

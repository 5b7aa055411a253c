#pragma once
#include "engine/config/block_shape.h"
#include "engine/config/variants.h"

/// What studies computed in place of what they named. Each changes the function of the model, and
/// is here so that its numbers can be had again next to true ones (RunConfig::as_published).
namespace sweetspot {

BlockShape block_shape(AsPublished);

/// What every view of such a run says; empty for none.
std::string caveat_of(AsPublished);

} // namespace sweetspot

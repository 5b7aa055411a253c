#pragma once
#include "engine/weights/weights.h"

namespace sweetspot {

/// Cosines and sines of the rotary angles of each position, scaled as the model says.
struct RotaryTables {
    Tensor cosine{}, sine{}; ///< [positions, head_size/2] f32, Purpose::weights; or absent
};
/// For sequences of up to `longest` tokens; absent if positions are learned. Throws
/// Error(unsupported) where dynamic scaling would begin: from there on it depends on the length of
/// what is computed together, and keys that are kept would have been turned by other angles.
RotaryTables rotary_tables(const ModelConfig&, const Weights&, int longest, Context&);

} // namespace sweetspot

#pragma once
#include "engine/weights/source.h"
#include "kernels/ops/weight.h"

namespace sweetspot {

/// The numbers themselves, row by row in f32, where PackWeight would lay them out for products.
void unpack(const PackWeight& from, Out to, Context&);

/// All that a place of a model has in a source, or its bias: rows stacked and in halves, as f32 of
/// the host.
std::vector<float> dense_numbers(const ModelConfig&, const ModelPart&, bool bias, WeightSource&,
                                 Context&);

} // namespace sweetspot

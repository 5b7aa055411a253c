#pragma once
#include "kernels/ops/weight.h"

namespace sweetspot {

/// The numbers themselves, row by row in f32, where PackWeight would lay them out for products.
void unpack(const PackWeight& from, Out to, Context&);

} // namespace sweetspot

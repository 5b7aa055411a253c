#pragma once
#include "kernels/ops/attention.h"

namespace sweetspot {

/// Flash attention forward on Hopper, for rows that are turned already: true if it was queued,
/// false where it does not apply and a portable kernel must do it. It applies to bf16 and f16, head
/// sizes that are multiples of 8 from 40 to 128 (others than 128 and 64 are filled up with zeros to
/// the next of the two), rows and heads at multiples of 16 bytes, on compute capability 9.x. Rows
/// of padding must hold finite numbers.
bool launch_sm90(const Attention&, CudaStream&);

} // namespace sweetspot

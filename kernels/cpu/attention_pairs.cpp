#include "kernels/cpu/attention_pairs.h"
#include "kernels/cpu/attention_steps.h"

namespace sweetspot::SWEETSPOT_TARGET {

const AttentionKernel& attention_pairs_kernel() {
    return attention_steps<PairMath>;
}

} // namespace sweetspot::SWEETSPOT_TARGET

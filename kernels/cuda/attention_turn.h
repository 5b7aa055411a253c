#pragma once
#include "kernels/ops/attention.h"

namespace sweetspot {

/// Queries and keys that are turned by their positions, in halves of a head.
struct Turn {
    In q, k;        ///< as Attention's
    Out to_q, to_k; ///< like q and k, may be the same
    In cosine, sine;
    const Segments* segments = nullptr; ///< not owned
    int heads = 1, kv_heads = 1;
    bool back = false;
};
void launch_turn(const Turn&, const CudaStream&);

/// Queues the turning of q and k into the first gpu_turned_bytes() of the workspace, once for all
/// that read them, and returns attention to those: as it is, if they are not to be turned.
Attention with_turned_rows(const Attention&, CudaStream&);

} // namespace sweetspot

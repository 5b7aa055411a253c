#pragma once
#include "kernels/core/context.h"
#include <memory>

namespace sweetspot {

/// Tells whoever listens by NVTX, such as Nsight Systems, of our regions and ops: nested ranges of
/// the domain "sweetspot", from here until it is dropped. A pass that is watched by somebody else
/// has none. Where nobody listens a range costs some nanoseconds.
///
/// Throws Error(unsupported), a sentence, in a build without CUDA's headers.
std::unique_ptr<Observer> open_nvtx_ranges(Context&);

} // namespace sweetspot

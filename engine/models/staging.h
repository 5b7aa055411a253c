#pragma once
#include "kernels/core/context.h"
#include <initializer_list>
#include <span>
#include <vector>

namespace sweetspot {

/// Values of the host that the device reads again and again, e.g. a batch's token ids: at the same
/// place each time, because graphs hold addresses. Room grows and never shrinks.
class Staging {
public:
    /// Sends lists of integers together: views of them on the device, in order. An empty list is
    /// absent. The views are good until the next call.
    std::vector<In> send(Context&, std::initializer_list<std::span<const std::int32_t>>);
    In send(Context&, std::span<const float>);
    /// Room for `count` values of any content.
    Out room(Context&, std::int64_t count, DType);

private:
    Tensor room_{};
};

} // namespace sweetspot

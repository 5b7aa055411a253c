#pragma once
#include "kernels/core/error.h"
#include "kernels/core/tensor.h"

/// What kernels on heads' rows ask of them, on the host.
namespace sweetspot {

/// Whether tensors of rows of this many elements can be read `count` elements at a time.
template <class T, int count, class... Views>
bool fits(std::int64_t row, const Views&... views) {
    const auto aligned = [&](const void* data, std::int64_t stride) {
        return stride % count == 0 &&
               reinterpret_cast<std::uintptr_t>(data) % (count * sizeof(T)) == 0;
    };
    return row % count == 0 && (aligned(views.data, views.row_stride) && ...);
}

inline void require_size(std::int64_t head_size) {
    require(head_size % 2 == 0 && head_size <= 256, Failure::unsupported,
            "on a GPU a head's size is even and at most 256");
}

} // namespace sweetspot

#pragma once
#include "kernels/core/context.h"
#include <initializer_list>
#include <span>
#include <vector>

namespace sweetspot {

/// Values of the host; on the device plan perhaps only their number, and no data.
template <class T>
struct HostValues {
    const T* data = nullptr;
    std::int64_t count = 0;

    HostValues() = default;
    HostValues(std::span<const T> values)
        : data(values.data()), count(std::int64_t(values.size())) {}
    HostValues(const std::vector<T>& values) : HostValues(std::span<const T>(values)) {}
    static HostValues counted(std::int64_t count) {
        HostValues values;
        values.count = count;
        return values;
    }
};

/// Values of the host that the device reads again and again, e.g. a batch's token ids: at the same
/// place each time, because graphs hold addresses. Room grows and never shrinks.
class Staging {
public:
    /// Sends lists of integers together: views of them on the device, in order. An empty list is
    /// absent. The views are good until the next call.
    std::vector<In> send(Context&, std::initializer_list<HostValues<std::int32_t>>);
    In send(Context&, HostValues<float>);
    /// Room for `count` values of any content.
    Out room(Context&, std::int64_t count, DType);

private:
    /// Takes values to the device; a plan only counts them.
    In upload(Context&, const void* values, std::int64_t count, DType);

    Tensor room_{};
};

} // namespace sweetspot

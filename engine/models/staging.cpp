#include "engine/models/staging.h"
#include "kernels/ops/transfer.h"
#include <algorithm>

namespace sweetspot {

namespace {

/// Values that an allocation's alignment holds: each list begins where one could.
constexpr std::size_t step = allocation_alignment / sizeof(std::int32_t);

std::size_t padded(std::size_t count) {
    return (count + step - 1) / step * step;
}

} // namespace

Out Staging::room(Context& context, std::int64_t count, DType dtype) {
    if (!room_.present() || room_.dtype() != dtype || room_.shape()[0] < count) {
        if (context.graphs) context.graphs->clear(); // they hold the address
        room_ = Tensor(); // before the larger one is made, so that both are never live
        room_ = Tensor(context.allocator, {count}, dtype);
    }
    return rows(room_.out(), 0, count);
}

In Staging::upload(Context& context, const void* values, std::int64_t count, DType dtype) {
    const Out place = room(context, count, dtype);
    // A plan reads nothing: the values that it lacks may be anywhere.
    run(Upload{.x = {context.plans() ? place.data : values, {count}, dtype}, .y = place}, context);
    return place;
}

std::vector<In> Staging::send(Context& context,
                              std::initializer_list<HostValues<std::int32_t>> lists) {
    std::int64_t count = 0;
    for (const auto& list : lists) count += std::int64_t(padded(std::size_t(list.count)));
    if (!count) return std::vector<In>(lists.size());
    std::vector<std::int32_t> all;
    if (!context.plans())
        for (const auto& list : lists) {
            all.insert(all.end(), list.data, list.data + list.count);
            all.resize(padded(all.size()));
        }
    const In place = upload(context, all.data(), count, DType::i32);
    std::vector<In> views;
    std::int64_t at = 0;
    for (const auto& list : lists) {
        views.push_back(list.count ? rows(place, at, list.count) : In{});
        at += std::int64_t(padded(std::size_t(list.count)));
    }
    return views;
}

In Staging::send(Context& context, HostValues<float> values) {
    return upload(context, values.data, values.count, DType::f32);
}

} // namespace sweetspot

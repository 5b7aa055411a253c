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

std::vector<In> Staging::send(Context& context,
                              std::initializer_list<std::span<const std::int32_t>> lists) {
    std::vector<std::int32_t> all;
    for (const auto& list : lists) {
        all.insert(all.end(), list.begin(), list.end());
        all.resize(padded(all.size()));
    }
    const auto count = std::int64_t(all.size());
    if (!count) return std::vector<In>(lists.size());
    const Out place = room(context, count, DType::i32);
    run(Upload{.x = {all.data(), {count}, DType::i32}, .y = place}, context);
    std::vector<In> views;
    std::int64_t at = 0;
    for (const auto& list : lists) {
        views.push_back(list.empty() ? In{} : rows(In(place), at, std::int64_t(list.size())));
        at += std::int64_t(padded(list.size()));
    }
    return views;
}

In Staging::send(Context& context, std::span<const float> values) {
    const auto count = std::int64_t(values.size());
    const Out place = room(context, count, DType::f32);
    run(Upload{.x = {values.data(), {count}, DType::f32}, .y = place}, context);
    return place;
}

} // namespace sweetspot

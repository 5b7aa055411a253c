#include "engine/train/offload.h"
#include "engine/weights/streamed.h"
#include "kernels/ops/elementwise.h"

namespace sweetspot {

int AsideCopy::stream() const {
    return context_->transfers->count() > 1 ? int(way_) : Transfers::compute;
}

void AsideCopy::begin(const AsideCopy* earlier) {
    Transfers* const transfers = context_->transfers;
    if (!transfers) return;
    const auto now = transfers->make_event();
    transfers->record(*now, Transfers::compute);
    transfers->wait(stream(), *now);
    if (earlier && earlier->done_) transfers->wait(stream(), *earlier->done_);
}

void AsideCopy::copy(const Out& to, const In& from) {
    bytes_ += from.bytes();
    if (context_->transfers) context_->transfers->copy(stream(), to.data, from.data, from.bytes());
}

void AsideCopy::end() {
    Transfers* const transfers = context_->transfers;
    if (!transfers) return;
    if (!done_) done_ = transfers->make_event();
    transfers->record(*done_, stream());
}

void AsideCopy::join() const {
    if (done_) context_->transfers->wait(Transfers::compute, *done_);
}

ActivationsAside::ActivationsAside(Context& context, std::size_t blocks, bool active,
                                   std::size_t& moved)
    : context_(context), active_(active), moved_(moved) {
    if (!active) return;
    for (std::size_t i = 0; i < blocks; ++i) gone_.emplace_back(context);
}

void ActivationsAside::leave(SavedBlock& saved, int block) {
    if (!active_) return;
    settle();
    Gone& gone = gone_[std::size_t(block)];
    gone.there.begin();
    each_tensor(saved, [&](Tensor& tensor) {
        gone.copies.emplace_back(&tensor, Tensor(context_.weight_allocator, tensor.shape(),
                                                 tensor.dtype(), Purpose::activations));
        gone.there.copy(gone.copies.back().second, tensor);
        gone.leaving.push_back(std::move(tensor));
        tensor = {};
    });
    gone.there.end();
    moved_ += gone.there.bytes();
    last_ = block;
}

void ActivationsAside::settle() {
    if (last_ < 0) return;
    Gone& gone = gone_[std::size_t(last_)];
    gone.there.join();
    gone.leaving.clear();
    last_ = -1;
}

void ActivationsAside::fetch(int block) {
    if (!active_ || block < 0) return;
    Gone& gone = gone_[std::size_t(block)];
    for (auto& [place, copy] : gone.copies)
        *place = Tensor(context_.allocator, copy.shape(), copy.dtype());
    gone.back.begin();
    for (auto& [place, copy] : gone.copies) gone.back.copy(*place, copy);
    gone.back.end();
    moved_ += gone.back.bytes();
}

void ActivationsAside::join(int block) {
    if (active_) gone_[std::size_t(block)].back.join();
}

namespace {

std::vector<Out> tensors_of(const BlockWeights& block) {
    std::vector<Out> all;
    each_tensor(block, [&](const Tensor& tensor) { all.push_back(tensor); });
    return all;
}

} // namespace

GradientsAside::GradientsAside(Context& context, std::vector<BlockWeights>& all, std::size_t& moved)
    : context_(context), all_(all), moved_(moved) {
    for (std::size_t i = 0; i < std::min<std::size_t>(2, all.size()); ++i)
        slots_.emplace_back(context, like(all.front(), context.allocator, Purpose::gradients));
}

void GradientsAside::fetch(int block, bool zero) {
    if (block < 0) return;
    Slot& slot = slot_of(block);
    const auto room = tensors_of(slot.room);
    if (zero) {
        slot.there.join();
        for (const Out& tensor : room) run(Zero{.x = tensor}, context_);
        return;
    }
    const auto home = tensors_of(all_[std::size_t(block)]);
    const std::size_t before = slot.back.bytes();
    slot.back.begin(&slot.there);
    for (std::size_t i = 0; i < room.size(); ++i) slot.back.copy(room[i], home[i]);
    slot.back.end();
    moved_ += slot.back.bytes() - before;
}

void GradientsAside::enter(int block) {
    Slot& slot = slot_of(block);
    slot.back.join();
    std::swap(slot.room, all_[std::size_t(block)]);
}

void GradientsAside::leave(int block) {
    Slot& slot = slot_of(block);
    std::swap(slot.room, all_[std::size_t(block)]);
    const auto room = tensors_of(slot.room), home = tensors_of(all_[std::size_t(block)]);
    const std::size_t before = slot.there.bytes();
    slot.there.begin();
    for (std::size_t i = 0; i < room.size(); ++i) slot.there.copy(home[i], room[i]);
    slot.there.end();
    moved_ += slot.there.bytes() - before;
}

void GradientsAside::settle() {
    for (const Slot& slot : slots_) slot.there.join();
}

} // namespace sweetspot

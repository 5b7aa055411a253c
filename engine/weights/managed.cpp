#include "engine/weights/managed.h"
#include <algorithm>
#include <optional>

namespace sweetspot {

FetchOrder::FetchOrder(int records, int depth)
    : records_(records), depth_(std::min(depth, records - 1)) {
    require(records > 0 && depth >= 0, Failure::bug, "there are records to fetch");
}

FetchOrder::Step FetchOrder::use(int record, int more) {
    const std::int64_t current = used_ < 0 ? -1 : used_ % records_;
    const bool begins = record == 0 && current > 0;
    if (record <= current && !begins) return {.repeated = true};
    used_ += record - current + (begins ? records_ : 0);
    fetched_ = std::max(fetched_, used_);
    Step step;
    for (; fetched_ <= used_ + depth_ + more; ++fetched_)
        step.fetch.push_back(int(fetched_ % records_));
    return step;
}

namespace {

/// The MLP is one record, and so is the head; each other part is one of its own.
Part first_of_record(Part part) {
    if (part == Part::down) return Part::up;
    return part > Part::head_dense ? Part::head_dense : part;
}

} // namespace

ManagedWeights::ManagedWeights(const Weights& weights, Prefetch prefetch, int depth, Advice advice,
                               Context& context)
    : weights_(weights), context_(context), prefetch_(prefetch) {
    add_records();
    if (!context.transfers) prefetch_ = Prefetch::none;
    order_ = FetchOrder(int(records_.size()), prefetch_ == Prefetch::lookahead ? depth : 0);
    for (Record& record : records_) {
        if (prefetch_ == Prefetch::lookahead) record.arrived = context.transfers->make_event();
        if (!context.transfers || advice == Advice::none) continue;
        for (const In& tensor : record.tensors)
            context.transfers->advise(tensor.data, tensor.bytes(), advice);
    }
    if (prefetch_ == Prefetch::lookahead) reached_ = context.transfers->make_event();
}

void ManagedWeights::add_records() {
    std::optional<std::pair<Part, int>> last;
    // A tied head is first used as the table of tokens: that is its record.
    const Tensor* const tied = weights_.tokens.present() ? nullptr : &weights_.head.weight;
    if (tied) records_.push_back({.tensors = {*tied}});
    each_tensor(weights_, [&](Part part, int layer, const Tensor& tensor) {
        if (&tensor == tied) return;
        const std::pair place{first_of_record(part), layer};
        if (last != place) records_.push_back({.with_next = part == Part::mlp_norm});
        last = place;
        records_.back().tensors.push_back(tensor);
    });
    for (std::size_t i = 0; i < records_.size(); ++i)
        for (const In& tensor : records_[i].tensors) record_of_[tensor.data] = int(i);
}

void ManagedWeights::use(const Tensor& tensor) {
    if (prefetch_ == Prefetch::none) return;
    const auto found = record_of_.find(tensor.in().data);
    if (found == record_of_.end()) return;
    const Record& record = records_[std::size_t(found->second)];
    const bool ahead = prefetch_ == Prefetch::lookahead;
    const auto step = order_.use(found->second, !ahead && record.with_next ? 1 : 0);
    if (step.repeated) return;
    if (ahead) context_.transfers->record(*reached_, Transfers::compute);
    for (const int next : step.fetch) fetch(next);
    if (ahead) context_.transfers->wait(Transfers::compute, *record.arrived);
}

void ManagedWeights::fetch(int index) {
    Transfers& transfers = *context_.transfers;
    const Record& record = records_[std::size_t(index)];
    const int stream = transfers.count() ? index % transfers.count() : Transfers::compute;
    if (record.arrived) transfers.wait(stream, *reached_);
    for (const In& tensor : record.tensors) {
        transfers.prefetch(stream, tensor.data, tensor.bytes());
        moved_bytes_ += tensor.bytes();
    }
    if (record.arrived) transfers.record(*record.arrived, stream);
}

} // namespace sweetspot

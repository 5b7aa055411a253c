#include "engine/weights/managed.h"
#include <algorithm>

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
    add(weights_.tokens);
    add(weights_.positions);
    for (const BlockWeights& block : weights_.blocks) {
        add(block.attention_norm);
        add(block.query_key_value);
        add(block.attention_output);
        add(block.mlp_norm).with_next = true;
        add(block.up, block.down);
    }
    add(weights_.final_norm);
    add(weights_.head_dense, weights_.head_norm, weights_.head);
    std::erase_if(records_, [](const Record& record) { return record.tensors.empty(); });
    for (std::size_t i = 0; i < records_.size(); ++i)
        for (const In& tensor : records_[i].tensors) record_of_[tensor.data] = int(i);
}

template <class... Parts>
ManagedWeights::Record& ManagedWeights::add(const Parts&... parts) {
    Record& record = records_.emplace_back();
    (each_tensor(parts, [&](const Tensor& tensor) { record.tensors.push_back(tensor); }), ...);
    return record;
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

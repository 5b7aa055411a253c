#include "engine/weights/streamed.h"
#include <algorithm>
#include <numeric>

namespace sweetspot {

std::vector<int> forward_order(int blocks) {
    std::vector<int> order(std::size_t(blocks), 0);
    std::iota(order.begin(), order.end(), 0);
    return order;
}

BlockRing::BlockRing(const std::vector<int>& order, int slot_count, int depth) {
    require(!order.empty() && slot_count > 0 && depth >= 0, Failure::bug, "blocks have slots");
    const int blocks = *std::ranges::max_element(order) + 1;
    slots_.assign(std::size_t(blocks), -1);
    const bool all = slot_count >= blocks;
    ring_ = all ? 0 : std::min(depth + 1, slot_count);
    staying_ = all ? blocks : slot_count - ring_;
    const int passing = blocks - staying_;
    std::vector<bool> passes(std::size_t(blocks), false);
    for (int i = 0; i < passing; ++i)
        passes[std::size_t(std::int64_t(i + 1) * blocks / passing) - 1] = true;
    for (int block = 0, stayed = 0; block < blocks; ++block)
        if (!passes[std::size_t(block)]) slots_[std::size_t(block)] = stayed++;
    std::vector<bool> filled(std::size_t(blocks), false);
    for (const int block : order) {
        if (!passes[std::size_t(block)]) {
            if (!filled[std::size_t(block)]) first_.push_back({block, slots_[std::size_t(block)]});
            filled[std::size_t(block)] = true;
            continue;
        }
        const int used = int(passing_.size());
        if (used < ring_) first_.push_back({block, staying_ + used});
        passing_.push_back(block);
    }
}

bool BlockRing::stays(int block) const {
    return slots_.at(std::size_t(block)) >= 0;
}

int BlockRing::slot(int block) const {
    if (stays(block)) return slots_[std::size_t(block)];
    require(passing_[used_ % passing_.size()] == block, Failure::bug,
            "blocks that pass through the device are used in their order");
    return staying_ + int(used_ % std::size_t(ring_));
}

std::optional<BlockRing::Copy> BlockRing::done(int block) {
    if (stays(block)) return {};
    const int freed = slot(block);
    const auto next = (used_++ + std::size_t(ring_)) % passing_.size();
    return Copy{passing_[next], freed};
}

namespace {

/// What the ledger counts for a block.
std::size_t ledger_bytes(const BlockWeights& block) {
    std::size_t bytes = 0;
    each_tensor(block, [&](const Tensor& tensor) { bytes += rounded(tensor.in().bytes()); });
    return bytes;
}

int slots_in(const Weights& weights, std::size_t budget) {
    require(!weights.blocks.empty(), Failure::bug, "a model has blocks");
    const std::size_t block = ledger_bytes(weights.blocks.front());
    std::size_t others = 0;
    each_tensor(weights, [&](Part part, int, const Tensor& tensor) {
        if (!of_block(part)) others += rounded(tensor.in().bytes());
    });
    if (budget < others + block)
        throw Error(Failure::bad_input,
                    "streamed weights need at least " + std::to_string(others + block) +
                        " bytes on the GPU, " + std::to_string(others) +
                        " for tables and head and " + std::to_string(block) +
                        " for one block; weight_budget_bytes is " + std::to_string(budget));
    return int(std::min((budget - others) / block, weights.blocks.size()));
}

Tensor like(const Tensor& tensor, Allocator& allocator, Purpose purpose) {
    if (!tensor.present()) return {};
    return Tensor(allocator, tensor.shape(), tensor.dtype(), purpose);
}
NormWeights like(const NormWeights& norm, Allocator& allocator, Purpose purpose) {
    return {like(norm.gain, allocator, purpose), like(norm.bias, allocator, purpose)};
}
LinearWeights like(const LinearWeights& linear, Allocator& allocator, Purpose purpose) {
    return {.weight = like(linear.weight, allocator, purpose),
            .bias = like(linear.bias, allocator, purpose),
            .n = linear.n,
            .k = linear.k,
            .format = linear.format,
            .products = linear.products};
}

/// Shapes and types of a block's tensors, in order.
std::vector<std::pair<Shape, DType>> shapes_of(const BlockWeights& block) {
    std::vector<std::pair<Shape, DType>> shapes;
    each_tensor(block, [&](const Tensor& tensor) {
        shapes.push_back({tensor.shape(), tensor.dtype()});
    });
    return shapes;
}

struct Piece {
    char* to;
    const char* from;
    std::size_t bytes;
};

/// What is copied to bring a block into a slot. Tensors that are neighbours in both, as a pool
/// gives small ones out, are one piece: each copy has a cost of its own.
std::vector<Piece> pieces_of(const BlockWeights& block, const BlockWeights& slot,
                             const Context& context) {
    std::vector<Piece> all, joined;
    each_tensor(block, [&](const Tensor& tensor) {
        all.push_back({nullptr, tensor.as<char>(), tensor.in().bytes()});
    });
    std::size_t i = 0;
    each_tensor(slot, [&](const Tensor& tensor) { all[i++].to = tensor.as<char>(); });
    std::sort(all.begin(), all.end(),
              [](const Piece& a, const Piece& b) { return a.from < b.from; });
    for (const Piece& piece : all) {
        const auto follows = [&](const Piece& last) {
            const std::size_t both = last.bytes + piece.bytes;
            return last.from + last.bytes == piece.from && last.to + last.bytes == piece.to &&
                   context.weight_allocator.contiguous(last.from, both) &&
                   context.allocator.contiguous(last.to, both);
        };
        if (!joined.empty() && follows(joined.back()))
            joined.back().bytes += piece.bytes;
        else
            joined.push_back(piece);
    }
    return joined;
}

} // namespace

BlockWeights like(const BlockWeights& block, Allocator& allocator, Purpose purpose) {
    BlockWeights y;
    each_place(1, [&](Part part, int) {
        if (!of_block(part)) return;
        visit_part_of_block(y, part, [&]<class Member>(Member& to) {
            visit_part_of_block(block, part, [&](const auto& from) {
                if constexpr (requires { to = like(from, allocator, purpose); })
                    to = like(from, allocator, purpose);
            });
        });
    });
    return y;
}

StreamedWeights::StreamedWeights(const Weights& weights, std::size_t budget_bytes, int depth,
                                 Context& context, const std::vector<int>& order)
    : weights_(weights), context_(context),
      ring_(order.empty() ? forward_order(int(weights.blocks.size())) : order,
            slots_in(weights, budget_bytes), depth) {
    const BlockWeights& front = weights.blocks.front();
    for (const BlockWeights& block : weights.blocks)
        require(shapes_of(block) == shapes_of(front), Failure::bug,
                "all blocks of a model have the same shapes");
    each_tensor(front, [&](const Tensor& tensor) { block_bytes_ += tensor.in().bytes(); });
    Transfers* const transfers = context.transfers;
    for (std::size_t i = 0; i < ring_.first().size(); ++i) {
        slots_.push_back({.weights = like(front, context.allocator, Purpose::weights)});
        if (!transfers) continue;
        slots_[i].arrived = transfers->make_event();
        slots_[i].freed = transfers->make_event();
        // Whatever had the memory before, and whatever wrote the blocks on the host.
        transfers->record(*slots_[i].freed, Transfers::compute);
    }
    for (const BlockRing::Copy& copy : ring_.first()) {
        start(copy);
        if (transfers && ring_.stays(copy.block))
            transfers->wait(Transfers::compute, *slots_[std::size_t(copy.slot)].arrived);
    }
}

StreamedWeights::~StreamedWeights() {
    if (!context_.transfers) return;
    try {
        for (const Slot& slot : slots_) context_.transfers->wait(Transfers::compute, *slot.arrived);
        context_.synchronize();
    } catch (...) {
        // The device has failed, and whoever used it has been told so.
    }
}

const BlockWeights& StreamedWeights::block(int layer) {
    const Slot& slot = slots_[std::size_t(ring_.slot(layer))];
    if (context_.transfers && !ring_.stays(layer))
        context_.transfers->wait(Transfers::compute, *slot.arrived);
    return slot.weights;
}

void StreamedWeights::done(int layer) {
    const auto next = ring_.done(layer);
    if (!next) return;
    if (context_.transfers)
        context_.transfers->record(*slots_[std::size_t(next->slot)].freed, Transfers::compute);
    start(*next);
}

void StreamedWeights::start(BlockRing::Copy copy) {
    moved_bytes_ += block_bytes_;
    Transfers* const transfers = context_.transfers;
    if (!transfers) return;
    const Slot& slot = slots_[std::size_t(copy.slot)];
    const int streams = transfers->count();
    const int stream = streams ? copies_++ % streams : Transfers::compute;
    transfers->wait(stream, *slot.freed);
    const BlockWeights& block = weights_.blocks[std::size_t(copy.block)];
    for (const Piece& piece : pieces_of(block, slot.weights, context_))
        transfers->copy(stream, piece.to, piece.from, piece.bytes);
    transfers->record(*slot.arrived, stream);
}

} // namespace sweetspot

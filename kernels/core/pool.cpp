#include "kernels/core/pool.h"
#include <algorithm>
#include <iterator>

// A GPU's pool: best fit in kept segments, with arenas for what a recorded graph goes on using.

namespace sweetspot {

namespace {
constexpr std::size_t rounded_to(std::size_t step, std::size_t bytes) {
    return (bytes + step - 1) / step * step;
}
} // namespace

double PoolUse::fragmentation() const {
    return free() ? 1 - double(largest_free) / double(free()) : 0;
}

PoolAllocator::PoolAllocator(std::unique_ptr<MemorySource> source)
    : Allocator(source->kind()), source_(std::move(source)) {}

PoolAllocator::~PoolAllocator() {
    for (const auto& [at, segment] : segments_) source_->release(at, segment.bytes);
}

PoolUse PoolAllocator::pool() const {
    PoolUse use{.allocated = allocated_,
                .kept = kept_,
                .reserved = reserved_,
                .peak_reserved = peak_reserved_};
    for (const Free& block : free_) {
        if (block.arena) break;
        use.largest_free = std::max(use.largest_free, block.bytes);
    }
    return use;
}

bool PoolAllocator::contiguous(const void* memory, std::size_t bytes) const {
    char* const at = static_cast<char*>(const_cast<void*>(memory));
    const auto after = segments_.upper_bound(at);
    if (after == segments_.begin()) return false;
    const auto& [begin, segment] = *std::prev(after);
    return at + bytes <= begin + segment.bytes;
}

void* PoolAllocator::take(std::size_t bytes) {
    bytes = rounded_to(block_alignment, bytes);
    const bool small = bytes <= small_request;
    char* at = best_fit(bytes, small);
    if (!at && current_) {
        at = idle_segment(bytes, small);
        if (at) move_to(current_, at);
    }
    if (!at) at = new_segment(bytes, small);
    if (!at) return nullptr;

    free_.erase(entry(at));
    Block& block = blocks_.at(at);
    if (block.bytes > bytes) {
        char* const rest = at + bytes;
        blocks_[rest] = {block.bytes - bytes, false, block.segment};
        free_.insert(entry(rest));
        block.bytes = bytes;
    }
    block.live = true;
    allocated_ += bytes;
    if (current_) kept_ -= bytes;
    return at;
}

void PoolAllocator::give(void* memory, std::size_t) noexcept {
    const auto at = blocks_.find(static_cast<char*>(memory));
    at->second.live = false;
    allocated_ -= at->second.bytes;
    if (segments_.at(at->second.segment).arena) kept_ += at->second.bytes;
    free_block(at->first);
}

/// Joins the block with its neighbours if they are free, and lists it.
void PoolAllocator::free_block(char* memory) {
    auto at = blocks_.find(memory);
    const auto joins = [&](auto other) {
        return other != blocks_.end() && !other->second.live &&
               other->second.segment == at->second.segment;
    };
    if (const auto next = std::next(at); joins(next)) {
        free_.erase(entry(next->first));
        at->second.bytes += next->second.bytes;
        blocks_.erase(next);
    }
    if (const auto before = at == blocks_.begin() ? blocks_.end() : std::prev(at); joins(before)) {
        free_.erase(entry(before->first));
        before->second.bytes += at->second.bytes;
        blocks_.erase(at);
        at = before;
    }
    free_.insert(entry(at->first));
}

char* PoolAllocator::best_fit(std::size_t bytes, bool small) const {
    const auto found = free_.lower_bound({current_, small, bytes, nullptr});
    const bool fits = found != free_.end() && found->arena == current_ && found->small == small;
    return fits ? found->at : nullptr;
}

/// The smallest segment that nobody uses and that has room for the request.
char* PoolAllocator::idle_segment(std::size_t bytes, bool small) const {
    for (auto it = free_.lower_bound({0, small, bytes, nullptr});
         it != free_.end() && it->arena == 0 && it->small == small; ++it)
        if (segments_.contains(it->at) && idle(it->at)) return it->at;
    return nullptr;
}

char* PoolAllocator::new_segment(std::size_t bytes, bool small) {
    bytes = rounded_to(segment_step, bytes);
    void* const memory = reserve(bytes);
    if (!memory) return nullptr;
    char* const at = static_cast<char*>(memory);
    segments_[at] = {bytes, small, current_};
    blocks_[at] = {bytes, false, at};
    free_.insert(entry(at));
    reserved_ += bytes;
    if (current_) kept_ += bytes;
    peak_reserved_ = std::max(peak_reserved_, reserved_);
    return at;
}

void* PoolAllocator::reserve(std::size_t bytes) {
    void* memory = source_->reserve(bytes);
    if (memory || current_) return memory;
    trim();
    memory = source_->reserve(bytes);
    if (memory || !reclaim) return memory;
    reclaim();
    trim();
    return source_->reserve(bytes);
}

/// Whether all of a segment is one free block.
bool PoolAllocator::idle(char* segment) const {
    const Block& first = blocks_.at(segment);
    return !first.live && first.bytes == segments_.at(segment).bytes;
}

void PoolAllocator::trim() noexcept {
    for (auto it = segments_.begin(); it != segments_.end();) {
        const auto [at, segment] = *it++;
        if (segment.arena || !idle(at)) continue;
        free_.erase(entry(at));
        blocks_.erase(at);
        segments_.erase(at);
        reserved_ -= segment.bytes;
        source_->release(at, segment.bytes);
    }
}

int PoolAllocator::begin_arena() {
    return current_ = ++last_;
}

void PoolAllocator::drop_arena(int arena) noexcept {
    if (current_ == arena) current_ = 0;
    for (const auto& [at, segment] : segments_)
        if (segment.arena == arena) move_to(0, at);
}

/// Gives a segment with its free blocks to an arena, or to everybody.
void PoolAllocator::move_to(int arena, char* segment) {
    const auto each_free = [&](auto&& visit) {
        for (auto it = blocks_.find(segment); it != blocks_.end() && it->second.segment == segment;
             ++it)
            if (!it->second.live) visit(it->first, it->second.bytes);
    };
    each_free([&](char* at, std::size_t bytes) {
        free_.erase(entry(at));
        if (segments_.at(segment).arena) kept_ -= bytes;
        if (arena) kept_ += bytes;
    });
    segments_.at(segment).arena = arena;
    each_free([&](char* at, std::size_t) { free_.insert(entry(at)); });
}

PoolAllocator::Free PoolAllocator::entry(char* block) const {
    const Block& b = blocks_.at(block);
    const Segment& s = segments_.at(b.segment);
    return {s.arena, s.small, b.bytes, block};
}

std::string PoolAllocator::shortage() const {
    const PoolUse use = pool();
    const std::string place = kind() == MemoryKind::pinned ? "the host has " : "the device has ";
    return place + mebibytes(source_->free_bytes()) + " free; of " + mebibytes(use.reserved) +
           " reserved " + mebibytes(use.free()) + " are free (" +
           std::to_string(int(100 * use.fragmentation() + 0.5)) + " % fragmented, at most " +
           mebibytes(use.largest_free) + " in one piece)" +
           (use.kept ? " and " + mebibytes(use.kept) + " kept for graphs" : "");
}

} // namespace sweetspot

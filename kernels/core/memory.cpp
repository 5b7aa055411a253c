#include "kernels/core/memory.h"
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

// The ledger that every allocation goes through, on every device, and the sentence that says who
// holds what when memory is out.

namespace sweetspot {

namespace {
constexpr std::size_t huge_page = 2u << 20;
constexpr std::size_t least_advised = 128u << 10; ///< less is no work for which pages matter
constexpr int largest_named = 5;                  // when memory runs out

/// Fewer page faults and TLB misses; a hint, so its failure does not matter. Besides the block all
/// that the heap has behind it: malloc writes there what is left, and a page that was written
/// before it was advised stays small. Most weights of a small model are no larger than a page or
/// two.
void advise_huge_pages(void* block, std::size_t bytes) {
    const auto at = reinterpret_cast<std::uintptr_t>(block);
    const auto heap_end = reinterpret_cast<std::uintptr_t>(sbrk(0));
    const auto first = at / huge_page * huge_page;
    const auto end = std::max(at + bytes, heap_end > at ? heap_end : 0);
    madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

std::string name_of(Purpose purpose) {
    return std::string(names_of(purpose)[std::size_t(purpose)]);
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text.empty() ? "nothing" : text;
}

/// "live: weights 30 MiB; the largest: 2 of 10 MiB (weights), …".
std::string live_text(const MemoryUse& use) {
    std::vector<std::string> live, largest;
    for (std::size_t p = 0; p < purpose_count; ++p)
        if (use.live[p]) live.push_back(name_of(Purpose(p)) + " " + mebibytes(use.live[p]));
    int named = 0;
    for (auto it = use.blocks.rbegin(); it != use.blocks.rend() && named < largest_named; ++it) {
        const auto& [block, count] = *it;
        const auto& [bytes, purpose] = block;
        largest.push_back((count > 1 ? std::to_string(count) + " of " : "") + mebibytes(bytes) +
                          " (" + name_of(purpose) + ")");
        named += count;
    }
    return "live: " + joined(live) + "; the largest: " + joined(largest);
}
} // namespace

std::string mebibytes(std::size_t bytes) {
    return std::to_string((bytes >> 20) + (bytes % (1u << 20) != 0)) + " MiB";
}

void MemoryUse::add(Purpose purpose, std::size_t bytes) {
    const auto p = std::size_t(purpose);
    live[p] += bytes;
    live_total += bytes;
    if (bytes) ++blocks[{bytes, purpose}];
    peak[p] = std::max(peak[p], live[p]);
    if (live_total > peak_total) {
        peak_total = live_total;
        at_peak = live;
    }
}

void MemoryUse::remove(Purpose purpose, std::size_t bytes) {
    live[std::size_t(purpose)] -= bytes;
    live_total -= bytes;
    const auto same = blocks.find({bytes, purpose});
    if (same != blocks.end() && --same->second == 0) blocks.erase(same);
}

void MemoryUse::reset_peaks() {
    peak = at_peak = live;
    peak_total = live_total;
}

void* Allocator::allocate(std::size_t bytes, Purpose purpose) {
    bytes = rounded(bytes);
    const auto refuse = [&](const std::string& why) {
        throw Error(Failure::out_of_memory, "out of memory: " + mebibytes(bytes) + " asked for " +
                                                name_of(purpose) + ", " + why + "; " +
                                                live_text(*use_));
    };
    if (limit_bytes && use_->live_total + bytes > limit_bytes)
        refuse("the limit is " + mebibytes(limit_bytes));
    void* memory = bytes ? take(bytes) : nullptr;
    if (!memory && bytes && !only_counts()) refuse(shortage());
    use_->add(purpose, bytes);
    if (observer) observer->allocated(purpose, kind_, bytes);
    return memory;
}

void Allocator::release(void* memory, std::size_t bytes, Purpose purpose) noexcept {
    bytes = rounded(bytes);
    if (memory) give(memory, bytes);
    use_->remove(purpose, bytes);
    if (observer) observer->freed(purpose, kind_, bytes);
}

void* HostAllocator::take(std::size_t bytes) {
    // Not aligned_alloc: glibc 2.36 asks for more than it keeps, so that what was freed never fits
    // the next request of its size. Loading a model left as much memory behind as its weights take.
    const std::size_t extra = allocation_alignment + sizeof(void*);
    void* const whole = bytes <= std::numeric_limits<std::size_t>::max() - extra
                            ? std::malloc(bytes + extra)
                            : nullptr;
    if (!whole) return nullptr;
    auto** memory =
        reinterpret_cast<void**>(rounded(reinterpret_cast<std::uintptr_t>(whole) + sizeof(void*)));
    memory[-1] = whole;
    if (bytes >= least_advised) advise_huge_pages(memory, bytes);
    return memory;
}

void HostAllocator::give(void* memory, std::size_t) noexcept {
    std::free(static_cast<void**>(memory)[-1]);
}

void keep_freed_memory() {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    // The heap grows by more than is asked for: what it has already can be advised before it is
    // written to.
    mallopt(M_TOP_PAD, int(64 * huge_page));
}

Buffer::Buffer(Allocator& allocator, std::size_t bytes, Purpose purpose)
    : allocator_(&allocator), data_(allocator.allocate(bytes, purpose)), bytes_(bytes),
      purpose_(purpose) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    if (this == &other) return *this;
    reset();
    allocator_ = std::exchange(other.allocator_, nullptr);
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
    purpose_ = other.purpose_;
    return *this;
}

void Buffer::reset() noexcept {
    if (allocator_) allocator_->release(data_, bytes_, purpose_);
    allocator_ = nullptr;
    data_ = nullptr;
    bytes_ = 0;
}

} // namespace sweetspot

#include "memory.h"
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

/// The device's memory: the host faults where it touches any of it outside a call, or is told by
/// AddressSanitizer, and all of it is NaN until somebody writes.
namespace emulation {

namespace {

// With AddressSanitizer memory comes from its own heap, for the red zones around it.
#ifdef __SANITIZE_ADDRESS__
constexpr bool map_pages = false;
#else
constexpr bool map_pages = true;
#endif

void* take(MemoryKind kind, std::size_t bytes) {
    void* memory = nullptr;
    if (map_pages && kind == MemoryKind::device) {
        memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return memory == MAP_FAILED ? nullptr : memory;
    }
    return posix_memalign(&memory, 256, bytes) ? nullptr : memory;
}

void allow(std::uintptr_t begin, std::size_t bytes, bool allowed) {
    auto* memory = reinterpret_cast<void*>(begin);
#ifdef __SANITIZE_ADDRESS__
    if (allowed)
        __asan_unpoison_memory_region(memory, bytes);
    else
        __asan_poison_memory_region(memory, bytes);
#else
    mprotect(memory, bytes, allowed ? PROT_READ | PROT_WRITE : PROT_NONE);
#endif
}

} // namespace

Memory& memory() {
    static Memory memory;
    return memory;
}

Memory::~Memory() {
    for (const auto& [begin, allocation] : allocations_) give_back(begin, allocation);
}

void* Memory::allocate(MemoryKind kind, std::size_t bytes) {
    bytes += !bytes;
    void* memory = take(kind, bytes);
    if (!memory) return nullptr;
    std::memset(memory, 0xff, bytes);
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    allocations_[begin] = {kind, bytes};
    if (kind != MemoryKind::device) return memory;
    device_bytes_ += bytes;
    if (!accesses_) allow(begin, bytes, false);
    return memory;
}

bool Memory::release(MemoryKind kind, void* memory) {
    const auto found = allocations_.find(reinterpret_cast<std::uintptr_t>(memory));
    if (found == allocations_.end() || found->second.kind != kind) return false;
    if (kind == MemoryKind::device) device_bytes_ -= found->second.bytes;
    give_back(found->first, found->second);
    allocations_.erase(found);
    return true;
}

void Memory::give_back(std::uintptr_t begin, const Allocation& allocation) {
    auto* memory = reinterpret_cast<void*>(begin);
    const bool device = allocation.kind == MemoryKind::device;
    if (device && map_pages) {
        munmap(memory, allocation.bytes);
        return;
    }
    if (device) allow(begin, allocation.bytes, true);
    std::free(memory);
}

Memory::Found Memory::find(const void* memory, std::size_t bytes) const {
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    auto next = allocations_.upper_bound(begin);
    if (next == allocations_.begin()) return {};
    const auto& [start, allocation] = *--next;
    if (begin >= start + allocation.bytes) return {};
    return {allocation.kind, begin + bytes <= start + allocation.bytes};
}

void Memory::set_access(bool allowed) {
    for (const auto& [begin, allocation] : allocations_)
        if (allocation.kind == MemoryKind::device) allow(begin, allocation.bytes, allowed);
}

DeviceAccess::DeviceAccess() {
    if (!memory().accesses_++) memory().set_access(true);
}

DeviceAccess::~DeviceAccess() {
    if (!--memory().accesses_) memory().set_access(false);
}

} // namespace emulation

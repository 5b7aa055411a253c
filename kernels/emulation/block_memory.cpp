#include <cstring>

#include "scheduler.h"

// A block's shared memory on the CPU: arrays found by their name, accesses held against them, and
// asynchronous copies that arrive early or late.

#ifdef EMULATION_TSAN
extern "C" void __tsan_read_range(void* address, unsigned long bytes);
extern "C" void __tsan_write_range(void* address, unsigned long bytes);
#endif

namespace emulation {
namespace {

/// What a block may have outside dynamic shared memory.
constexpr std::size_t static_shared_limit = 48 * 1024;

/// Accesses of an asynchronous copy, which are not the compiler's to report.
void reads([[maybe_unused]] const void* address, [[maybe_unused]] std::size_t bytes) {
#ifdef EMULATION_TSAN
    __tsan_read_range(const_cast<void*>(address), bytes);
#endif
}
void writes([[maybe_unused]] void* address, [[maybe_unused]] std::size_t bytes) {
#ifdef EMULATION_TSAN
    __tsan_write_range(address, bytes);
#endif
}

} // namespace

void* shared_memory(const void* key, const char* name, std::size_t bytes) {
    return block->shared.find(key, name, bytes, static_shared_limit);
}

void* dynamic_shared_memory() {
    return block->shared.find(nullptr, "(dynamic)", block->launch->shared_bytes,
                              most_shared_bytes());
}

void check_shared(const void* address, std::size_t bytes, const char* operation, Place place) {
    if (reinterpret_cast<std::uintptr_t>(address) % bytes)
        fail(std::string(operation) + " at " + text(place) +
             ": misaligned address in shared memory");
    if (!block->shared.within_one_array(address, bytes))
        fail(std::string(operation) + " at " + text(place) +
             ": not within an array in shared memory");
}

unsigned shared_address(const void* pointer) {
    return block->shared.address(pointer);
}

std::byte* shared_pointer(unsigned address, std::size_t bytes, const char* operation, Place place) {
    std::byte* pointer = block->shared.at(address);
    if (!block->shared.within_one_array(pointer, bytes))
        fail(std::string(operation) + " at " + text(place) +
             ": not within an array in shared memory");
    return pointer;
}

void copy_async(void* shared, const void* global, unsigned bytes, unsigned valid_bytes,
                Place place) {
    check_shared(shared, bytes, "cp.async", place);
    if (reinterpret_cast<std::uintptr_t>(global) % bytes)
        fail("cp.async at " + text(place) + ": misaligned address in global memory");
    Thread& thread = block->self();
    AsyncCopy copy{shared, {}, bytes, thread.group};
    reads(global, valid_bytes);
    writes(shared, bytes); // it may arrive now, and it may arrive when it is waited for
    std::memcpy(copy.bytes.data(), global, valid_bytes);
    if (block->copies_arrive_early())
        std::memcpy(shared, copy.bytes.data(), bytes);
    else
        thread.copies.push_back(copy);
}

void copy_async_commit() {
    ++block->self().group;
}

void copy_async_wait(unsigned pending_groups) {
    Thread& thread = block->self();
    std::erase_if(thread.copies, [&](const AsyncCopy& copy) {
        if (copy.group + pending_groups >= thread.group) return false;
        writes(copy.shared, copy.size);
        std::memcpy(copy.shared, copy.bytes.data(), copy.size);
        return true;
    });
}

} // namespace emulation

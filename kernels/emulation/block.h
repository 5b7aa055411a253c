#pragma once

#include <any>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

#include "vector_types.h"

// The built-in variables of the thread that runs now. The scheduler sets them at every switch.
inline constinit thread_local uint3 threadIdx, blockIdx;
inline constinit thread_local dim3 blockDim, gridDim;

/// How the threads of a block run on the CPU: as fibers of one operating-system thread, which
/// change only where a thread waits for others. Everything here but `run_grid` and `set_order` is
/// called by a kernel's threads.
namespace emulation {

using Place = std::source_location;

/// A kernel did what CUDA does not allow. Thrown by run_grid, and by the call that waited for it.
struct Error : std::runtime_error {
    using runtime_error::runtime_error;
};

/// Which of the threads that can run runs next. Between two barriers, forward runs each warp before
/// its successors and reverse after them, and likewise the threads of a warp where they need not
/// wait for each other: a race between two threads shows in one of the two, or in a random order,
/// which also mixes blocks. Asynchronous copies arrive as late as possible (forward), at once
/// (reverse), or either way.
struct Order {
    enum Kind { forward, reverse, random } kind = forward;
    std::uint64_t seed = 0;
};
void set_order(Order order);
/// Dynamic shared memory that a block may have; more is an Error.
void set_shared_limit(std::size_t bytes);
/// At first what EMULATION_ORDER says: forward, reverse, or the seed of a random order.
Order current_order();

struct Launch {
    std::string_view kernel;
    dim3 grid, block;
    std::size_t shared_bytes;
    void (*call)(const void* arguments);
    const void* arguments = nullptr;
};
/// Throws Error if CUDA would refuse the grid or the block.
void check_shape(const Launch& launch);
/// Runs all blocks, on EMULATION_THREADS operating-system threads (default: one per core).
void run_grid(const Launch& launch);

/// Ends the block of this thread with an Error.
[[noreturn]] void fail(const std::string& what);

void wait_at_barrier(Place place);

/// __threadfence: for ThreadSanitizer what was done before a fence happened before what is done
/// after a later fence, of any block.
void fence();

/// Waits until all threads of the warp that are in `mask` and have not exited are here. Then
/// `resolve` is called once, with what each of those lanes has brought as `exchange` (null for the
/// lanes not in `present`).
using Lanes = std::array<void*, 32>;
using Resolve = void (*)(const Lanes& lanes, unsigned present);
void wait_for_warp(unsigned mask, const char* operation, void* exchange, Resolve resolve,
                   Place place);
unsigned lane_index();

/// Waits until `holds()`, which is asked now and at every look_again().
void wait_until(std::function<bool()> holds, const char* operation, Place place);
/// Something has changed that others may wait for.
void look_again();
/// What hardware does beside the threads: at once, or, as the Order says, at the latest when no
/// thread can run without it.
void do_beside(std::function<void()> work);
/// What instructions remember of this block; empty when it starts.
std::any& block_memory();

/// The array of this block that `key` names; all bytes 0xff (NaN in every floating type) when the
/// block starts.
void* shared_memory(const void* key, const char* name, std::size_t bytes);
void* dynamic_shared_memory();
/// Fails unless the bytes lie within one array in shared memory, at a multiple of `bytes`.
void check_shared(const void* address, std::size_t bytes, const char* operation, Place place);

/// Where in the block's shared memory something is, as instructions see it, and the reverse: fails
/// unless the bytes lie within one array. Dynamic shared memory begins at a multiple of 1024.
unsigned shared_address(const void* pointer);
std::byte* shared_pointer(unsigned address, std::size_t bytes, const char* operation, Place place);

/// cp.async: the bytes are read now and arrive as the Order says, at the latest when the thread
/// waits for them.
void copy_async(void* shared, const void* global, unsigned bytes, unsigned valid_bytes,
                Place place);
void copy_async_commit();
void copy_async_wait(unsigned pending_groups);

} // namespace emulation

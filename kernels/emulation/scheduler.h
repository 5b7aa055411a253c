#pragma once

#include <functional>
#include <random>
#include <vector>

#include "block.h"
#include "fiber.h"
#include "shared_memory.h"

#ifdef EMULATION_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/// A block as the emulation runs it: its threads are fibers, which one scheduler wakes in an order
/// of its choice. block.cpp has the scheduler and what threads wait for, grid.cpp the blocks of a
/// launch, block_memory.cpp shared memory and copies into it.
namespace emulation {

// For ThreadSanitizer every fiber is a thread, and only these two order their memory accesses: what
// a fiber did before `publish` is visible after another's `observe`. (The scheduler itself is
// compiled without it, for EMULATION_TSAN.)
inline void publish([[maybe_unused]] void* token) {
#ifdef EMULATION_TSAN
    __tsan_release(token);
#endif
}
inline void observe([[maybe_unused]] void* token) {
#ifdef EMULATION_TSAN
    __tsan_acquire(token);
#endif
}

constexpr unsigned warp_size = 32;

/// "file.cu:12"
std::string text(Place place);

struct AsyncCopy {
    void* shared;
    std::array<std::byte, 16> bytes;
    unsigned size, group;
};

enum class State { ready, at_barrier, in_warp, waiting, exited };

struct Thread {
    Fiber fiber;
    uint3 index;
    State state;
    Place place;
    const char* operation;
    unsigned mask;
    void* exchange;
    Resolve resolve;
    std::function<bool()> holds; // what it waits for
    std::vector<AsyncCopy> copies;
    unsigned group;
};

struct Warp {
    Thread* threads;
    unsigned living, waiting; // masks of lanes: not exited, in wait_for_warp
};

class Block {
public:
    void run(const Launch& launch, uint3 index, Order order);
    void observe_threads();

    Thread& self() { return *running_; }
    unsigned lane() const { return number(*running_) % warp_size; }
    void wait_at_barrier(Place place);
    void wait_for_warp(unsigned mask, const char* operation, void* exchange, Resolve resolve,
                       Place place);
    void wait_until(std::function<bool()> holds, const char* operation, Place place);
    void look_again();
    void do_beside(std::function<void()> work);
    bool copies_arrive_early() {
        return order_.kind == Order::random ? random_() & 1 : order_.kind == Order::reverse;
    }

    SharedMemory shared;
    const Launch* launch = nullptr;
    std::any memory;

private:
    static void thread_main();
    void exit_thread();
    void leave(bool ends = false);
    Fiber& take_next();
    template <class Which>
    void wake(std::size_t begin, std::size_t end, Which which);
    void do_what_is_beside();
    void open_barrier_if_complete();
    void resolve_if_complete(Thread& example);
    std::string positions() const;
    unsigned number(const Thread& thread) const { return unsigned(&thread - threads_.data()); }
    Warp& warp_of(const Thread& thread) { return warps_[number(thread) / warp_size]; }

    Fiber scheduler_;
    std::vector<Thread> threads_;
    std::vector<Warp> warps_;
    std::vector<Thread*> ready_; // the next one to run is the last
    Thread* running_ = nullptr;
    unsigned living_ = 0, at_barrier_ = 0;
    std::string error_;
    Order order_;
    std::minstd_rand random_;
    unsigned barriers_ = 0; // how many have opened
    std::vector<std::function<void()>> beside_;
    char change_token_, start_token_, barrier_tokens_[2], end_token_;
};

/// That runs on this operating-system thread.
extern constinit thread_local Block* block;

/// Of dynamic and static shared memory that a block may have.
std::size_t most_shared_bytes();

} // namespace emulation

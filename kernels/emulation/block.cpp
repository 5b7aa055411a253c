#include "block.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "fiber.h"
#include "shared_memory.h"

#ifdef EMULATION_TSAN
#include <sanitizer/tsan_interface.h>
extern "C" void __tsan_read_range(void* address, unsigned long bytes);
extern "C" void __tsan_write_range(void* address, unsigned long bytes);
#endif

namespace emulation {
namespace {

constexpr unsigned warp_size = 32;
std::size_t shared_limit = 163 * 1024; // that this one does: compute capability 8.0
constexpr std::size_t static_shared_limit =
    48 * 1024; // what it may have outside dynamic shared memory

constexpr std::size_t threads_worth_a_helper = 2048; // fewer are done before it has started

// For ThreadSanitizer the fibers of a block are threads: if the next block had the same ones, their
// races would not be seen.
#ifdef EMULATION_TSAN
constexpr std::size_t runners = 2;
#else
constexpr std::size_t runners = 1;
#endif

// For ThreadSanitizer every fiber is a thread, and only these two order their memory accesses: what
// a fiber did before `publish` is visible after another's `observe`. (This file itself is compiled
// without it, for EMULATION_TSAN.)
void publish([[maybe_unused]] void* token) {
#ifdef EMULATION_TSAN
    __tsan_release(token);
#endif
}
void observe([[maybe_unused]] void* token) {
#ifdef EMULATION_TSAN
    __tsan_acquire(token);
#endif
}

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

std::string text(Place place) {
    std::string file = place.file_name();
    return file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line());
}
bool same(Place a, Place b) {
    return a.line() == b.line() && a.column() == b.column() &&
           !std::strcmp(a.file_name(), b.file_name());
}

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

Order order_from_environment() {
    const char* value = std::getenv("EMULATION_ORDER");
    std::string name = value ? value : "forward";
    if (name == "forward") return {Order::forward, 0};
    if (name == "reverse") return {Order::reverse, 0};
    return {Order::random, std::strtoull(name.c_str(), nullptr, 10)};
}
Order chosen_order = order_from_environment();

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

thread_local Block* block = nullptr;

void Block::run(const Launch& the_launch, uint3 index, Order order) {
    block = this;
    launch = &the_launch;
    dim3 shape = launch->block;
    unsigned count = shape.x * shape.y * shape.z;
    if (threads_.size() != count) threads_ = std::vector<Thread>(count);
    blockIdx = index, blockDim = shape, gridDim = launch->grid;
    order_ = order;
    random_.seed(unsigned(order.seed * 7919 + index.x + 31 * index.y + 977 * index.z + 1));
    error_.clear();
    shared.reset();
    living_ = count, at_barrier_ = 0;
    ready_.clear();
    beside_.clear();
    memory.reset();
    for (unsigned i = 0; i < count; ++i) {
        Thread& thread = threads_[i];
        thread.index = {i % shape.x, i / shape.x % shape.y, i / (shape.x * shape.y)};
        thread.copies.clear(), thread.group = 0;
        thread.fiber.start(&thread_main);
    }
    warps_.clear();
    for (unsigned i = 0; i < count; i += warp_size)
        warps_.push_back({&threads_[i], count - i < warp_size ? (1u << (count - i)) - 1 : ~0u, 0});
    wake(0, count, [](const Thread&) { return true; });
    publish(&start_token_);
    Fiber::change(scheduler_, take_next());

    if (error_.empty() && living_) error_ = "deadlock:" + positions();
    const char* overrun = shared.overrun();
    if (error_.empty() && overrun)
        error_ = std::string("a write next to the shared array ") + overrun;
    if (!error_.empty()) {
        observe(&end_token_); // a thread has written the message
        auto number = [](unsigned n) { return std::to_string(n); };
        throw Error(std::string(launch->kernel) + ", block (" + number(index.x) + ", " +
                    number(index.y) + ", " + number(index.z) + "): " + error_);
    }
}

void Block::observe_threads() {
    observe(&end_token_);
    shared.forget_retired();
}

void Block::thread_main() {
    Fiber::entered();
    observe(&block->start_token_);
    try {
        block->launch->call(block->launch->arguments);
        block->exit_thread();
    } catch (
        const Error& error) { // so the stack is unwound; those of the other threads are abandoned
        block->error_ = error.what();
    }
    publish(&block->end_token_);
    block->leave(true);
}

void Block::exit_thread() {
    if (!running_->copies.empty())
        fail("a thread exits without waiting for its asynchronous copies");
    running_->state = State::exited;
    --living_;
    open_barrier_if_complete();
    Warp& warp = warp_of(*running_);
    warp.living &= ~(1u << lane());
    for (unsigned i = 0; i < warp_size; ++i)
        if (warp.waiting >> i & 1) resolve_if_complete(warp.threads[i]);
}

void Block::leave(bool ends) {
    Fiber& from = running_->fiber;
    Fiber& to = take_next();
    if (&from != &to) Fiber::change(from, to, ends);
}

Fiber& Block::take_next() {
    do_what_is_beside();
    if (ready_.empty() || !error_.empty()) return scheduler_;
    if (order_.kind == Order::random) std::swap(ready_.back(), ready_[random_() % ready_.size()]);
    running_ = ready_.back();
    ready_.pop_back();
    threadIdx = running_->index;
    return running_->fiber;
}

template <class Which>
void Block::wake(std::size_t begin, std::size_t end, Which which) {
    std::ptrdiff_t waiting = std::ssize(ready_);
    for (std::size_t i = begin; i < end; ++i) {
        if (!which(threads_[i])) continue;
        threads_[i].state = State::ready;
        ready_.push_back(&threads_[i]);
    }
    if (order_.kind == Order::forward) std::reverse(ready_.begin() + waiting, ready_.end());
}

void Block::wait_until(std::function<bool()> holds, const char* operation, Place place) {
    if (!holds()) {
        Thread& thread = *running_;
        thread.state = State::waiting;
        thread.operation = operation;
        thread.mask = 0;
        thread.place = place;
        thread.holds = std::move(holds);
        leave();
    }
    observe(&change_token_);
}

void Block::look_again() {
    publish(&change_token_);
    wake(0, threads_.size(),
         [](const Thread& thread) { return thread.state == State::waiting && thread.holds(); });
}

void Block::do_beside(std::function<void()> work) {
    if (copies_arrive_early()) return work();
    beside_.push_back(std::move(work));
}

void Block::do_what_is_beside() {
    while (ready_.empty() && !beside_.empty() && error_.empty()) {
        const auto work = std::move(beside_.front());
        beside_.erase(beside_.begin());
        work();
    }
}

void Block::wait_at_barrier(Place place) {
    Thread& thread = *running_;
    thread.state = State::at_barrier;
    thread.operation = "__syncthreads";
    thread.mask = 0;
    thread.place = place;
    ++at_barrier_;
    char* token =
        &barrier_tokens_[barriers_ %
                         2]; // a fast thread may be at the next barrier before a slow one leaves
    publish(token);
    open_barrier_if_complete();
    leave();
    observe(token);
}

void Block::open_barrier_if_complete() {
    if (at_barrier_ < living_ || !at_barrier_) return;
    const Thread* first = nullptr;
    for (Thread& thread : threads_) {
        if (thread.state != State::at_barrier) continue;
        if (!first) first = &thread;
        if (!same(first->place, thread.place))
            fail("the threads wait at different barriers:" + positions());
    }
    at_barrier_ = 0;
    ++barriers_;
    wake(0, threads_.size(),
         [](const Thread& thread) { return thread.state == State::at_barrier; });
}

void Block::wait_for_warp(unsigned mask, const char* operation, void* exchange, Resolve resolve,
                          Place place) {
    Thread& thread = *running_;
    thread.state = State::in_warp;
    thread.mask = mask;
    thread.operation = operation;
    thread.exchange = exchange;
    thread.resolve = resolve;
    thread.place = place;
    if (!(mask >> lane() & 1))
        fail(std::string(operation) + " at " + text(place) + ": the mask lacks the calling lane");
    warp_of(thread).waiting |= 1u << lane();
    publish(&thread);
    resolve_if_complete(thread);
    leave();
    observe(&thread);
}

void Block::resolve_if_complete(Thread& example) {
    Warp& warp = warp_of(example);
    const unsigned present = example.mask & warp.living;
    if ((warp.waiting & present) != present) return;
    Lanes lanes{};
    for (unsigned i = 0; i < warp_size; ++i) {
        if (!(present >> i & 1)) continue;
        const Thread& thread = warp.threads[i];
        if (thread.mask != example.mask || thread.operation != example.operation ||
            !same(thread.place, example.place))
            return;
        lanes[i] = thread.exchange;
    }
    auto is_present = [&](const Thread& thread) { return present >> (&thread - warp.threads) & 1; };
    std::size_t begin = number(*warp.threads), end = std::min(begin + warp_size, threads_.size());
    for (std::size_t i = begin; i < end; ++i)
        if (is_present(threads_[i])) observe(&threads_[i]);
    example.resolve(lanes, present);
    for (std::size_t i = begin; i < end; ++i)
        if (is_present(threads_[i])) publish(&threads_[i]);
    warp.waiting &= ~present;
    wake(begin, end, is_present);
}

/// Where the threads are, neighbours at the same place together.
std::string Block::positions() const {
    auto describe = [](const Thread& thread) {
        if (thread.state == State::exited) return std::string("exited");
        if (thread.state == State::ready) return std::string("can run");
        std::string mask;
        if (thread.state == State::in_warp) {
            char digits[24];
            std::snprintf(digits, sizeof digits, "(mask %08x)", thread.mask);
            mask = digits;
        }
        return "in " + (thread.operation + mask) + " at " + text(thread.place);
    };
    std::string result;
    for (std::size_t begin = 0, end; begin < threads_.size(); begin = end) {
        std::string here = describe(threads_[begin]);
        for (end = begin + 1; end < threads_.size() && describe(threads_[end]) == here;) ++end;
        result +=
            "\n  threads " + std::to_string(begin) + " to " + std::to_string(end - 1) + ": " + here;
    }
    return result;
}

/// Blocks are kept for later launches, as their fibers' stacks are costly to map.
class BlockPool {
public:
    std::unique_ptr<Block> take() {
        std::lock_guard lock(mutex_);
        if (blocks_.empty()) return std::make_unique<Block>();
        auto block = std::move(blocks_.back());
        blocks_.pop_back();
        return block;
    }
    void give_back(std::unique_ptr<Block> block) {
        std::lock_guard lock(mutex_);
        blocks_.push_back(std::move(block));
    }

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<Block>> blocks_;
};
BlockPool pool;

unsigned worker_count() {
#ifdef EMULATION_TSAN // each fiber is a thread to it, and their number makes it slow
    const unsigned usual = 1;
#else
    const unsigned usual = std::thread::hardware_concurrency();
#endif
    const char* value = std::getenv("EMULATION_THREADS");
    return std::max(1u, value ? unsigned(std::atoi(value)) : usual);
}

} // namespace

void set_shared_limit(std::size_t bytes) {
    shared_limit = bytes;
}

void set_order(Order order) {
    chosen_order = order;
}

Order current_order() {
    return chosen_order;
}

void check_shape(const Launch& launch) {
    const dim3 grid = launch.grid, shape = launch.block;
    if (std::size_t(grid.x) * grid.y * grid.z == 0 || grid.y > 65535 || grid.z > 65535 ||
        grid.x > 0x7fffffff)
        throw Error(std::string(launch.kernel) + ": invalid grid");
    if (std::size_t(shape.x) * shape.y * shape.z - 1 >= 1024 || shape.z > 64)
        throw Error(std::string(launch.kernel) + ": invalid block");
    if (launch.shared_bytes > shared_limit)
        throw Error(std::string(launch.kernel) + ": " + std::to_string(launch.shared_bytes) +
                    " bytes of shared memory, and this GPU gives a block " +
                    std::to_string(shared_limit));
}

void run_grid(const Launch& launch) {
    const dim3 grid = launch.grid;
    const std::size_t blocks = std::size_t(grid.x) * grid.y * grid.z;
    const std::size_t block_threads = std::size_t(launch.block.x) * launch.block.y * launch.block.z;
    std::vector<std::uint32_t> sequence(blocks);
    std::iota(sequence.begin(), sequence.end(), 0u);
    const Order order = chosen_order;
    if (order.kind == Order::reverse) std::ranges::reverse(sequence);
    if (order.kind == Order::random)
        std::ranges::shuffle(sequence, std::minstd_rand(unsigned(order.seed)));

    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::exception_ptr error;
    auto work = [&] {
        std::array<std::unique_ptr<Block>, runners> blocks_in_turn;
        for (auto& runner : blocks_in_turn) runner = pool.take();
        try {
            for (std::size_t i, turn = 0; (i = next++) < blocks; ++turn) {
                const unsigned b = sequence[i];
                blocks_in_turn[turn % runners]->run(
                    launch, {b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y}, order);
            }
        } catch (...) {
            next = blocks;
            std::lock_guard lock(mutex);
            if (!error) error = std::current_exception();
        }
        for (auto& runner : blocks_in_turn) {
            runner->observe_threads();
            pool.give_back(std::move(runner));
        }
    };
    {
        std::vector<std::jthread> helpers;
        static const unsigned workers = worker_count();
        const std::size_t worth = blocks * block_threads / threads_worth_a_helper;
        for (std::size_t i = 1; i < std::min<std::size_t>({workers, blocks, worth + 1}); ++i)
            helpers.emplace_back(work);
        work();
    }
    if (error) std::rethrow_exception(error);
}

void fail(const std::string& what) {
    throw Error(what);
}

void wait_at_barrier(Place place) {
    block->wait_at_barrier(place);
}

void fence() {
    static char token;
    observe(&token);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    publish(&token);
}

void wait_for_warp(unsigned mask, const char* operation, void* exchange, Resolve resolve,
                   Place place) {
    block->wait_for_warp(mask, operation, exchange, resolve, place);
}

void wait_until(std::function<bool()> holds, const char* operation, Place place) {
    block->wait_until(std::move(holds), operation, place);
}

void look_again() {
    block->look_again();
}

void do_beside(std::function<void()> work) {
    block->do_beside(std::move(work));
}

std::any& block_memory() {
    return block->memory;
}

unsigned lane_index() {
    return block->lane();
}

void* shared_memory(const void* key, const char* name, std::size_t bytes) {
    return block->shared.find(key, name, bytes, static_shared_limit);
}

void* dynamic_shared_memory() {
    return block->shared.find(nullptr, "(dynamic)", block->launch->shared_bytes, shared_limit);
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

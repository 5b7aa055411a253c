#include "block.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "scheduler.h"

/// The scheduler of a block. Its threads run until they wait for others, at a barrier, in a warp's
/// instruction or for something to change, and then whoever can go on is chosen in the order that
/// is tested. Nobody left who can: a deadlock, said with where each thread is.
namespace emulation {

constinit thread_local Block* block = nullptr;

std::string text(Place place) {
    std::string file = place.file_name();
    return file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line());
}

namespace {

bool same(Place a, Place b) {
    return a.line() == b.line() && a.column() == b.column() &&
           !std::strcmp(a.file_name(), b.file_name());
}

} // namespace

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

} // namespace emulation

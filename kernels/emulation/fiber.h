#pragma once

#include <cstddef>

namespace emulation {

/// A stack to run on, and the switch between two of them, announced to AddressSanitizer and
/// ThreadSanitizer. A fiber without a stack of its own stands for the operating-system thread that
/// switches away from it.
class Fiber {
public:
    Fiber() = default;
    Fiber(const Fiber&) = delete;
    ~Fiber();

    /// Makes the next switch to this fiber call `entry` on an empty stack. `entry` must not return,
    /// and must call `entered` first.
    void start(void (*entry)());
    static void entered();

    /// Leaves `from` and continues `to`. With `ends`, nobody will come back to `from`.
    static void change(Fiber& from, Fiber& to, bool ends = false);

private:
    void* context_ = nullptr; // saved stack pointer (or ucontext_t*) while the fiber is not running
    std::byte* stack_ = nullptr; // lowest usable byte
    std::size_t stack_bytes_ = 0;
    void* mapping_ = nullptr; // stack_ with the guard page below it
    void* fake_stack_ = nullptr;
    void* tsan_fiber_ = nullptr;
    bool adopted_tsan_fiber_ = false;
    bool ended_ = false;
};

} // namespace emulation

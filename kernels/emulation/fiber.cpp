#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef EMULATION_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#if !defined(__x86_64__) && !defined(EMULATION_UCONTEXT)
#define EMULATION_UCONTEXT
#endif
#ifdef EMULATION_UCONTEXT
#include <ucontext.h>
#else
// void emulation_switch_stack(void** save, void* load): swapcontext without its two system calls.
// Only what the System V calling convention asks a function to keep is kept.
asm(R"(
.text
.p2align 4
.type emulation_switch_stack, @function
emulation_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulation_switch_stack, . - emulation_switch_stack
)");
extern "C" void emulation_switch_stack(void** save, void* load);
#endif

namespace emulation {
namespace {

constexpr std::size_t guard_bytes = 4096;
constexpr std::size_t usable_bytes =
    256 * 1024; // reserved, not committed; sanitizers make large frames

thread_local Fiber* left =
    nullptr; // the fiber that the latest change on this thread switched away from

} // namespace

Fiber::~Fiber() {
#ifdef EMULATION_TSAN
    if (tsan_fiber_ && !adopted_tsan_fiber_) __tsan_destroy_fiber(tsan_fiber_);
#endif
#ifdef EMULATION_UCONTEXT
    delete static_cast<ucontext_t*>(context_);
#endif
    if (mapping_) munmap(mapping_, guard_bytes + usable_bytes);
}

void Fiber::start(void (*entry)()) {
    if (!mapping_) {
        mapping_ = mmap(nullptr, guard_bytes + usable_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapping_ == MAP_FAILED) throw std::bad_alloc();
        mprotect(mapping_, guard_bytes, PROT_NONE);
        stack_ = static_cast<std::byte*>(mapping_) + guard_bytes;
        stack_bytes_ = usable_bytes;
    }
#ifdef __SANITIZE_ADDRESS__
    // The stack may have been abandoned in the middle of a call; if not, only the frames that ended
    // it are left.
    std::size_t used = ended_ ? 4096 : stack_bytes_;
    __asan_unpoison_memory_region(stack_ + stack_bytes_ - used, used);
#endif
#ifdef EMULATION_TSAN
    if (!tsan_fiber_) tsan_fiber_ = __tsan_create_fiber(0);
#endif
#ifdef EMULATION_UCONTEXT
    if (!context_) context_ = new ucontext_t;
    auto* context = static_cast<ucontext_t*>(context_);
    getcontext(context);
    context->uc_stack.ss_sp = stack_;
    context->uc_stack.ss_size = stack_bytes_;
    context->uc_link = nullptr;
    makecontext(context, entry, 0);
#else
    // What emulation_switch_stack pops: six registers and the address it returns to. Above them a
    // null return address, which ends backtraces and gives `entry` the stack alignment of a called
    // function.
    std::uintptr_t frame[8] = {0, 0, 0, 0, 0, 0, reinterpret_cast<std::uintptr_t>(entry), 0};
    context_ = stack_ + stack_bytes_ - sizeof frame;
    std::memcpy(context_, frame, sizeof frame);
#endif
}

void Fiber::entered() {
#ifdef __SANITIZE_ADDRESS__
    const void* bottom;
    std::size_t bytes;
    __sanitizer_finish_switch_fiber(nullptr, &bottom, &bytes);
    if (!left->mapping_) { // only now is it known where the stack of the operating-system thread
                           // lies
        left->stack_ = static_cast<std::byte*>(const_cast<void*>(bottom));
        left->stack_bytes_ = bytes;
    }
#endif
}

void Fiber::change(Fiber& from, Fiber& to, bool ends) {
    left = &from;
    from.ended_ = ends;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(ends ? nullptr : &from.fake_stack_, to.stack_, to.stack_bytes_);
#endif
#ifdef EMULATION_TSAN
    if (!from.mapping_)
        from.tsan_fiber_ = __tsan_get_current_fiber(), from.adopted_tsan_fiber_ = true;
    __tsan_switch_to_fiber(to.tsan_fiber_, __tsan_switch_to_fiber_no_sync);
#endif
#ifdef EMULATION_UCONTEXT
    if (!from.context_) from.context_ = new ucontext_t;
    swapcontext(static_cast<ucontext_t*>(from.context_), static_cast<ucontext_t*>(to.context_));
#else
    emulation_switch_stack(&from.context_, to.context_);
#endif
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(from.fake_stack_, nullptr, nullptr);
#endif
}

} // namespace emulation

#pragma once
#include "kernels/core/observer.h"
#include "kernels/core/stream.h"

namespace sweetspot {

/// Where work goes, where memory comes from, and who watches. Passed down; there is no global one.
/// The allocator must outlive it, and everything allocated through it.
class Context {
public:
    Context(Stream stream, Allocator& allocator) : stream(stream), allocator(allocator) {}
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    /// Watches ops, regions and memory from now on; null stops. Not owned.
    void watch(Observer* observer) {
        observer_ = observer;
        allocator.observer = observer;
    }
    Observer* observer() const { return observer_; }

    /// Scratch of at least this many bytes, shared by one op after the other; grows and never
    /// shrinks.
    void* workspace(std::size_t bytes) {
        if (bytes > workspace_.bytes()) {
            workspace_.reset(); // before the larger one is made, so that both are never live
            workspace_ = Buffer(allocator, bytes, Purpose::workspace);
        }
        return workspace_.data();
    }
    bool plans() const { return std::holds_alternative<PlanStream>(stream); }

    Stream stream;
    Allocator& allocator;

private:
    Observer* observer_ = nullptr;
    Buffer workspace_;
};

/// Names the work done in a scope, e.g. "layer 3". An op is a region that has a cost.
class Region {
public:
    Region(const Context& context, std::string_view name, const Cost& cost = {})
        : observer_(context.observer()) {
        if (observer_) observer_->began(name, cost);
    }
    ~Region() {
        if (observer_) observer_->ended();
    }
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;

private:
    Observer* observer_;
};

/// An op that needs scratch memory says how much, for a number of threads.
template <class Op>
concept NeedsWorkspace = requires(const Op& op) {
    op.workspace_bytes(1);
};

/// A plan does no work, whatever the op.
template <class Op>
void launch(const Op&, PlanStream&) {}

/// Checks an op, then launches it on the context's stream, observed.
/// Throws Error(bad_shape) if the op's tensors do not fit together.
template <class Op>
void run(const Op& op, Context& context) {
    op.check();
    const Region region(context, Op::name, context.observer() ? op.cost() : Cost{});
    std::visit(
        [&](auto& stream) {
            if constexpr (NeedsWorkspace<Op> && requires { stream.threads; }) {
                void* scratch = context.workspace(op.workspace_bytes(stream.threads));
                if constexpr (requires { stream.workspace; }) stream.workspace = scratch;
            }
            launch(op, stream);
        },
        context.stream);
}

} // namespace sweetspot

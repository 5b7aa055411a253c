#pragma once
#include "kernels/core/graph.h"
#include "kernels/core/observer.h"
#include "kernels/core/stream.h"
#include "kernels/core/transfers.h"

namespace sweetspot {

/// Where work goes, where memory comes from, and who watches. Passed down; there is no global one.
/// The allocators must outlive it, and everything allocated through it.
class Context {
public:
    Context(Stream stream, Allocator& allocator)
        : Context(stream, allocator, allocator, allocator) {}
    /// On a GPU weights may lie elsewhere than what is computed, and files are read on the host.
    Context(Stream stream, Allocator& allocator, Allocator& weights, Allocator& host)
        : stream(stream), allocator(allocator), weight_allocator(weights), host_allocator(host) {}
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    /// Watches ops, regions and memory, but for what the host holds for a moment, from now on; null
    /// stops. Not owned.
    void watch(Observer* observer) {
        observer_ = observer;
        works_ = 0;
        allocator.observer = weight_allocator.observer = observer;
    }
    Observer* observer() const { return observer_; }

    /// Scratch of at least this many bytes, shared by one op after the other; grows and never
    /// shrinks.
    void* workspace(std::size_t bytes) {
        if (bytes > workspace_.bytes()) {
            if (graphs) graphs->clear(); // they hold the address
            workspace_.reset(); // before the larger one is made, so that both are never live
            workspace_ = Buffer(allocator, bytes, Purpose::workspace);
        }
        return workspace_.data();
    }
    bool plans() const { return std::holds_alternative<PlanStream>(stream); }
    /// Whether this is a GPU, or a plan for one.
    bool on_gpu() const {
        const auto* plan = std::get_if<PlanStream>(&stream);
        return plan ? plan->gpu : std::holds_alternative<CudaStream>(stream);
    }
    void synchronize() const {
        std::visit([](const auto& device) { device.synchronize(); }, stream);
    }

    /// Does `work`, which launches the same ops at the same addresses for the same key. With
    /// graphs, from the third time on the device repeats what it recorded; an observer sees every
    /// op, unless it follows graphs.
    template <class Work>
    void replay(const std::string& key, Work&& work) {
        if (graphs && (!observer_ || observer_->follows_graphs()))
            graphs->run(key, std::forward<Work>(work));
        else
            work();
    }

    Stream stream;
    Allocator& allocator;           ///< activations, caches, workspace
    Allocator& weight_allocator;    ///< what the model has learned
    Allocator& host_allocator;      ///< what the host fills in before it is uploaded
    Transfers* transfers = nullptr; ///< not owned; null where there is nothing to copy to
    GraphCache* graphs = nullptr;   ///< not owned; null to launch every op by itself

private:
    friend class Region;
    Observer* observer_ = nullptr;
    mutable std::uint64_t works_ = 0; ///< that the observer was told of
    Buffer workspace_;
};

/// Names the work done in a scope, e.g. "layer 3". An op is a region that has a cost.
class Region {
public:
    Region(const Context& context, std::string_view name) : Region(context, Work{.name = name}) {}
    Region(const Context& context, Work work) : observer_(context.observer()) {
        if (!observer_) return;
        work.id = ++context.works_;
        observer_->began(work);
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

/// Likewise on a GPU.
template <class Op>
concept NeedsGpuWorkspace = requires(const Op& op) {
    op.gpu_workspace_bytes();
};

/// Scratch memory that the op wants on the device that the stream is, or stands for.
template <class Op>
std::size_t workspace_for([[maybe_unused]] const Op& op, const CpuStream& stream) {
    if constexpr (NeedsWorkspace<Op>) return op.workspace_bytes(stream.threads);
    return 0;
}
template <class Op>
std::size_t workspace_for([[maybe_unused]] const Op& op, const CudaStream&) {
    if constexpr (NeedsGpuWorkspace<Op>) return op.gpu_workspace_bytes();
    return 0;
}
template <class Op>
std::size_t workspace_for(const Op& op, const PlanStream& stream) {
    return stream.gpu ? workspace_for(op, CudaStream{})
                      : workspace_for(op, CpuStream{.threads = stream.threads});
}

/// The op as an observer is told of it. One with products says of which type their inputs are:
/// dtype(); all others compute in f32, whatever they read.
template <class Op>
Work work_of(const Op& op) {
    Work work{.name = Op::name, .cost = op.cost(), .dtype = DType::f32};
    if constexpr (requires { op.dtype(); }) work.dtype = op.dtype();
    if constexpr (requires { op.tf32; }) work.tf32 = op.tf32 && work.dtype == DType::f32;
    return work;
}

/// A plan does no work, whatever the op.
template <class Op>
void launch(const Op&, PlanStream&) {}

/// Checks an op, then launches it on the context's stream, observed.
/// Throws Error(bad_shape) if the op's tensors do not fit together.
template <class Op>
void run(const Op& op, Context& context) {
    op.check();
    const Region region(context, context.observer() ? work_of(op) : Work{.name = Op::name});
    std::visit(
        [&](auto& stream) {
            void* scratch = context.workspace(workspace_for(op, stream));
            if constexpr (requires { stream.workspace; }) stream.workspace = scratch;
            launch(op, stream);
        },
        context.stream);
}

} // namespace sweetspot

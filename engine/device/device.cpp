#include "engine/device/device.h"
#include "kernels/core/machine.h"
#include "kernels/cuda/device.h"
#include <algorithm>
#include <optional>

namespace sweetspot {

int thread_count(const RunConfig& config) {
    return config.threads > 0 ? config.threads : usable_threads();
}

/// Members go in the order in which they are needed: a GPU's memory is given back before the GPU.
struct DeviceContext::Implementation {
    RunConfig config;
    std::optional<CudaDevice> gpu{};
    std::unique_ptr<Allocator> memory{};        ///< where it computes
    std::unique_ptr<Allocator> weight_memory{}; ///< null where weights lie with the rest
    std::unique_ptr<Allocator> host_memory{};   ///< null where that is where it computes
    std::unique_ptr<Transfers> transfers{};
    std::unique_ptr<GraphRecorder> recorder{};
    std::optional<GraphCache> graphs{};
    std::unique_ptr<DeviceClock> clock{};
    std::optional<Context> context{};

    explicit Implementation(const RunConfig& run) : config(run) {
        if (config.device == DeviceKind::cuda)
            open_gpu();
        else if (config.on_gpu())
            plan_gpu();
        else if (config.device == DeviceKind::plan)
            memory = std::make_unique<PlanAllocator>();
        else
            memory = std::make_unique<HostAllocator>();
        if (weight_memory && weight_memory->kind() == MemoryKind::managed)
            weight_memory->count_with(*memory);
        limit();
        if (!clock) clock = std::make_unique<HostClock>();
        open_context();
    }

    void open_context() {
        context.emplace(stream(), *memory, weight_memory ? *weight_memory : *memory,
                        host_memory ? *host_memory : *memory);
        context->transfers = transfers.get();
        context->graphs = graphs ? &*graphs : nullptr;
    }

    /// Where weights lie that are not with the rest.
    std::optional<MemoryKind> other_memory() const {
        switch (config.weight_memory) {
        case WeightMemory::device: break;
        case WeightMemory::managed: return MemoryKind::managed;
        case WeightMemory::streamed: return MemoryKind::pinned;
        }
        if (scope::is_train(config) && config.offloads()) return MemoryKind::pinned;
        return {};
    }

    void open_gpu() {
        gpu.emplace(config.gpu);
        clock = gpu->clock();
        memory = std::make_unique<PoolAllocator>(gpu->memory(MemoryKind::device));
        host_memory = std::make_unique<HostAllocator>();
        if (const auto kind = other_memory()) {
            weight_memory = std::make_unique<PoolAllocator>(gpu->memory(*kind));
            const int two_ways = config.offloads() ? 2 : 0;
            transfers = gpu->transfers(std::max(config.prefetch_streams, two_ways));
        }
        if (config.launch == LaunchMode::graph) {
            recorder = gpu->graph_recorder();
            graphs.emplace(*recorder, *memory);
        }
    }

    void plan_gpu() {
        memory = std::make_unique<PlanAllocator>(MemoryKind::device);
        host_memory = std::make_unique<PlanAllocator>(MemoryKind::host);
        if (const auto kind = other_memory())
            weight_memory = std::make_unique<PlanAllocator>(*kind);
    }

    /// A managed allocation always succeeds, so what the GPU has free is a limit of our own.
    void limit() {
        if (config.device == DeviceKind::plan) return; // it says how much that would be
        memory->limit_bytes = std::size_t(config.memory_limit_bytes);
        if (!gpu || config.weight_memory != WeightMemory::managed) return;
        std::size_t& most = weight_memory->limit_bytes;
        most = memory->limit_bytes;
        if (!config.allow_oversubscription)
            most = most ? std::min(most, gpu->free_bytes()) : gpu->free_bytes();
    }

    Stream stream() {
        if (gpu) return gpu->stream();
        if (config.device == DeviceKind::plan)
            return PlanStream{.threads = thread_count(config), .gpu = config.on_gpu()};
        return CpuStream{.threads = thread_count(config)};
    }
};

DeviceContext::DeviceContext(const RunConfig& config)
    : own_(std::make_unique<Implementation>(config)) {}

DeviceContext::~DeviceContext() = default;

Context& DeviceContext::context() {
    return *own_->context;
}

CudaDevice* DeviceContext::gpu() {
    return own_->gpu ? &*own_->gpu : nullptr;
}

DeviceTotals DeviceContext::totals() const {
    DeviceTotals y{.memory = own_->memory->use(), .pool = own_->memory->pool()};
    if (own_->host_memory) y.host_peak = own_->host_memory->use().peak_total;
    if (own_->weight_memory && own_->weight_memory->kind() == MemoryKind::pinned)
        y.pinned_peak = own_->weight_memory->use().peak_total,
        y.pinned = own_->weight_memory->use().at_peak;
    if (own_->graphs) {
        y.graphs_recorded = own_->graphs->recorded();
        y.graphs_launched = own_->graphs->launched();
    }
    return y;
}

void DeviceContext::reset_peaks() {
    for (Allocator* all : {own_->memory.get(), own_->weight_memory.get(), own_->host_memory.get()})
        if (all) all->use().reset_peaks();
}

void DeviceContext::restart(const MemoryUse& loaded) {
    own_->open_context(); // gives up the workspace
    own_->context->workspace(loaded.live[std::size_t(Purpose::workspace)]);
    MemoryUse& use = own_->memory->use();
    if (use.live != loaded.live)
        throw Error(Failure::bug,
                    "a workload that has gone left memory behind: " + mebibytes(use.live_total) +
                        " are live, not " + mebibytes(loaded.live_total));
    use = loaded;
}

void DeviceContext::require_room(const DeviceTotals& predicted) const {
    if (!own_->gpu) return;
    const bool managed = own_->config.weight_memory == WeightMemory::managed;
    const std::size_t room = own_->gpu->free_bytes(), all = predicted.memory.peak_total,
                      weights = predicted.memory.at_peak[std::size_t(Purpose::weights)];
    if (all <= room) return;
    const std::string needs = "out of memory: the run needs " + mebibytes(all) + ", the GPU has " +
                              mebibytes(room) + " free";
    if (!managed) throw Error(Failure::out_of_memory, needs);
    if (!own_->config.allow_oversubscription)
        throw Error(Failure::out_of_memory,
                    needs + "; managed weights beyond that need allow_oversubscription, because on "
                            "some machines pages that come and go hang the GPU for everyone; "
                            "weight_memory streamed does without");
    if (!own_->gpu->info().managed_on_demand)
        throw Error(Failure::unsupported,
                    needs + ", and this machine cannot move managed memory page by page");
    if (all - weights > room)
        throw Error(Failure::out_of_memory,
                    needs + "; without its weights it needs " + mebibytes(all - weights));
}

DeviceClock& DeviceContext::clock() {
    return *own_->clock;
}

std::vector<std::pair<std::string, std::string>> DeviceContext::facts() const {
    if (own_->gpu) return own_->gpu->facts();
    return {};
}

} // namespace sweetspot

// The activity API of CUPTI as an instrument. CUPTI's callbacks know no object of ours, so there is
// one at a time, which they find by a pointer; they come on the engine's thread (nodes of graphs)
// and on CUPTI's own (buffers). Buffers are only kept there; they are read in fill().
#include "profiler/cupti/cupti.h"
#include "profiler/cupti/records.h"
#include "profiler/cupti/refusal.h"
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace sweetspot {

namespace {

/// Small, because CUPTI clears a buffer while the call waits that needed it: 8 MiB of new pages
/// took 4.8 ms on an H200.
constexpr std::size_t buffer_bytes = 1 << 20, buffer_alignment = 8, buffers_kept_ready = 4;
constexpr std::uint32_t oldest_version = 130000; ///< the first of CUDA 13

constexpr std::array watched{
    CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION,
    CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
    CUPTI_ACTIVITY_KIND_MEMCPY,
    CUPTI_ACTIVITY_KIND_MEMCPY2,
    CUPTI_ACTIVITY_KIND_MEMSET,
    CUPTI_ACTIVITY_KIND_RUNTIME,
    CUPTI_ACTIVITY_KIND_DRIVER,
    CUPTI_ACTIVITY_KIND_SYNCHRONIZATION,
    CUPTI_ACTIVITY_KIND_OVERHEAD,
    CUPTI_ACTIVITY_KIND_MEMORY2,
};

std::uint32_t this_thread() {
    return std::uint32_t(syscall(SYS_gettid));
}

class Cupti : public Instrument {
public:
    explicit Cupti(const CuptiOptions&);
    ~Cupti() override;
    Cupti(const Cupti&) = delete;
    Cupti& operator=(const Cupti&) = delete;

    std::string_view name() const override { return "cupti"; }
    void start() override;
    void stop() override;
    void fill(Trace&, Names&) override;
    bool follows_graphs() const noexcept override { return true; }
    void entered(Index) noexcept override;
    void left() noexcept override;

private:
    struct Filled {
        std::uint8_t* buffer;
        std::size_t bytes;
    };
    std::uint8_t* free_buffer();
    void keep_ready();
    void subscribe();
    void follow_graphs();
    void disable() noexcept;
    void node_was_made(const CUpti_GraphData&, bool cloned) noexcept;

    void require_success(CUptiResult result, const char* what) const {
        if (result != CUPTI_SUCCESS)
            throw Error(Failure::unsupported,
                        refusal(call_.cuptiGetResultString, result, what, "traced"));
    }

    static void CUPTIAPI on_resource(void* self, CUpti_CallbackDomain, CUpti_CallbackId id,
                                     const void* data);
    static void CUPTIAPI give_buffer(std::uint8_t** buffer, std::size_t* bytes,
                                     std::size_t* most_records);
    static void CUPTIAPI take_buffer(CUcontext, std::uint32_t stream, std::uint8_t* buffer,
                                     std::size_t, std::size_t filled);
    static std::uint64_t CUPTIAPI timestamp() { return std::uint64_t(now()); }

    static std::atomic<Cupti*> current_;

    CuptiFunctions call_{};
    CUpti_SubscriberHandle subscriber_{};
    std::uint32_t version_ = 0;
    bool unified_memory_ = false;
    std::string no_unified_memory_{};
    std::vector<CUpti_ActivityKind> enabled_{};
    Nanoseconds first_start_ = -1; ///< how long enabling took the first time
    std::vector<Index> open_{};    ///< regions that the host is in, whether we watch or not
    std::uint32_t engine_thread_ = 0;

    std::mutex mutex_{}; ///< guards what follows
    std::vector<Filled> filled_{};
    std::vector<std::uint8_t*> free_{}; ///< buffers whose pages are there already
    std::uint64_t dropped_ = 0;
    std::unordered_map<std::uint64_t, Index> nodes_{}; ///< of graphs: regions by their ids
};

std::atomic<Cupti*> Cupti::current_ = nullptr;

Cupti::Cupti(const CuptiOptions& options) : unified_memory_(options.unified_memory) {
    require(!current_, Failure::unsupported, "the GPU is already being traced in this process");
    require_success(call_.cuptiGetVersion(&version_), "cuptiGetVersion");
    if (version_ < oldest_version)
        throw Error(Failure::unsupported,
                    "the GPU cannot be traced: " + call_.library.file() + " is of version " +
                        std::to_string(version_) +
                        ", older than CUDA 13; install the CUPTI of CUDA 13 or newer");
    subscribe();
    current_ = this;
    try {
        follow_graphs();
        call_.cuptiSetThreadIdType(CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM);
        require_success(call_.cuptiActivityRegisterTimestampCallback(timestamp),
                        "cuptiActivityRegisterTimestampCallback");
        require_success(call_.cuptiActivityRegisterCallbacks(give_buffer, take_buffer),
                        "cuptiActivityRegisterCallbacks");
    } catch (...) {
        call_.cuptiUnsubscribe(subscriber_);
        current_ = nullptr;
        throw;
    }
}

void Cupti::subscribe() {
    std::array<char, 256> other{};
    CUpti_SubscriberParams parameters{};
    parameters.structSize = CUpti_SubscriberParams_STRUCT_SIZE;
    parameters.subscriberName = "sweetspot";
    parameters.oldSubscriberName = other.data();
    parameters.oldSubscriberSize = other.size();
    const CUptiResult result =
        call_.cuptiSubscribe_v2(&subscriber_, on_resource, this, &parameters);
    if (result != CUPTI_SUCCESS)
        throw Error(Failure::unsupported,
                    refusal(call_.cuptiGetResultString, result, "cuptiSubscribe", "traced",
                            std::string(other.data())));
}

void Cupti::follow_graphs() {
    for (const auto id :
         {CUPTI_CBID_RESOURCE_GRAPHNODE_CREATED, CUPTI_CBID_RESOURCE_GRAPHNODE_CLONED})
        require_success(call_.cuptiEnableCallback(1, subscriber_, CUPTI_CB_DOMAIN_RESOURCE, id),
                        "cuptiEnableCallback");
}

/// cuptiFinalize takes out of the driver what slows it down: without it a process stays slower.
Cupti::~Cupti() {
    disable();
    call_.cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
    call_.cuptiUnsubscribe(subscriber_);
    call_.cuptiFinalize();
    current_ = nullptr;
    for (const Filled& one : filled_) std::free(one.buffer);
    for (std::uint8_t* buffer : free_) std::free(buffer);
}

/// Null if there is no memory: CUPTI drops records then, and counts them.
std::uint8_t* Cupti::free_buffer() {
    const std::lock_guard lock(mutex_);
    if (free_.empty())
        return static_cast<std::uint8_t*>(std::aligned_alloc(buffer_alignment, buffer_bytes));
    std::uint8_t* buffer = free_.back();
    free_.pop_back();
    return buffer;
}

/// So that a pass finds buffers that are in memory.
void Cupti::keep_ready() {
    const std::lock_guard lock(mutex_);
    while (free_.size() < buffers_kept_ready) {
        auto* buffer =
            static_cast<std::uint8_t*>(std::aligned_alloc(buffer_alignment, buffer_bytes));
        if (!buffer) return;
        std::memset(buffer, 0, buffer_bytes);
        free_.push_back(buffer);
    }
}

void Cupti::start() {
    keep_ready();
    const Nanoseconds begin = now();
    engine_thread_ = this_thread();
    if (unified_memory_) {
        std::array<CUpti_ActivityUnifiedMemoryCounterConfig, 3> counters{};
        constexpr std::array kinds{CUPTI_ACTIVITY_UNIFIED_MEMORY_COUNTER_KIND_BYTES_TRANSFER_HTOD,
                                   CUPTI_ACTIVITY_UNIFIED_MEMORY_COUNTER_KIND_BYTES_TRANSFER_DTOH,
                                   CUPTI_ACTIVITY_UNIFIED_MEMORY_COUNTER_KIND_GPU_PAGE_FAULT};
        for (std::size_t i = 0; i < kinds.size(); ++i)
            counters[i] = {.scope =
                               CUPTI_ACTIVITY_UNIFIED_MEMORY_COUNTER_SCOPE_PROCESS_SINGLE_DEVICE,
                           .kind = kinds[i],
                           .deviceId = 0,
                           .enable = 1};
        CUptiResult result =
            call_.cuptiActivityConfigureUnifiedMemoryCounter(counters.data(), counters.size());
        if (result == CUPTI_SUCCESS)
            result = call_.cuptiActivityEnable(CUPTI_ACTIVITY_KIND_UNIFIED_MEMORY_COUNTER);
        if (result == CUPTI_SUCCESS)
            enabled_.push_back(CUPTI_ACTIVITY_KIND_UNIFIED_MEMORY_COUNTER);
        else
            no_unified_memory_ = result_text(call_.cuptiGetResultString, result);
    }
    for (const CUpti_ActivityKind kind : watched) {
        const CUptiResult result = call_.cuptiActivityEnable(kind);
        if (result == CUPTI_SUCCESS) {
            enabled_.push_back(kind);
            continue;
        }
        disable();
        require_success(result, "cuptiActivityEnable");
    }
    if (first_start_ < 0) first_start_ = now() - begin;
}

void Cupti::stop() {
    call_.cuptiActivityFlushAll(0); // while the kinds are on: nothing of them is given up
    disable();
    call_.cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
}

void Cupti::disable() noexcept {
    for (const CUpti_ActivityKind kind : enabled_) call_.cuptiActivityDisable(kind);
    enabled_.clear();
}

void Cupti::entered(Index region) noexcept {
    open_.push_back(region);
    call_.cuptiActivityPushExternalCorrelationId(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0, region);
}

void Cupti::left() noexcept {
    open_.pop_back();
    std::uint64_t last = 0;
    call_.cuptiActivityPopExternalCorrelationId(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0, &last);
}

/// A node that is recorded belongs to the region that the host is in, a clone to its original's.
void Cupti::node_was_made(const CUpti_GraphData& graph, bool cloned) noexcept {
    std::uint64_t id = 0, original = 0;
    if (call_.cuptiGetGraphNodeId(graph.node, &id) != CUPTI_SUCCESS) return;
    const std::lock_guard lock(mutex_);
    if (!cloned) {
        if (!open_.empty()) nodes_[id] = open_.back();
        return;
    }
    if (call_.cuptiGetGraphNodeId(graph.originalNode, &original) != CUPTI_SUCCESS) return;
    const auto found = nodes_.find(original);
    if (found != nodes_.end()) nodes_[id] = found->second;
}

void CUPTIAPI Cupti::on_resource(void* self, CUpti_CallbackDomain domain, CUpti_CallbackId id,
                                 const void* data) {
    if (domain != CUPTI_CB_DOMAIN_RESOURCE) return;
    const auto& resource = *static_cast<const CUpti_ResourceData*>(data);
    static_cast<Cupti*>(self)->node_was_made(
        *static_cast<const CUpti_GraphData*>(resource.resourceDescriptor),
        id == CUPTI_CBID_RESOURCE_GRAPHNODE_CLONED);
}

void CUPTIAPI Cupti::give_buffer(std::uint8_t** buffer, std::size_t* bytes,
                                 std::size_t* most_records) {
    Cupti* self = current_;
    *buffer = self ? self->free_buffer() : nullptr;
    *bytes = *buffer ? buffer_bytes : 0;
    *most_records = 0; // as many as it holds
}

void CUPTIAPI Cupti::take_buffer(CUcontext context, std::uint32_t stream, std::uint8_t* buffer,
                                 std::size_t, std::size_t filled) {
    Cupti* self = current_;
    if (!self || filled == 0) return std::free(buffer);
    std::size_t dropped = 0;
    self->call_.cuptiActivityGetNumDroppedRecords(context, stream, &dropped);
    const std::lock_guard lock(self->mutex_);
    self->dropped_ += dropped;
    self->filled_.push_back({buffer, filled});
}

void Cupti::fill(Trace& trace, Names& names) {
    std::vector<Filled> filled;
    const std::lock_guard lock(mutex_);
    filled.swap(filled_);
    CuptiRecords records(call_, trace, names);
    for (const Filled& one : filled) {
        records.read(one.buffer, one.bytes);
        free_.push_back(one.buffer);
    }
    while (free_.size() > 2 * buffers_kept_ready) {
        std::free(free_.back());
        free_.pop_back();
    }
    trace.dropped += std::exchange(dropped_, 0);
    records.join(nodes_, engine_thread_);
    trace.facts["cupti version"] = std::to_string(version_);
    trace.facts["cupti first start seconds"] = fact_of(double(first_start_) * 1e-9);
    if (unified_memory_ && !no_unified_memory_.empty())
        trace.absent["cupti unified memory"] =
            "page faults and migrations are not traced: " + no_unified_memory_;
}

} // namespace

std::unique_ptr<Instrument> open_cupti(const CuptiOptions& options) {
    return std::make_unique<Cupti>(options);
}

} // namespace sweetspot

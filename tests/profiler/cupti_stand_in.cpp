#include "tests/profiler/cupti_stand_in.h"
#include "profiler/cupti/functions.h"
#include <cstring>
#include <set>
#include <utility>
#include <vector>

namespace {

class StandIn : public stand_in::Cupti {
public:
    CUpti_CallbackFunc callback = nullptr;
    void* callback_data = nullptr;
    std::set<int> kinds{}, callbacks{};
    std::vector<std::uint64_t> stack{};
    CUpti_BuffersCallbackRequestFunc request = nullptr;
    CUpti_BuffersCallbackCompleteFunc complete = nullptr;
    CUpti_TimestampCallbackFunc clock = nullptr;

    void reset() override {
        hand_back();
        static_cast<stand_in::State&>(*this) = {};
        kinds.clear();
        callbacks.clear();
        stack.clear();
    }
    bool watching() const override { return !kinds.empty(); }

    void call(std::uint32_t correlation, std::uint64_t begin, std::uint64_t end,
              std::uint32_t thread, bool unknown) override {
        if (kinds.contains(CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION) && !unknown &&
            !stack.empty()) {
            CUpti_ActivityExternalCorrelation y{};
            y.kind = CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION;
            y.externalKind = CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0;
            y.externalId = stack.back();
            y.correlationId = correlation;
            append(y);
        }
        CUpti_ActivityAPI y{};
        y.kind = CUPTI_ACTIVITY_KIND_RUNTIME;
        y.cbid = 1;
        y.start = begin;
        y.end = end;
        y.threadId = thread;
        y.correlationId = correlation;
        if (kinds.contains(CUPTI_ACTIVITY_KIND_RUNTIME)) append(y);
    }
    void kernel(const stand_in::Kernel& x) override {
        CUpti_ActivityKernel10 y{};
        y.kind = CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL;
        y.name = x.name;
        y.gridX = x.grid[0], y.gridY = x.grid[1], y.gridZ = x.grid[2];
        y.blockX = x.block[0], y.blockY = x.block[1], y.blockZ = x.block[2];
        y.registersPerThread = std::uint16_t(x.registers);
        y.dynamicSharedMemory = x.shared_bytes;
        place(y, x);
    }
    void copy(const stand_in::Kernel& x, std::uint64_t bytes) override {
        CUpti_ActivityMemcpy6 y{};
        y.kind = CUPTI_ACTIVITY_KIND_MEMCPY;
        y.copyKind = CUPTI_ACTIVITY_MEMCPY_KIND_HTOD;
        y.bytes = bytes;
        place(y, x);
    }
    void fill(const stand_in::Kernel& x, std::uint64_t bytes) override {
        CUpti_ActivityMemset4 y{};
        y.kind = CUPTI_ACTIVITY_KIND_MEMSET;
        y.bytes = bytes;
        place(y, x);
    }
    void memory(std::uint32_t correlation, std::uint64_t time, std::uint64_t bytes,
                bool freed) override {
        CUpti_ActivityMemory4 y{};
        y.kind = CUPTI_ACTIVITY_KIND_MEMORY2;
        y.memoryOperationType = freed ? CUPTI_ACTIVITY_MEMORY_OPERATION_TYPE_RELEASE
                                      : CUPTI_ACTIVITY_MEMORY_OPERATION_TYPE_ALLOCATION;
        y.memoryKind = CUPTI_ACTIVITY_MEMORY_KIND_DEVICE;
        y.correlationId = correlation;
        y.timestamp = time;
        y.bytes = bytes;
        if (kinds.contains(y.kind)) append(y);
    }
    void strange() override {
        CUpti_ActivityExternalCorrelation y{};
        y.kind = CUPTI_ACTIVITY_KIND_ENVIRONMENT; // which nobody enabled
        append(y);
    }
    void node_made(std::uint64_t id) override {
        tell(CUPTI_CBID_RESOURCE_GRAPHNODE_CREATED, 0, id);
    }
    void node_cloned(std::uint64_t original, std::uint64_t id) override {
        tell(CUPTI_CBID_RESOURCE_GRAPHNODE_CLONED, original, id);
    }

    void hand_back() {
        if (!buffer_) return;
        ++buffers;
        if (cut_last_record) filled_ -= last_ / 2;
        cut_last_record = false;
        complete(nullptr, 0, std::exchange(buffer_, nullptr), size_, filled_);
    }
    CUptiResult next(std::uint8_t* buffer, std::size_t bytes, CUpti_Activity** record) {
        auto* at = reinterpret_cast<std::uint8_t*>(*record);
        at = at ? at + size_of(**record) : buffer;
        if (at >= buffer + bytes) return CUPTI_ERROR_MAX_LIMIT_REACHED;
        auto* found = reinterpret_cast<CUpti_Activity*>(at);
        if (at + size_of(*found) > buffer + bytes) return CUPTI_ERROR_INVALID_KIND;
        *record = found;
        return CUPTI_SUCCESS;
    }

private:
    template <class Record>
    void place(Record& y, const stand_in::Kernel& x) {
        y.streamId = x.stream;
        y.correlationId = x.correlation;
        y.start = x.begin;
        y.end = x.end;
        y.graphNodeId = x.node;
        if (kinds.contains(y.kind)) append(y);
    }
    static std::size_t size_of(const CUpti_Activity& record) {
        switch (record.kind) {
        case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL: return sizeof(CUpti_ActivityKernel10);
        case CUPTI_ACTIVITY_KIND_MEMCPY: return sizeof(CUpti_ActivityMemcpy6);
        case CUPTI_ACTIVITY_KIND_MEMSET: return sizeof(CUpti_ActivityMemset4);
        case CUPTI_ACTIVITY_KIND_RUNTIME: return sizeof(CUpti_ActivityAPI);
        case CUPTI_ACTIVITY_KIND_MEMORY2: return sizeof(CUpti_ActivityMemory4);
        default: return sizeof(CUpti_ActivityExternalCorrelation);
        }
    }
    template <class Record>
    void append(const Record& record) {
        if (buffer_ && filled_ + sizeof record > size_) hand_back();
        if (!buffer_) {
            request(&buffer_, &size_, &limit_);
            filled_ = count_ = 0;
        }
        std::memcpy(buffer_ + filled_, &record, sizeof record);
        filled_ += last_ = sizeof record;
        if (++count_ == most_records) hand_back();
    }
    void tell(CUpti_CallbackId id, std::uint64_t original, std::uint64_t node) {
        if (!subscribed || !callbacks.contains(int(id))) return;
        CUpti_GraphData graph{};
        graph.node = reinterpret_cast<CUgraphNode>(node);
        graph.originalNode = reinterpret_cast<CUgraphNode>(original);
        CUpti_ResourceData resource{};
        resource.resourceDescriptor = &graph;
        callback(callback_data, CUPTI_CB_DOMAIN_RESOURCE, id, &resource);
    }

    std::uint8_t* buffer_ = nullptr;
    std::size_t size_ = 0, limit_ = 0, filled_ = 0, count_ = 0, last_ = 0;
};

StandIn& own() {
    static StandIn one;
    return one;
}

} // namespace

extern "C" stand_in::Cupti* cupti_stand_in() {
    return &own();
}

CUptiResult CUPTIAPI cuptiGetVersion(std::uint32_t* version) {
    return *version = own().version, CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiGetResultString(CUptiResult result, const char** text) {
    *text = result == CUPTI_SUCCESS ? "CUPTI_SUCCESS" : "CUPTI_ERROR_OF_THE_TEST";
    return CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiSubscribe_v2(CUpti_SubscriberHandle*, CUpti_CallbackFunc callback,
                                       void* data, CUpti_SubscriberParams* parameters) {
    if (own().subscribe_result) {
        std::strncpy(parameters->oldSubscriberName, own().other_tool,
                     parameters->oldSubscriberSize - 1);
        return CUptiResult(own().subscribe_result);
    }
    own().callback = callback;
    own().callback_data = data;
    own().subscribed = true;
    return CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiUnsubscribe(CUpti_SubscriberHandle) {
    return own().subscribed = false, CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiEnableCallback(std::uint32_t, CUpti_SubscriberHandle,
                                         CUpti_CallbackDomain, CUpti_CallbackId id) {
    return own().callbacks.insert(int(id)), CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiFinalize() {
    return ++own().finalized, CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiGetGraphNodeId(CUgraphNode node, std::uint64_t* id) {
    return *id = reinterpret_cast<std::uint64_t>(node), CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiGetCallbackName(CUpti_CallbackDomain, std::uint32_t, const char** name) {
    return *name = "cudaLaunchKernel_v7000", CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiSetThreadIdType(CUpti_ActivityThreadIdType) {
    return CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityRegisterTimestampCallback(CUpti_TimestampCallbackFunc clock) {
    return own().clock = clock, CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc request,
                                                    CUpti_BuffersCallbackCompleteFunc complete) {
    own().request = request;
    own().complete = complete;
    return CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityConfigureUnifiedMemoryCounter(
    CUpti_ActivityUnifiedMemoryCounterConfig*, std::uint32_t) {
    return CUPTI_ERROR_UM_PROFILING_NOT_SUPPORTED;
}
CUptiResult CUPTIAPI cuptiActivityEnable(CUpti_ActivityKind kind) {
    if (own().enable_result) return CUptiResult(own().enable_result);
    return own().kinds.insert(kind), CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityDisable(CUpti_ActivityKind kind) {
    return own().kinds.erase(kind), CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityFlushAll(std::uint32_t) {
    return own().hand_back(), CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityGetNextRecord(std::uint8_t* buffer, std::size_t bytes,
                                                CUpti_Activity** record) {
    return own().next(buffer, bytes, record);
}
CUptiResult CUPTIAPI cuptiActivityGetNumDroppedRecords(CUcontext, std::uint32_t,
                                                       std::size_t* dropped) {
    return *dropped = std::exchange(own().lost, 0), CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityPushExternalCorrelationId(CUpti_ExternalCorrelationKind,
                                                            std::uint64_t id) {
    own().stack.push_back(id);
    own().regions = own().stack.size();
    return CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityPopExternalCorrelationId(CUpti_ExternalCorrelationKind,
                                                           std::uint64_t* last) {
    if (own().stack.empty()) return CUPTI_ERROR_QUEUE_EMPTY;
    *last = own().stack.back();
    own().stack.pop_back();
    own().regions = own().stack.size();
    return CUPTI_SUCCESS;
}

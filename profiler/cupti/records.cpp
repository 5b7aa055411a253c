#include "profiler/cupti/records.h"
#include <algorithm>
#include <cstdlib>
#include <cxxabi.h>

namespace sweetspot {

namespace {

/// The header's record of a kind. Later libraries only add members at its end; those read here are
/// in every version since CUDA 12.
template <class Record>
const Record& as(const CUpti_Activity& record) {
    return reinterpret_cast<const Record&>(record);
}

std::string demangled(const char* name) {
    int status = 0;
    char* text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
    std::string y = text ? text : name;
    std::free(text);
    return y;
}

std::string_view copy_name(int kind) {
    switch (kind) {
    case CUPTI_ACTIVITY_MEMCPY_KIND_HTOD: return "copy, host to device";
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOH: return "copy, device to host";
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOD: return "copy on the device";
    case CUPTI_ACTIVITY_MEMCPY_KIND_PTOP: return "copy, device to device";
    case CUPTI_ACTIVITY_MEMCPY_KIND_HTOH: return "copy on the host";
    default: return "copy";
    }
}

std::string_view sync_name(int type) {
    switch (type) {
    case CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_EVENT_SYNCHRONIZE: return "wait for an event";
    case CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_WAIT_EVENT: return "stream waits for an event";
    case CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_SYNCHRONIZE: return "wait for a stream";
    case CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_CONTEXT_SYNCHRONIZE: return "wait for the device";
    default: return "wait";
    }
}

std::string_view overhead_name(int kind) {
    switch (kind) {
    case CUPTI_ACTIVITY_OVERHEAD_DRIVER_COMPILER: return "driver: compiling";
    case CUPTI_ACTIVITY_OVERHEAD_CUPTI_BUFFER_FLUSH: return "CUPTI: handing buffers back";
    case CUPTI_ACTIVITY_OVERHEAD_CUPTI_INSTRUMENTATION: return "CUPTI: instrumenting code";
    case CUPTI_ACTIVITY_OVERHEAD_CUPTI_RESOURCE: return "CUPTI: making ready";
    case CUPTI_ACTIVITY_OVERHEAD_RUNTIME_TRIGGERED_MODULE_LOADING:
    case CUPTI_ACTIVITY_OVERHEAD_LAZY_FUNCTION_LOADING: return "driver: loading code";
    case CUPTI_ACTIVITY_OVERHEAD_COMMAND_BUFFER_FULL: return "driver: command buffer full";
    case CUPTI_ACTIVITY_OVERHEAD_ACTIVITY_BUFFER_REQUEST: return "CUPTI: asking for a buffer";
    default: return "overhead";
    }
}

/// What the driver is asked for, which is not what the engine's pool hands out of it.
std::string memory_name(const CUpti_ActivityMemory4& x) {
    const bool allocated = x.memoryOperationType == CUPTI_ACTIVITY_MEMORY_OPERATION_TYPE_ALLOCATION;
    const auto kind = [&]() -> std::string {
        switch (x.memoryKind) {
        case CUPTI_ACTIVITY_MEMORY_KIND_PAGEABLE: return "host";
        case CUPTI_ACTIVITY_MEMORY_KIND_PINNED: return "pinned host";
        case CUPTI_ACTIVITY_MEMORY_KIND_DEVICE:
        case CUPTI_ACTIVITY_MEMORY_KIND_DEVICE_STATIC: return "device";
        case CUPTI_ACTIVITY_MEMORY_KIND_MANAGED:
        case CUPTI_ACTIVITY_MEMORY_KIND_MANAGED_STATIC: return "managed";
        default: return "other";
        }
    }();
    return (allocated ? "allocate " : "free ") + kind + " memory";
}

} // namespace

void CuptiRecords::read(std::uint8_t* buffer, std::size_t bytes) {
    for (CUpti_Activity* record = nullptr;;) {
        const CUptiResult result = call_.cuptiActivityGetNextRecord(buffer, bytes, &record);
        if (result == CUPTI_SUCCESS)
            add(*record);
        else {
            truncated_ += result != CUPTI_ERROR_MAX_LIMIT_REACHED; // which means: no more
            return;
        }
    }
}

void CuptiRecords::add(const CUpti_Activity& record) {
    const auto add_copy = [&](const auto& x) { // within a device, or between two
        pending_.push_back({{.kind = ActivityKind::copy,
                             .name = names_(copy_name(x.copyKind)),
                             .track = x.streamId,
                             .correlation = x.correlationId,
                             .begin = Nanoseconds(x.start),
                             .end = Nanoseconds(x.end),
                             .bytes = x.bytes},
                            x.graphNodeId});
    };
    switch (record.kind) {
    case CUPTI_ACTIVITY_KIND_KERNEL:
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
        add_kernel(as<CUpti_ActivityKernel10>(record));
        break;
    case CUPTI_ACTIVITY_KIND_MEMCPY: add_copy(as<CUpti_ActivityMemcpy6>(record)); break;
    case CUPTI_ACTIVITY_KIND_MEMCPY2: add_copy(as<CUpti_ActivityMemcpyPtoP4>(record)); break;
    case CUPTI_ACTIVITY_KIND_MEMSET: {
        const auto& x = as<CUpti_ActivityMemset4>(record);
        pending_.push_back({{.kind = ActivityKind::fill,
                             .name = names_("fill"),
                             .track = x.streamId,
                             .correlation = x.correlationId,
                             .begin = Nanoseconds(x.start),
                             .end = Nanoseconds(x.end),
                             .bytes = x.bytes},
                            x.graphNodeId});
        break;
    }
    case CUPTI_ACTIVITY_KIND_RUNTIME:
    case CUPTI_ACTIVITY_KIND_DRIVER: add_call(as<CUpti_ActivityAPI>(record)); break;
    case CUPTI_ACTIVITY_KIND_SYNCHRONIZATION: {
        const auto& x = as<CUpti_ActivitySynchronization2>(record);
        pending_.push_back({{.kind = ActivityKind::sync,
                             .name = names_(sync_name(x.type)),
                             .track = x.streamId,
                             .correlation = x.correlationId,
                             .begin = Nanoseconds(x.start),
                             .end = Nanoseconds(x.end)}});
        break;
    }
    case CUPTI_ACTIVITY_KIND_UNIFIED_MEMORY_COUNTER: {
        const auto& x = as<CUpti_ActivityUnifiedMemoryCounter3>(record);
        const bool to_device =
            x.counterKind == CUPTI_ACTIVITY_UNIFIED_MEMORY_COUNTER_KIND_BYTES_TRANSFER_HTOD;
        const bool to_host =
            x.counterKind == CUPTI_ACTIVITY_UNIFIED_MEMORY_COUNTER_KIND_BYTES_TRANSFER_DTOH;
        pending_.push_back({{.kind = ActivityKind::migration,
                             .name = names_(to_device ? "pages, host to device"
                                            : to_host ? "pages, device to host"
                                                      : "page faults"),
                             .track = x.streamId,
                             .begin = Nanoseconds(x.start),
                             .end = std::max(Nanoseconds(x.start), Nanoseconds(x.end)),
                             .bytes = to_device || to_host ? x.value : 0}});
        break;
    }
    case CUPTI_ACTIVITY_KIND_OVERHEAD: {
        const auto& x = as<CUpti_ActivityOverhead3>(record);
        pending_.push_back({{.kind = ActivityKind::overhead,
                             .name = names_(overhead_name(x.overheadKind)),
                             .begin = Nanoseconds(x.start),
                             .end = Nanoseconds(x.end)}});
        break;
    }
    case CUPTI_ACTIVITY_KIND_MEMORY2: {
        const auto& x = as<CUpti_ActivityMemory4>(record);
        pending_.push_back({{.kind = ActivityKind::memory,
                             .name = names_(memory_name(x)),
                             .correlation = x.correlationId,
                             .begin = Nanoseconds(x.timestamp),
                             .end = Nanoseconds(x.timestamp),
                             .bytes = x.bytes}});
        break;
    }
    case CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION: {
        const auto& x = as<CUpti_ActivityExternalCorrelation>(record);
        regions_[x.correlationId] = Index(x.externalId);
        break;
    }
    default: break;
    }
}

void CuptiRecords::add_kernel(const CUpti_ActivityKernel10& x) {
    const KernelShape launched{.grid = {x.gridX, x.gridY, x.gridZ},
                               .block = {x.blockX, x.blockY, x.blockZ},
                               .registers = x.registersPerThread,
                               .shared_bytes = x.staticSharedMemory + x.dynamicSharedMemory};
    pending_.push_back({{.kind = ActivityKind::kernel,
                         .name = kernel_name(x.name),
                         .shape = shape(launched),
                         .track = x.streamId,
                         .correlation = x.correlationId,
                         .begin = Nanoseconds(x.start),
                         .end = Nanoseconds(x.end)},
                        x.graphNodeId});
}

void CuptiRecords::add_call(const CUpti_ActivityAPI& x) {
    pending_.push_back({{.kind = x.kind == CUPTI_ACTIVITY_KIND_RUNTIME ? ActivityKind::runtime_call
                                                                       : ActivityKind::driver_call,
                         .name = call_name(x.kind, x.cbid),
                         .track = x.threadId,
                         .correlation = x.correlationId,
                         .begin = Nanoseconds(x.start),
                         .end = Nanoseconds(x.end)}});
}

Index CuptiRecords::kernel_name(const char* mangled) {
    const std::string key = mangled ? mangled : "kernel without a name";
    const auto found = kernel_names_.find(key);
    if (found != kernel_names_.end()) return found->second;
    return kernel_names_[key] = names_(demangled(key.c_str()));
}

Index CuptiRecords::call_name(CUpti_ActivityKind kind, CUpti_CallbackId id) {
    const auto key = std::pair(int(kind), id);
    const auto found = call_names_.find(key);
    if (found != call_names_.end()) return found->second;
    const char* text = nullptr;
    const auto domain = kind == CUPTI_ACTIVITY_KIND_RUNTIME ? CUPTI_CB_DOMAIN_RUNTIME_API
                                                            : CUPTI_CB_DOMAIN_DRIVER_API;
    std::string name = call_.cuptiGetCallbackName(domain, id, &text) == CUPTI_SUCCESS && text
                           ? text
                           : "call " + std::to_string(id);
    name.erase(std::min(name.find("_v"), name.size())); // the version that the function is of
    return call_names_[key] = names_(name);
}

Index CuptiRecords::shape(const KernelShape& launched) {
    const auto [place, is_new] = shapes_.try_emplace(launched, Index(trace_.shapes.size()));
    if (is_new) trace_.shapes.push_back(launched);
    return place->second;
}

/// The innermost region that the host was in; regions are in order of their begins.
Index CuptiRecords::region_at(Nanoseconds time) const {
    const auto& regions = trace_.regions;
    const auto after = std::upper_bound(regions.begin(), regions.end(), time,
                                        [](Nanoseconds t, const auto& r) { return t < r.begin; });
    auto region = Index(after - regions.begin()) - 1; // of none before it: none
    while (region != none && regions[region].end < time) region = regions[region].parent;
    return region;
}

void CuptiRecords::join(const std::unordered_map<std::uint64_t, Index>& nodes,
                        std::uint32_t engine_thread) {
    std::unordered_map<std::uint32_t, Index> by_time;
    for (auto& [activity, node] : pending_) {
        const bool call = activity.kind == ActivityKind::runtime_call ||
                          activity.kind == ActivityKind::driver_call;
        if (!call || activity.track != engine_thread) continue;
        activity.region = region_at(activity.begin);
        by_time[activity.correlation] = activity.region;
    }
    const auto among = [&](const auto& known, auto key, std::size_t& count) {
        const auto found = known.find(key);
        if (found == known.end() || found->second >= trace_.regions.size()) return none;
        ++count;
        return found->second;
    };
    for (auto& [activity, node] : pending_) {
        if (activity.region == none && node != 0)
            activity.region = among(nodes, node, by_node_);
        else if (activity.region == none && activity.correlation != 0) {
            activity.region = among(regions_, activity.correlation, by_correlation_);
            if (activity.region == none)
                activity.region = among(by_time, activity.correlation, by_time_);
        }
        trace_.activities.push_back(activity);
    }
    trace_.dropped += truncated_;
    const auto count = [&](const char* name, std::size_t value) {
        trace_.facts[name] = std::to_string(value);
    };
    count("activities by correlation", by_correlation_);
    count("activities by graph node", by_node_);
    count("activities by time of their call", by_time_);
}

} // namespace sweetspot

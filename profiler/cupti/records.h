#pragma once
#include "profiler/cupti/functions.h"
#include "profiler/instrument.h"
#include <unordered_map>

namespace sweetspot {

/// CUPTI's records put together as activities. Records come in any order: which call an activity
/// belongs to, and which region a call, is known only when all are there.
///
/// An activity's region is found, in this order, by its node, if a graph did it; by its correlation
/// id, if CUPTI noted with the call the region that the host was in; by when its call was made.
class CuptiRecords {
public:
    CuptiRecords(const CuptiFunctions& call, Trace& trace, Names& names)
        : call_(call), trace_(trace), names_(names) {}

    /// All of a buffer. Records of kinds that are not known are passed over.
    void read(std::uint8_t* buffer, std::size_t bytes);
    /// When all is read: gives the activities their regions and adds them to the trace. Nodes of
    /// graphs by their ids; `engine_thread` is the one whose regions these are.
    void join(const std::unordered_map<std::uint64_t, Index>& nodes, std::uint32_t engine_thread);

private:
    struct Pending {
        Activity activity;
        std::uint64_t node = 0; ///< of a graph; 0 = none
    };
    void add(const CUpti_Activity&);
    void add_kernel(const CUpti_ActivityKernel10&);
    void add_call(const CUpti_ActivityAPI&);
    Index kernel_name(const char* mangled);
    Index call_name(CUpti_ActivityKind, CUpti_CallbackId);
    Index shape(const KernelShape&);
    Index region_at(Nanoseconds) const;

    const CuptiFunctions& call_;
    Trace& trace_;
    Names& names_;
    std::vector<Pending> pending_{};
    std::unordered_map<std::uint32_t, Index> regions_{}; ///< by correlation id
    std::unordered_map<std::string, Index> kernel_names_{};
    std::map<std::pair<int, CUpti_CallbackId>, Index> call_names_{};
    std::map<KernelShape, Index> shapes_{};
    std::size_t truncated_ = 0, by_node_ = 0, by_correlation_ = 0, by_time_ = 0;
};

} // namespace sweetspot

#pragma once
#include <string>
#include <vector>

/// The part of the libcupti.so of cupti_stand_in.h that counts: Range Profiler and Profiler Host,
/// with CUPTI's own types. What it counts is what a test tells it.
namespace stand_in {

struct Counters {
    // what asks find
    std::vector<std::string> unknown{}; ///< metrics that this GPU does not have
    std::size_t passes = 3;             ///< that what is asked for needs
    int enable_result = 0;              ///< CUptiResult
    std::size_t lost = 0;               ///< ranges that it says were dropped
    double (*count)(std::size_t range, const std::string& metric) = nullptr;
    // what was asked
    std::vector<std::string> metrics{};
    std::vector<std::string> ranges{}; ///< of the last pass, in order
    std::size_t passes_done = 0, open_ranges = 0;
    int objects = 0; ///< that were made and not ended
};

} // namespace stand_in

extern "C" stand_in::Counters* counters_stand_in();

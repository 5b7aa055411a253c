#include "tests/profiler/counters_stand_in.h"
#include <algorithm>
#include <cstdint>
#include <cupti_profiler_host.h>
#include <cupti_range_profiler.h>
#include <cupti_target.h>

namespace {

stand_in::Counters own;
CUpti_Profiler_Host_Object* const host = reinterpret_cast<CUpti_Profiler_Host_Object*>(8);
CUpti_RangeProfiler_Object* const profiler = reinterpret_cast<CUpti_RangeProfiler_Object*>(16);
constexpr std::size_t image_bytes = 64;

/// As CUPTI: structures that do not say their size are refused.
template <class Parameters>
CUptiResult if_sized(const Parameters* parameters, bool right = true) {
    return parameters->structSize > 0 && right ? CUPTI_SUCCESS : CUPTI_ERROR_INVALID_PARAMETER;
}
bool known(const char* metric) {
    return std::find(own.unknown.begin(), own.unknown.end(), metric) == own.unknown.end();
}

} // namespace

extern "C" stand_in::Counters* counters_stand_in() {
    return &own;
}

CUptiResult CUPTIAPI cuptiProfilerInitialize(CUpti_Profiler_Initialize_Params* p) {
    return ++own.objects, if_sized(p);
}
CUptiResult CUPTIAPI cuptiProfilerDeInitialize(CUpti_Profiler_DeInitialize_Params* p) {
    return --own.objects, if_sized(p);
}
CUptiResult CUPTIAPI
cuptiProfilerGetCounterAvailability(CUpti_Profiler_GetCounterAvailability_Params* p) {
    if (!p->pCounterAvailabilityImage) p->counterAvailabilityImageSize = image_bytes;
    return if_sized(p, p->ctx);
}
CUptiResult CUPTIAPI cuptiDeviceGetChipName(CUpti_Device_GetChipName_Params* p) {
    return p->pChipName = "GH100", if_sized(p);
}
CUptiResult CUPTIAPI cuptiProfilerHostInitialize(CUpti_Profiler_Host_Initialize_Params* p) {
    p->pHostObject = host;
    return ++own.objects,
           if_sized(p, p->profilerType == CUPTI_PROFILER_TYPE_RANGE_PROFILER && p->pChipName);
}
CUptiResult CUPTIAPI cuptiProfilerHostDeinitialize(CUpti_Profiler_Host_Deinitialize_Params* p) {
    return --own.objects, if_sized(p, p->pHostObject == host);
}
CUptiResult CUPTIAPI
cuptiProfilerHostConfigAddMetrics(CUpti_Profiler_Host_ConfigAddMetrics_Params* p) {
    for (std::size_t i = 0; i < p->numMetrics; ++i) {
        if (!known(p->ppMetricNames[i])) return CUPTI_ERROR_INVALID_METRIC_NAME;
        own.metrics.push_back(p->ppMetricNames[i]);
    }
    return if_sized(p, p->pHostObject == host);
}
CUptiResult CUPTIAPI
cuptiProfilerHostGetConfigImageSize(CUpti_Profiler_Host_GetConfigImageSize_Params* p) {
    return p->configImageSize = image_bytes, if_sized(p, p->pHostObject == host);
}
CUptiResult CUPTIAPI cuptiProfilerHostGetConfigImage(CUpti_Profiler_Host_GetConfigImage_Params* p) {
    return if_sized(p, p->configImageSize == image_bytes && p->pConfigImage);
}
CUptiResult CUPTIAPI
cuptiProfilerHostEvaluateToGpuValues(CUpti_Profiler_Host_EvaluateToGpuValues_Params* p) {
    const std::size_t range = std::stoul(own.ranges.at(p->rangeIndex));
    for (std::size_t i = 0; i < p->numMetrics; ++i)
        p->pMetricValues[i] = own.count(range, p->ppMetricNames[i]);
    return if_sized(p, p->counterDataImageSize == image_bytes);
}
CUptiResult CUPTIAPI cuptiRangeProfilerEnable(CUpti_RangeProfiler_Enable_Params* p) {
    if (own.enable_result) return CUptiResult(own.enable_result);
    p->pRangeProfilerObject = profiler;
    return ++own.objects, if_sized(p, p->ctx);
}
CUptiResult CUPTIAPI cuptiRangeProfilerDisable(CUpti_RangeProfiler_Disable_Params* p) {
    return --own.objects, if_sized(p, p->pRangeProfilerObject == profiler);
}
CUptiResult CUPTIAPI cuptiRangeProfilerSetConfig(CUpti_RangeProfiler_SetConfig_Params* p) {
    return if_sized(p, p->range == CUPTI_UserRange && p->replayMode == CUPTI_UserReplay &&
                           p->numNestingLevels == 1 && p->maxRangesPerPass > 0);
}
CUptiResult CUPTIAPI cuptiRangeProfilerStart(CUpti_RangeProfiler_Start_Params* p) {
    return own.ranges.clear(), if_sized(p);
}
CUptiResult CUPTIAPI cuptiRangeProfilerStop(CUpti_RangeProfiler_Stop_Params* p) {
    p->isAllPassSubmitted = ++own.passes_done >= own.passes;
    return if_sized(p, own.open_ranges == 0);
}
CUptiResult CUPTIAPI cuptiRangeProfilerPushRange(CUpti_RangeProfiler_PushRange_Params* p) {
    own.ranges.push_back(p->pRangeName);
    return if_sized(p, ++own.open_ranges == 1);
}
CUptiResult CUPTIAPI cuptiRangeProfilerPopRange(CUpti_RangeProfiler_PopRange_Params* p) {
    return if_sized(p, --own.open_ranges == 0);
}
CUptiResult CUPTIAPI cuptiRangeProfilerDecodeData(CUpti_RangeProfiler_DecodeData_Params* p) {
    return p->numOfRangeDropped = own.lost, if_sized(p);
}
CUptiResult CUPTIAPI
cuptiRangeProfilerGetCounterDataSize(CUpti_RangeProfiler_GetCounterDataSize_Params* p) {
    return p->counterDataSize = image_bytes,
           if_sized(p, p->numMetrics == own.metrics.size() && p->maxNumOfRanges > 0);
}
CUptiResult CUPTIAPI cuptiRangeProfilerCounterDataImageInitialize(
    CUpti_RangeProfiler_CounterDataImage_Initialize_Params* p) {
    return if_sized(p, p->counterDataSize == image_bytes);
}
CUptiResult CUPTIAPI
cuptiRangeProfilerGetCounterDataInfo(CUpti_RangeProfiler_GetCounterDataInfo_Params* p) {
    return p->numTotalRanges = own.ranges.size() - own.lost, if_sized(p);
}
CUptiResult CUPTIAPI
cuptiRangeProfilerCounterDataGetRangeInfo(CUpti_RangeProfiler_CounterData_GetRangeInfo_Params* p) {
    return p->rangeName = own.ranges.at(p->rangeIndex).c_str(), if_sized(p);
}

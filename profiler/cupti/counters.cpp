// The GPU's counters by op: an extra pass after a trace, by CUPTI's Range Profiler. Its objects are
// made and ended in the order that its header demands: the host's object by the chip's name, which
// says what is to be counted; the profiler of the context, which counts; an image in which it
// leaves what it counted, and which the host's object reads.
#include "profiler/cupti/counters.h"
#include "profiler/cupti/refusal.h"
#include "profiler/profiler.h"
#include <charconv>
#include <cstring>
#include <cupti_profiler_host.h>
#include <cupti_range_profiler.h>
#include <cupti_target.h>

namespace sweetspot {

namespace {

/// The functions that counting needs, found at run time. The one list: this and the tests' stand-in
/// follow it.
#define SWEETSPOT_CUPTI_COUNTING(X)                                                                \
    X(cuptiGetResultString)                                                                        \
    X(cuptiProfilerInitialize)                                                                     \
    X(cuptiProfilerDeInitialize)                                                                   \
    X(cuptiProfilerGetCounterAvailability)                                                         \
    X(cuptiDeviceGetChipName)                                                                      \
    X(cuptiProfilerHostInitialize)                                                                 \
    X(cuptiProfilerHostDeinitialize)                                                               \
    X(cuptiProfilerHostConfigAddMetrics)                                                           \
    X(cuptiProfilerHostGetConfigImageSize)                                                         \
    X(cuptiProfilerHostGetConfigImage)                                                             \
    X(cuptiProfilerHostEvaluateToGpuValues)                                                        \
    X(cuptiRangeProfilerEnable)                                                                    \
    X(cuptiRangeProfilerDisable)                                                                   \
    X(cuptiRangeProfilerSetConfig)                                                                 \
    X(cuptiRangeProfilerStart)                                                                     \
    X(cuptiRangeProfilerStop)                                                                      \
    X(cuptiRangeProfilerPushRange)                                                                 \
    X(cuptiRangeProfilerPopRange)                                                                  \
    X(cuptiRangeProfilerDecodeData)                                                                \
    X(cuptiRangeProfilerGetCounterDataSize)                                                        \
    X(cuptiRangeProfilerCounterDataImageInitialize)                                                \
    X(cuptiRangeProfilerGetCounterDataInfo)                                                        \
    X(cuptiRangeProfilerCounterDataGetRangeInfo)

struct Functions {
    Functions()
        : library({"libcupti.so." + std::to_string(CUPTI_API_VERSION / 10000), "libcupti.so"},
                  "a GPU's counters cannot be read"),
          driver({"libcuda.so.1"}, "a GPU's counters cannot be read") {
#define FIND(function) library.find(function, #function);
        SWEETSPOT_CUPTI_COUNTING(FIND)
#undef FIND
        driver.find(cuCtxGetCurrent, "cuCtxGetCurrent");
    }

    SharedLibrary library, driver;
#define DECLARE(function) decltype(&::function) function = nullptr;
    SWEETSPOT_CUPTI_COUNTING(DECLARE)
#undef DECLARE
    decltype(&::cuCtxGetCurrent) cuCtxGetCurrent = nullptr;
};

struct GpuCounter {
    const char* name;   ///< in Trace::counters
    const char* metric; ///< CUPTI's
};
constexpr std::array gpu_counters{
    GpuCounter{"DRAM bytes", "dram__bytes.sum"},
    GpuCounter{"L2 bytes", "lts__t_bytes.sum"},
    GpuCounter{"DRAM busy %", "dram__throughput.avg.pct_of_peak_sustained_elapsed"},
    GpuCounter{"L2 busy %", "lts__throughput.avg.pct_of_peak_sustained_elapsed"},
    GpuCounter{"SM busy %", "sm__cycles_active.avg.pct_of_peak_sustained_elapsed"},
    GpuCounter{"tensor cores busy %",
               "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed"},
    GpuCounter{"achieved occupancy %", "sm__warps_active.avg.pct_of_peak_sustained_active"},
};
/// More ranges would need more memory than a trace is worth.
constexpr std::size_t most_ranges = 20'000;
constexpr std::size_t most_passes = 64; ///< these counters need fewer than ten

/// Ops that are in no other op: the ranges, in order of their begins.
std::vector<Index> ranges_of(const Trace& trace) {
    std::vector<bool> inside(trace.regions.size());
    std::vector<Index> y;
    for (std::size_t i = 0; i < trace.regions.size(); ++i) {
        const TraceRegion& region = trace.regions[i];
        inside[i] =
            region.parent != none && (inside[region.parent] || trace.regions[region.parent].op);
        if (region.op && !inside[i]) y.push_back(Index(i));
    }
    return y;
}

[[noreturn]] void refuse(const std::string& why) {
    throw Error(Failure::unsupported, why);
}

/// CUPTI's parameters: its structures know their own size.
template <class Parameters>
Parameters sized(std::size_t size) {
    Parameters y{};
    y.structSize = size;
    return y;
}
#define PARAMETERS(type) sized<type>(type##_STRUCT_SIZE)

class Counting : public Observer {
public:
    Counting(int gpu, std::size_t ranges);
    ~Counting() override;
    Counting(const Counting&) = delete;
    Counting& operator=(const Counting&) = delete;

    /// Whether it needs no further pass.
    bool pass(Context&, const std::function<void()>& step);
    /// After the last pass: counts of ranges by their numbers, for each of counters().
    std::vector<std::vector<double>> counts(std::size_t ranges);

    const std::vector<GpuCounter>& counters() const { return counters_; }
    const std::vector<GpuCounter>& missing() const { return missing_; }
    std::size_t dropped() const { return dropped_; }
    std::size_t seen() const { return number_; } ///< ranges of the last pass

    void began(const Work&) noexcept override;
    void ended() noexcept override;
    void allocated(Purpose, MemoryKind, std::size_t) noexcept override {}
    void freed(Purpose, MemoryKind, std::size_t) noexcept override {}

private:
    void choose(int gpu);
    void configure(std::size_t ranges);
    void end() noexcept;
    void done(CUptiResult result, const char* what) const {
        if (result != CUPTI_SUCCESS)
            throw Error(Failure::unsupported,
                        refusal(call_.cuptiGetResultString, result, what, "counted"));
    }

    Functions call_{};
    CUcontext context_ = nullptr;
    CUpti_Profiler_Host_Object* host_ = nullptr;
    CUpti_RangeProfiler_Object* profiler_ = nullptr;
    bool initialized_ = false;
    std::vector<GpuCounter> counters_{}, missing_{};
    std::vector<const char*> metrics_{};
    std::vector<std::uint8_t> available_{}, configuration_{}, image_{};
    std::vector<bool> ops_{}; ///< of the regions that the host is in, outermost first
    std::size_t number_ = 0;  ///< of ranges that began in this pass
    std::size_t dropped_ = 0;
    CUptiResult range_result_ = CUPTI_SUCCESS; ///< the first that was none, of a range
};

Counting::Counting(int gpu, std::size_t ranges) {
    require(call_.cuCtxGetCurrent(&context_) == CUDA_SUCCESS && context_, Failure::unsupported,
            "this thread has no GPU whose counters could be read");
    try {
        choose(gpu);
        configure(ranges);
    } catch (...) {
        end();
        throw;
    }
}

Counting::~Counting() {
    end();
}

/// The counters that this GPU has, by asking for one after the other.
void Counting::choose(int gpu) {
    auto initialize = PARAMETERS(CUpti_Profiler_Initialize_Params);
    done(call_.cuptiProfilerInitialize(&initialize), "cuptiProfilerInitialize");
    initialized_ = true;
    auto chip = PARAMETERS(CUpti_Device_GetChipName_Params);
    chip.deviceIndex = std::size_t(gpu);
    done(call_.cuptiDeviceGetChipName(&chip), "cuptiDeviceGetChipName");
    auto available = PARAMETERS(CUpti_Profiler_GetCounterAvailability_Params);
    available.ctx = context_;
    done(call_.cuptiProfilerGetCounterAvailability(&available),
         "cuptiProfilerGetCounterAvailability");
    available_.resize(available.counterAvailabilityImageSize);
    available.pCounterAvailabilityImage = available_.data();
    done(call_.cuptiProfilerGetCounterAvailability(&available),
         "cuptiProfilerGetCounterAvailability");
    auto host = PARAMETERS(CUpti_Profiler_Host_Initialize_Params);
    host.profilerType = CUPTI_PROFILER_TYPE_RANGE_PROFILER;
    host.pChipName = chip.pChipName;
    host.pCounterAvailabilityImage = available_.data();
    done(call_.cuptiProfilerHostInitialize(&host), "cuptiProfilerHostInitialize");
    host_ = host.pHostObject;
    for (const GpuCounter& counter : gpu_counters) {
        const char* metric = counter.metric;
        auto add = PARAMETERS(CUpti_Profiler_Host_ConfigAddMetrics_Params);
        add.pHostObject = host_;
        add.ppMetricNames = &metric;
        add.numMetrics = 1;
        const bool there = call_.cuptiProfilerHostConfigAddMetrics(&add) == CUPTI_SUCCESS;
        (there ? counters_ : missing_).push_back(counter);
    }
    if (counters_.empty())
        refuse(std::string("this GPU (") + chip.pChipName + ") has none of the counters asked for");
    for (const GpuCounter& counter : counters_) metrics_.push_back(counter.metric);
}

void Counting::configure(std::size_t ranges) {
    auto size = PARAMETERS(CUpti_Profiler_Host_GetConfigImageSize_Params);
    size.pHostObject = host_;
    done(call_.cuptiProfilerHostGetConfigImageSize(&size), "cuptiProfilerHostGetConfigImageSize");
    configuration_.resize(size.configImageSize);
    auto configuration = PARAMETERS(CUpti_Profiler_Host_GetConfigImage_Params);
    configuration.pHostObject = host_;
    configuration.configImageSize = configuration_.size();
    configuration.pConfigImage = configuration_.data();
    done(call_.cuptiProfilerHostGetConfigImage(&configuration), "cuptiProfilerHostGetConfigImage");

    auto enable = PARAMETERS(CUpti_RangeProfiler_Enable_Params);
    enable.ctx = context_;
    done(call_.cuptiRangeProfilerEnable(&enable), "cuptiRangeProfilerEnable");
    profiler_ = enable.pRangeProfilerObject;
    auto data = PARAMETERS(CUpti_RangeProfiler_GetCounterDataSize_Params);
    data.pRangeProfilerObject = profiler_;
    data.pMetricNames = metrics_.data();
    data.numMetrics = metrics_.size();
    data.maxNumOfRanges = ranges;
    data.maxNumRangeTreeNodes = std::uint32_t(ranges);
    done(call_.cuptiRangeProfilerGetCounterDataSize(&data), "cuptiRangeProfilerGetCounterDataSize");
    image_.resize(data.counterDataSize);
    auto image = PARAMETERS(CUpti_RangeProfiler_CounterDataImage_Initialize_Params);
    image.pRangeProfilerObject = profiler_;
    image.counterDataSize = image_.size();
    image.pCounterData = image_.data();
    done(call_.cuptiRangeProfilerCounterDataImageInitialize(&image),
         "cuptiRangeProfilerCounterDataImageInitialize");
    auto set = PARAMETERS(CUpti_RangeProfiler_SetConfig_Params);
    set.pRangeProfilerObject = profiler_;
    set.configSize = configuration_.size();
    set.pConfig = configuration_.data();
    set.counterDataImageSize = image_.size();
    set.pCounterDataImage = image_.data();
    set.range = CUPTI_UserRange;
    set.replayMode = CUPTI_UserReplay;
    set.maxRangesPerPass = ranges;
    set.numNestingLevels = set.minNestingLevel = set.targetNestingLevel = 1;
    done(call_.cuptiRangeProfilerSetConfig(&set), "cuptiRangeProfilerSetConfig");
}

void Counting::end() noexcept {
    if (profiler_) {
        auto disable = PARAMETERS(CUpti_RangeProfiler_Disable_Params);
        disable.pRangeProfilerObject = profiler_;
        call_.cuptiRangeProfilerDisable(&disable);
    }
    if (host_) {
        auto host = PARAMETERS(CUpti_Profiler_Host_Deinitialize_Params);
        host.pHostObject = host_;
        call_.cuptiProfilerHostDeinitialize(&host);
    }
    if (initialized_) {
        auto profiler = PARAMETERS(CUpti_Profiler_DeInitialize_Params);
        call_.cuptiProfilerDeInitialize(&profiler);
    }
}

void Counting::began(const Work& work) noexcept {
    const bool in_an_op = !ops_.empty() && ops_.back();
    ops_.push_back(in_an_op || work.dtype.has_value());
    if (in_an_op || !work.dtype) return;
    const std::string name = std::to_string(number_++);
    auto push = PARAMETERS(CUpti_RangeProfiler_PushRange_Params);
    push.pRangeProfilerObject = profiler_;
    push.pRangeName = name.c_str();
    const CUptiResult result = call_.cuptiRangeProfilerPushRange(&push);
    if (range_result_ == CUPTI_SUCCESS) range_result_ = result;
}

void Counting::ended() noexcept {
    const bool of_an_op = ops_.back();
    ops_.pop_back();
    if (!of_an_op || (!ops_.empty() && ops_.back())) return;
    auto pop = PARAMETERS(CUpti_RangeProfiler_PopRange_Params);
    pop.pRangeProfilerObject = profiler_;
    const CUptiResult result = call_.cuptiRangeProfilerPopRange(&pop);
    if (range_result_ == CUPTI_SUCCESS) range_result_ = result;
}

bool Counting::pass(Context& context, const std::function<void()>& step) {
    number_ = 0;
    auto start = PARAMETERS(CUpti_RangeProfiler_Start_Params);
    start.pRangeProfilerObject = profiler_;
    done(call_.cuptiRangeProfilerStart(&start), "cuptiRangeProfilerStart");
    auto stop = PARAMETERS(CUpti_RangeProfiler_Stop_Params);
    stop.pRangeProfilerObject = profiler_;
    try {
        const Watching watching(context, *this);
        step();
        context.synchronize();
    } catch (...) {
        call_.cuptiRangeProfilerStop(&stop);
        throw;
    }
    done(call_.cuptiRangeProfilerStop(&stop), "cuptiRangeProfilerStop");
    done(range_result_, "cuptiRangeProfilerPushRange");
    return stop.isAllPassSubmitted;
}

std::vector<std::vector<double>> Counting::counts(std::size_t ranges) {
    auto decode = PARAMETERS(CUpti_RangeProfiler_DecodeData_Params);
    decode.pRangeProfilerObject = profiler_;
    done(call_.cuptiRangeProfilerDecodeData(&decode), "cuptiRangeProfilerDecodeData");
    dropped_ = decode.numOfRangeDropped;
    auto found = PARAMETERS(CUpti_RangeProfiler_GetCounterDataInfo_Params);
    found.pCounterDataImage = image_.data();
    found.counterDataImageSize = image_.size();
    done(call_.cuptiRangeProfilerGetCounterDataInfo(&found),
         "cuptiRangeProfilerGetCounterDataInfo");
    std::vector<std::vector<double>> y(ranges);
    for (std::size_t i = 0; i < found.numTotalRanges; ++i) {
        auto range = PARAMETERS(CUpti_RangeProfiler_CounterData_GetRangeInfo_Params);
        range.pCounterDataImage = image_.data();
        range.counterDataImageSize = image_.size();
        range.rangeIndex = i;
        range.rangeDelimiter = "/";
        done(call_.cuptiRangeProfilerCounterDataGetRangeInfo(&range),
             "cuptiRangeProfilerCounterDataGetRangeInfo");
        std::size_t number = ranges;
        std::from_chars(range.rangeName, range.rangeName + std::strlen(range.rangeName), number);
        if (number >= ranges)
            refuse(std::string("CUPTI tells of a range that was not asked for: ") +
                   range.rangeName);
        y[number].resize(counters_.size());
        auto evaluate = PARAMETERS(CUpti_Profiler_Host_EvaluateToGpuValues_Params);
        evaluate.pHostObject = host_;
        evaluate.pCounterDataImage = image_.data();
        evaluate.counterDataImageSize = image_.size();
        evaluate.rangeIndex = i;
        evaluate.ppMetricNames = metrics_.data();
        evaluate.numMetrics = metrics_.size();
        evaluate.pMetricValues = y[number].data();
        done(call_.cuptiProfilerHostEvaluateToGpuValues(&evaluate),
             "cuptiProfilerHostEvaluateToGpuValues");
    }
    return y;
}

void count_ops(Trace& trace, Context& context, int gpu, const std::function<void()>& step) {
    const std::vector<Index> ops = ranges_of(trace);
    if (ops.empty() || ops.size() > most_ranges)
        refuse("the step has " + std::to_string(ops.size()) +
               " ops, and counters are kept for 1 to " + std::to_string(most_ranges) +
               ": fewer new tokens or layers have fewer");
    Counting counting(gpu, ops.size());
    std::size_t passes = 0;
    for (bool all = false; !all; ++passes) {
        if (passes == most_passes)
            refuse("CUPTI asks for more than " + std::to_string(most_passes) + " passes");
        all = counting.pass(context, step);
        if (counting.seen() != ops.size())
            refuse("the step had " + std::to_string(ops.size()) + " ops when it was traced, and " +
                   std::to_string(counting.seen()) + " when it was counted");
    }
    const auto counts = counting.counts(ops.size());
    const auto first = Index(trace.counters.size());
    for (const GpuCounter& counter : counting.counters()) trace.counters.push_back(counter.name);
    for (std::size_t i = 0; i < ops.size(); ++i)
        for (std::size_t c = 0; c < counts[i].size(); ++c)
            trace.counts.push_back({ops[i], first + Index(c), counts[i][c]});
    for (const GpuCounter& counter : counting.missing())
        trace.absent[std::string("gpu counter ") + counter.name] =
            std::string("this GPU has no ") + counter.metric;
    trace.facts["gpu counter passes"] = std::to_string(passes);
    if (counting.dropped() > 0)
        trace.facts["gpu counter ranges lost"] = std::to_string(counting.dropped());
}

} // namespace

void add_gpu_counters(Trace& trace, Context& context, int gpu, const std::function<void()>& step) {
    try {
        count_ops(trace, context, gpu, step);
    } catch (const Error& error) {
        if (error.kind != Failure::unsupported) throw;
        trace.absent["gpu counters"] = error.what();
    }
}

} // namespace sweetspot

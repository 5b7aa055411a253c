#include "kernels/core/error.h"
#include "profiler/cupti/counters.h"
#include "profiler/cupti/cupti.h"

namespace sweetspot {

namespace {
constexpr const char* why =
    "this build cannot trace a GPU: it was built without the headers of CUPTI, which come with the "
    "CUDA Toolkit";
}

std::unique_ptr<Instrument> open_cupti(const CuptiOptions&) {
    throw Error(Failure::unsupported, why);
}

void add_gpu_counters(Trace& trace, Context&, int, const std::function<void()>&) {
    trace.absent["gpu counters"] = why;
}

} // namespace sweetspot

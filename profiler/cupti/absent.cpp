#include "kernels/core/error.h"
#include "profiler/cupti/cupti.h"

namespace sweetspot {

std::unique_ptr<Instrument> open_cupti(const CuptiOptions&) {
    throw Error(Failure::unsupported,
                "this build cannot trace a GPU: it was built without the headers of CUPTI, which "
                "come with the CUDA Toolkit");
}

} // namespace sweetspot

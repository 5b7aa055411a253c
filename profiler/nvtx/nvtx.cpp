#include "profiler/nvtx/nvtx.h"
#include "profiler/profiler.h"
#include <nvtx3/nvToolsExt.h>
#include <string>

namespace sweetspot {

namespace {

class NvtxRanges : public Observer {
public:
    explicit NvtxRanges(Context& context) : watching_(context, *this) {}
    ~NvtxRanges() override { nvtxDomainDestroy(domain_); }

    void began(const Work& work) noexcept override {
        const std::string name(work.name);
        nvtxEventAttributes_t range{};
        range.version = NVTX_VERSION;
        range.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
        range.messageType = NVTX_MESSAGE_TYPE_ASCII;
        range.message.ascii = name.c_str();
        nvtxDomainRangePushEx(domain_, &range);
    }
    void ended() noexcept override { nvtxDomainRangePop(domain_); }
    void allocated(Purpose, MemoryKind, std::size_t) noexcept override {}
    void freed(Purpose, MemoryKind, std::size_t) noexcept override {}
    bool follows_graphs() const noexcept override { return true; } // a listener shows what it sees

private:
    nvtxDomainHandle_t domain_ = nvtxDomainCreateA("sweetspot");
    Watching watching_;
};

} // namespace

std::unique_ptr<Observer> open_nvtx_ranges(Context& context) {
    return std::make_unique<NvtxRanges>(context);
}

} // namespace sweetspot

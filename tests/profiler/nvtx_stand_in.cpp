// What NVTX loads as its listener when NVTX_INJECTION64_PATH names it: it keeps what it was told.
#include <nvtx3/nvToolsExt.h>
#include <string>

namespace {

std::string& told() {
    static std::string text;
    return text;
}

nvtxDomainHandle_t create(const char* name) {
    told() += std::string("domain ") + name + "\n";
    return reinterpret_cast<nvtxDomainHandle_t>(&told());
}
void destroy(nvtxDomainHandle_t) {
    told() += "over\n";
}
int push(nvtxDomainHandle_t, const nvtxEventAttributes_t* range) {
    told() += std::string("( ") + range->message.ascii + "\n";
    return 0;
}
int pop(nvtxDomainHandle_t) {
    told() += ")\n";
    return 0;
}

} // namespace

extern "C" int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table) {
    const auto* callbacks =
        static_cast<const NvtxExportTableCallbacks*>(get_table(NVTX_ETID_CALLBACKS));
    NvtxFunctionTable table = nullptr;
    unsigned size = 0;
    if (!callbacks || !callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &table, &size))
        return 0;
    const auto listen = [&](int id, auto function) {
        *table[id] = reinterpret_cast<NvtxFunctionPointer>(function);
    };
    listen(NVTX_CBID_CORE2_DomainCreateA, create);
    listen(NVTX_CBID_CORE2_DomainDestroy, destroy);
    listen(NVTX_CBID_CORE2_DomainRangePushEx, push);
    listen(NVTX_CBID_CORE2_DomainRangePop, pop);
    return 1;
}

extern "C" const char* what_nvtx_told() {
    return told().c_str();
}

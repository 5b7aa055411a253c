#include "profiler/cupti/refusal.h"

namespace sweetspot {

std::string result_text(decltype(&::cuptiGetResultString) text_of, CUptiResult result) {
    const char* text = nullptr;
    if (text_of(result, &text) == CUPTI_SUCCESS && text) return text;
    return "error " + std::to_string(int(result));
}

std::string refusal(decltype(&::cuptiGetResultString) text_of, CUptiResult result, const char* what,
                    const char* act, const std::string& other_tool) {
    switch (result) {
    case CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED:
        return std::string("the GPU cannot be ") + act + " while another tool does: " +
               (other_tool.empty() ? "a profiler or debugger" : other_tool) +
               " has this process; run without it";
    case CUPTI_ERROR_INSUFFICIENT_PRIVILEGES:
    case CUPTI_ERROR_VIRTUALIZED_DEVICE_INSUFFICIENT_PRIVILEGES:
        return std::string("the GPU may not be ") + act +
               " by this user: ask for the driver's option "
               "NVreg_RestrictProfilingToAdminUsers=0, or run as root";
    case CUPTI_ERROR_VIRTUALIZED_DEVICE_NOT_SUPPORTED:
    case CUPTI_ERROR_CONFIDENTIAL_COMPUTING_NOT_SUPPORTED:
    case CUPTI_ERROR_MIG_DEVICE_NOT_SUPPORTED:
    case CUPTI_ERROR_WSL_DEVICE_NOT_SUPPORTED:
    case CUPTI_ERROR_CMP_DEVICE_NOT_SUPPORTED:
        return std::string("this GPU cannot be ") + act +
               " as it is shared out here: " + result_text(text_of, result);
    default:
        return std::string("the GPU cannot be ") + act + ": CUPTI: " + what + ": " +
               result_text(text_of, result);
    }
}

} // namespace sweetspot

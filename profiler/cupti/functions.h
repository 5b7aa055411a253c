#pragma once
#include "kernels/core/shared_library.h"
#include <cupti.h>

namespace sweetspot {

/// The functions of libcupti that are used, found at run time. The one list: loader and the tests'
/// stand-in follow it.
#define SWEETSPOT_CUPTI_FUNCTIONS(X)                                                               \
    X(cuptiGetVersion)                                                                             \
    X(cuptiGetResultString)                                                                        \
    X(cuptiSubscribe_v2)                                                                           \
    X(cuptiUnsubscribe)                                                                            \
    X(cuptiEnableCallback)                                                                         \
    X(cuptiFinalize)                                                                               \
    X(cuptiGetGraphNodeId)                                                                         \
    X(cuptiGetCallbackName)                                                                        \
    X(cuptiSetThreadIdType)                                                                        \
    X(cuptiActivityRegisterTimestampCallback)                                                      \
    X(cuptiActivityRegisterCallbacks)                                                              \
    X(cuptiActivityConfigureUnifiedMemoryCounter)                                                  \
    X(cuptiActivityEnable)                                                                         \
    X(cuptiActivityDisable)                                                                        \
    X(cuptiActivityFlushAll)                                                                       \
    X(cuptiActivityGetNextRecord)                                                                  \
    X(cuptiActivityGetNumDroppedRecords)                                                           \
    X(cuptiActivityPushExternalCorrelationId)                                                      \
    X(cuptiActivityPopExternalCorrelationId)

struct CuptiFunctions {
    /// Throws Error(unsupported) if there is no such library, or an older one.
    CuptiFunctions()
        : library({"libcupti.so." + std::to_string(CUPTI_API_VERSION / 10000), "libcupti.so"},
                  "what a GPU does cannot be traced") {
#define FIND(function) library.find(function, #function);
        SWEETSPOT_CUPTI_FUNCTIONS(FIND)
#undef FIND
    }

    SharedLibrary library;
#define DECLARE(function) decltype(&::function) function = nullptr;
    SWEETSPOT_CUPTI_FUNCTIONS(DECLARE)
#undef DECLARE
};

} // namespace sweetspot

#pragma once
#include "profiler/cupti/functions.h"
#include <string>

namespace sweetspot {

/// Why CUPTI refuses, and what would help: a sentence. `act` is what was to be done to the GPU:
/// "traced", "counted". `what` names the function; `other_tool` who has the process already.
std::string refusal(decltype(&::cuptiGetResultString) text_of, CUptiResult, const char* what,
                    const char* act, const std::string& other_tool = {});

/// CUPTI's own words for a result.
std::string result_text(decltype(&::cuptiGetResultString), CUptiResult);

} // namespace sweetspot

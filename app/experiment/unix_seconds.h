#pragma once
#include <chrono>

namespace sweetspot {

/// Now, as records have it.
inline double unix_seconds() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

} // namespace sweetspot

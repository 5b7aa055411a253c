#include "profiler/instrument.h"
#include <array>
#include <charconv>
#include <chrono>

namespace sweetspot {

Index Names::operator()(std::string_view name) {
    const auto found = known_.find(name);
    if (found != known_.end()) return found->second;
    const auto made = Index(names_.size());
    names_.emplace_back(name);
    known_.emplace(name, made);
    return made;
}

std::string fact_of(double value) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

Nanoseconds now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace sweetspot

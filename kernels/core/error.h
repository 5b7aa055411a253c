#pragma once
#include <array>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sweetspot {

/// Why a run ended early. Stored by name with the run.
enum class Failure {
    bad_input,     ///< what a person asked for cannot be: unknown name, value out of range
    bad_shape,     ///< an op's tensors do not fit together
    unsupported,   ///< sensible, but this machine or build cannot do it
    out_of_memory, ///< an allocation was refused, or would not fit
    device,        ///< the device reported an error
    file,          ///< missing, unreadable, malformed or truncated file; full or read-only disk
    timed_out,     ///< the run's time limit passed
    crashed,       ///< the worker died by a signal of its own making
    killed,        ///< the worker was killed from outside
    interrupted,   ///< the user stopped the sweep while this run was in progress
    bug,           ///< anything else: our mistake
};
constexpr std::array<std::string_view, 11> names_of(Failure) {
    return {"bad_input", "bad_shape", "unsupported", "out_of_memory", "device", "file",
            "timed_out", "crashed",   "killed",      "interrupted",   "bug"};
}

/// Ends one run. Thrown anywhere below the runner; caught there and in main() only.
class Error : public std::runtime_error {
public:
    Error(Failure kind, const std::string& what,
          std::source_location where = std::source_location::current())
        : std::runtime_error(what), kind(kind), where(where) {}

    Failure kind;
    std::source_location where;
};

/// Throws unless `holds`; `expected` says what should have been, e.g. "y is like x".
inline void require(bool holds, Failure kind, const char* expected,
                    std::source_location where = std::source_location::current()) {
    if (!holds) throw Error(kind, expected, where);
}

} // namespace sweetspot

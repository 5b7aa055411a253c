#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace sweetspot::fuzz {

/// A reader of what comes from elsewhere, as a function of any bytes. It holds what must be true of
/// whatever it reads: a value that makes sense, or an Error that blames the input. Anything else is
/// an exception of another type, or a report of the sanitizers.
struct Target {
    const char* name;
    void (*read)(const std::uint8_t* data, std::size_t size);
};

std::span<const Target> config_targets();
std::span<const Target> weights_targets();
std::span<const Target> tokenizer_targets();
std::span<const Target> data_targets();
std::span<const Target> experiment_targets();
std::span<const Target> store_targets();
std::span<const Target> training_targets();
std::span<const Target> run_targets();

/// Calls visit(Target) for each there is.
template <class Visit>
void each_target(Visit&& visit) {
    for (const auto group : {config_targets, weights_targets, tokenizer_targets, data_targets,
                             experiment_targets, store_targets, training_targets, run_targets})
        for (const Target& target : group()) visit(target);
}

} // namespace sweetspot::fuzz

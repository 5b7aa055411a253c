#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sweetspot {

/// Somewhere runs can go, as `sweetspot-worker devices` says it, a JSON object a line.
struct DeviceInfo {
    std::string name{};      ///< as the field device has it
    bool available = false;  ///< in this build and on this machine
    int gpu = 0;             ///< index, for the field gpu
    std::string meaning{};   ///< what it is; or why it is not available, a sentence
    double memory_bytes = 0; ///< of its own; 0 = the machine's
    double free_bytes = 0;   ///< of these, now
};

std::string to_json_line(const DeviceInfo&);

/// Throws Error(bad_input) for anything that to_json_line did not write.
DeviceInfo device_from_json_line(std::string_view);

/// The GPU with this index, or any, among these; null if runs cannot go there.
const DeviceInfo* find_gpu(std::span<const DeviceInfo>, std::optional<int> index = {});

} // namespace sweetspot

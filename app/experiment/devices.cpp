#include "app/experiment/devices.h"
#include "kernels/core/error.h"
#include <nlohmann/json.hpp>

namespace sweetspot {

std::string to_json_line(const DeviceInfo& device) {
    return nlohmann::json{{"name", device.name},
                          {"available", device.available},
                          {"gpu", device.gpu},
                          {"meaning", device.meaning},
                          {"memory_bytes", device.memory_bytes},
                          {"free_bytes", device.free_bytes}}
        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

DeviceInfo device_from_json_line(std::string_view line) {
    try {
        const auto json = nlohmann::json::parse(line);
        return {.name = json.at("name"),
                .available = json.at("available"),
                .gpu = json.at("gpu"),
                .meaning = json.at("meaning"),
                .memory_bytes = json.at("memory_bytes"),
                .free_bytes = json.at("free_bytes")};
    } catch (const nlohmann::json::exception& e) {
        throw Error(Failure::bad_input, std::string("not a device: ") + e.what());
    }
}

} // namespace sweetspot

#include "app/experiment/devices.h"
#include "engine/config/json.h"

namespace sweetspot {

std::string to_json_line(const DeviceInfo& device) {
    return dump({{"name", device.name},
                 {"available", device.available},
                 {"gpu", device.gpu},
                 {"meaning", device.meaning},
                 {"memory_bytes", device.memory_bytes},
                 {"free_bytes", device.free_bytes}});
}

DeviceInfo device_from_json_line(std::string_view line) {
    const Json json = parse_json(line, "a device");
    DeviceInfo device;
    const auto read = [&](const char* name, auto& member) {
        const Json* found = json.find(name);
        if (!found)
            throw Error(Failure::bad_input, "a device: \"" + std::string(name) + "\" is missing");
        within("a device: " + std::string(name),
               [&] { member = found->get<std::decay_t<decltype(member)>>(); });
    };
    read("name", device.name);
    read("available", device.available);
    read("gpu", device.gpu);
    read("meaning", device.meaning);
    read("memory_bytes", device.memory_bytes);
    read("free_bytes", device.free_bytes);
    return device;
}

const DeviceInfo* find_gpu(std::span<const DeviceInfo> devices, std::optional<int> index) {
    for (const DeviceInfo& device : devices)
        if (device.name == "cuda" && device.available && device.gpu == index.value_or(device.gpu))
            return &device;
    return nullptr;
}

} // namespace sweetspot

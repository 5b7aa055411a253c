#include "app/worker/convert.h"
#include "engine/config/json.h"
#include "engine/device/device.h"

namespace sweetspot {

void write_converted(const RunConfig& run, const Conversion& conversion,
                     const std::function<void(const std::string&)>& give) {
    DeviceContext device(run);
    const Converted made = convert(run, conversion, device.context(), [&](const LinearError& e) {
        give(dump({{"layer", e.layer},
                   {"part", std::string(names_of(e.part)[std::size_t(e.part)])},
                   {"format", to_text(e.format)},
                   {"weight_error", e.weights},
                   {"product_error", e.products ? Json(*e.products) : Json()}}));
    });
    give(dump({{"bytes", made.bytes}, {"note", made.note}}));
}

} // namespace sweetspot

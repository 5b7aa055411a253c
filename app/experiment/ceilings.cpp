#include "app/experiment/ceilings.h"
#include "engine/config/json.h"
#include <algorithm>

namespace sweetspot {

namespace {

double value_of(const Ceilings& ceilings, std::string_view name) {
    for (const Ceiling& one : ceilings.all)
        if (one.name == name) return one.value;
    return 0;
}

template <class T>
T member(const Json& json, const char* name) {
    const Json* found = json.find(name);
    if (!found)
        throw Error(Failure::bad_input,
                    "a device's ceilings: \"" + std::string(name) + "\" is missing");
    return within("a device's ceilings: " + std::string(name), [&] { return found->get<T>(); });
}

} // namespace

double Ceilings::bandwidth() const {
    return std::max(value_of(*this, "copy"), value_of(*this, "read"));
}

double Ceilings::compute(DType dtype) const {
    return value_of(*this, "matmul, " + std::string(names_of(dtype)[std::size_t(dtype)]));
}

std::vector<Metric> metrics_of(const Ceilings& ceilings, Precision precision) {
    std::vector<Metric> metrics{
        {"ceiling_flops_per_second", value_of(ceilings, "matmul, " + to_text(precision))},
        {"ceiling_bytes_per_second", ceilings.bandwidth()}};
    std::erase_if(metrics, [](const Metric& metric) { return metric.value <= 0; });
    return metrics;
}

std::string to_json_line(const Ceilings& ceilings) {
    Json all = Json::array();
    for (const Ceiling& one : ceilings.all)
        all.push_back(
            {{"name", one.name}, {"unit", one.unit}, {"value", one.value}, {"spread", one.spread}});
    return dump({{"device", ceilings.device},
                 {"threads", ceilings.threads},
                 {"unix_seconds", ceilings.unix_seconds},
                 {"disturbance", ceilings.disturbance},
                 {"ceilings", all}});
}

Ceilings ceilings_from_json_line(std::string_view line) {
    const Json json = parse_json(line, "a device's ceilings");
    Ceilings y{.device = member<std::string>(json, "device"),
               .threads = member<int>(json, "threads"),
               .unix_seconds = member<double>(json, "unix_seconds")};
    if (json.find("disturbance")) y.disturbance = member<double>(json, "disturbance");
    if (const Json* all = json.find("ceilings"))
        for (const Json& one : *all)
            y.all.push_back({member<std::string>(one, "name"), member<std::string>(one, "unit"),
                             member<double>(one, "value"), member<double>(one, "spread")});
    return y;
}

} // namespace sweetspot

#include "app/experiment/shared_model.h"
#include <algorithm>
#include <array>

namespace sweetspot {

namespace {

/// Groups of fields, and fields of other groups, that say what goes through a model, how that is
/// computed, looked at and measured, but not what is loaded. Any other field counts.
constexpr std::array free_groups{DataChoice::group, Quality::group, Generation::group,
                                 Measurement::group};
constexpr std::array<std::string_view, 6> free_fields{
    "task", "attention", "layout", "kv_cache_format", "activation_format", "fusion"};

bool is_free(const Field& field) {
    return std::ranges::count(free_groups, field.group) ||
           std::ranges::count(free_fields, field.name);
}

} // namespace

std::string model_key(const RunConfig& run) {
    const bool loads_only =
        run.task == Task::forward || run.task == Task::perplexity || run.task == Task::generate;
    if (run.device != DeviceKind::cpu || !loads_only || scope::is_calibrated(run)) return {};
    std::string key;
    const RunConfig config = canonical(run);
    each_field(config, [&](const Field& field, const auto& value) {
        if (!is_free(field)) key.append(field.name).append("=").append(to_text(value)).append("\n");
    });
    return key;
}

} // namespace sweetspot

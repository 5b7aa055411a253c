// Scaled rotary positions: which keys of a config.json say what, and what they come to.
#include "engine/config/rotary.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

namespace sweetspot {

namespace {

/// Angles of a wavelength that fits into the original positions less than `low` times go `factor`
/// times slower, those that fit more than `high` times as they did, others between.
double slower_in_llama3(const ModelConfig& c, double frequency) {
    const double turns = c.rotary_positions * frequency / (2 * std::numbers::pi);
    const double share =
        std::clamp((turns - c.rotary_low) / (c.rotary_high - c.rotary_low), 0.0, 1.0);
    return 1 / ((1 - share) / c.rotary_factor + share);
}

/// Between angle number `low`, the last that goes as before, and `high`, the first that goes
/// `factor` times slower.
double slower_in_yarn(const ModelConfig& c, int i) {
    const auto number_of = [&](double turns) {
        return c.head_size * std::log(c.rotary_positions / (turns * 2 * std::numbers::pi)) /
               (2 * std::log(c.rotary_base));
    };
    const double low = std::max(std::floor(number_of(c.rotary_high)), 0.0);
    double high = std::min(std::ceil(number_of(c.rotary_low)), double(c.head_size - 1));
    if (low == high) high += 0.001;
    const double share = std::clamp((i - low) / (high - low), 0.0, 1.0);
    return 1 / (share / c.rotary_factor + 1 - share);
}

} // namespace

std::vector<float> rotary_slower(const ModelConfig& c) {
    std::vector<float> slower;
    for (int i = 0; i < c.head_size / 2; ++i) switch (c.rotary_scaling) {
        case RotaryScaling::none:
        case RotaryScaling::dynamic: // within its positions; beyond them it is not computed
        case RotaryScaling::in_file: return {};
        case RotaryScaling::linear: slower.push_back(float(c.rotary_factor)); break;
        case RotaryScaling::yarn: slower.push_back(float(slower_in_yarn(c, i))); break;
        case RotaryScaling::llama3: {
            const double frequency = std::pow(c.rotary_base, -2.0 * i / c.head_size);
            slower.push_back(float(slower_in_llama3(c, frequency)));
        }
        }
    return slower;
}

double yarn_magnitude(double factor, double weight) {
    return factor <= 1 ? 1 : 0.1 * weight * std::log(factor) + 1;
}

namespace {

[[noreturn]] void unsupported(const std::string& why) {
    throw Error(Failure::unsupported, why);
}

struct ScalingKind {
    std::string_view type;
    RotaryScaling scaling;
    std::vector<std::string_view> keys; ///< that it may have, beside base and type
};
const std::vector<ScalingKind>& kinds() {
    constexpr auto factor = "factor", original = "original_max_position_embeddings";
    static const std::vector<ScalingKind> all{
        {"default", RotaryScaling::none, {}},
        {"linear", RotaryScaling::linear, {factor}},
        {"dynamic", RotaryScaling::dynamic, {factor}},
        {"yarn",
         RotaryScaling::yarn,
         {factor, original, "attention_factor", "beta_fast", "beta_slow", "mscale",
          "mscale_all_dim"}},
        {"llama3",
         RotaryScaling::llama3,
         {factor, original, "low_freq_factor", "high_freq_factor"}}};
    return all;
}

const ScalingKind& kind_of(const Json& settings) {
    const Json* named = settings.find("rope_type");
    const Json* type = named ? named : settings.find("type");
    if (!type) return kinds().front();
    for (const ScalingKind& kind : kinds())
        if (*type == std::string(kind.type)) return kind;
    unsupported("positions scaled by " + described(*type) + " are not supported");
}

} // namespace

void set_rotary(const Json& v, ModelConfig& c) {
    if (v.is_null()) return;
    if (!v.is_object()) unsupported(described(v) + " is not an object");
    const ScalingKind& kind = kind_of(v);
    for (const auto& [key, value] : v.items()) {
        if (key == "rope_theta" || key == "rope_type" || key == "type") continue;
        if (key == "partial_rotary_factor" && value.is_number() && value.get<double>() == 1)
            continue;
        if (std::ranges::find(kind.keys, key) == kind.keys.end())
            unsupported("\"" + key + "\" scales positions, which is not supported of the type " +
                        std::string(kind.type));
    }
    const auto number = [&](const char* key, double otherwise) {
        const Json* value = v.find(key);
        return value && !value->is_null()
                   ? within("\"" + std::string(key) + "\"", [&] { return value->get<double>(); })
                   : otherwise;
    };
    const auto needed = [&](const char* key) {
        if (!v.find(key))
            throw Error(Failure::bad_input, "\"" + std::string(key) + "\" is missing");
        return number(key, 0);
    };
    if (v.find("rope_theta")) c.rotary_base = v.find("rope_theta")->get<double>();
    c.rotary_scaling = kind.scaling;
    if (kind.scaling == RotaryScaling::none) return;
    c.rotary_factor = needed("factor");
    c.rotary_positions = int(number("original_max_position_embeddings", c.positions));
    if (kind.scaling == RotaryScaling::llama3) {
        c.rotary_low = needed("low_freq_factor");
        c.rotary_high = needed("high_freq_factor");
    }
    if (kind.scaling == RotaryScaling::yarn) {
        c.rotary_low = number("beta_slow", 1);
        c.rotary_high = number("beta_fast", 32);
        const double weight = number("mscale", 0), all = number("mscale_all_dim", 0);
        const double usual = weight > 0 && all > 0 ? yarn_magnitude(c.rotary_factor, weight) /
                                                         yarn_magnitude(c.rotary_factor, all)
                                                   : yarn_magnitude(c.rotary_factor);
        c.rotary_magnitude = number("attention_factor", usual);
    }
}

} // namespace sweetspot

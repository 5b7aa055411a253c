#include "app/analysis/format.h"
#include <array>
#include <cmath>
#include <cstdio>

namespace sweetspot {

namespace {

struct Prefix {
    const char* text;
    double factor;
};
constexpr std::array seconds{Prefix{"s", 1}, Prefix{"ms", 1e-3}, Prefix{"µs", 1e-6},
                             Prefix{"ns", 1e-9}};
constexpr std::array sizes{Prefix{"TiB", 0x1p40}, Prefix{"GiB", 0x1p30}, Prefix{"MiB", 0x1p20},
                           Prefix{"KiB", 0x1p10}, Prefix{"B", 1}};
constexpr std::array thousands{Prefix{"P", 1e15}, Prefix{"T", 1e12}, Prefix{"G", 1e9},
                               Prefix{"M", 1e6},  Prefix{"k", 1e3},  Prefix{"", 1}};

template <std::size_t N>
Prefix suited(const std::array<Prefix, N>& prefixes, double largest) {
    const double size = largest == 0 ? 1 : std::abs(largest);
    // A value that would round up to the next unit is shown in that unit.
    for (const auto& p : prefixes)
        if (size >= p.factor * 0.9995) return p;
    return prefixes.back();
}

} // namespace

std::string format_number(double value, int digits) {
    if (!std::isfinite(value)) return std::isnan(value) ? "not a number" : value > 0 ? "∞" : "-∞";
    if (value == 0) return "0";
    const double magnitude = std::floor(std::log10(std::abs(value)));
    char text[64];
    if (magnitude >= 15 || magnitude < -6) {
        std::snprintf(text, sizeof text, "%.*g", digits, value);
        return text;
    }
    int decimals = std::max(0, digits - 1 - int(magnitude));
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    // 9.996 with three digits is 10.0, not 10.00.
    const double rounded = std::abs(std::strtod(text, nullptr));
    if (decimals > 0 && rounded >= std::pow(10.0, magnitude + 1))
        std::snprintf(text, sizeof text, "%.*f", decimals - 1, value);
    return text;
}

ScaledUnit scaled_unit(double largest, std::string_view unit) {
    if (unit == "s") {
        const auto p = suited(seconds, largest);
        return {p.text, p.factor};
    }
    if (unit == "bytes") {
        const auto p = suited(sizes, largest);
        return {p.text, p.factor};
    }
    if (unit == "share") return {"%", 0.01};
    if (unit == "tokens/s" || unit == "FLOP" || unit == "FLOP/s") {
        const auto p = suited(thousands, largest);
        // FLOP takes the prefix at once (GFLOP), words after a space (k tokens).
        const bool joined = unit.substr(0, 4) == "FLOP" || p.factor == 1;
        return {p.text + std::string(joined ? "" : " ") + std::string(unit), p.factor};
    }
    return {std::string(unit), 1};
}

std::string format_value(double value, std::string_view unit) {
    const auto scaled = scaled_unit(value, unit);
    const bool count = unit == "tokens" || (unit == "bytes" && scaled.factor == 1);
    const double shown = value / scaled.factor;
    const bool whole = count && shown == std::floor(shown) && std::abs(shown) < 1e15;
    std::string text = whole ? format_number(shown, 16) : format_number(shown);
    if (whole) text = text.substr(0, text.find('.'));
    return scaled.label.empty() ? text : text + " " + scaled.label;
}

std::string format_duration(double duration) {
    if (duration < 0) return "-" + format_duration(-duration);
    if (duration < 0.9995) return format_value(duration, "s");
    if (duration < 9.95) return format_number(duration, 2) + " s";
    const auto whole = std::llround(duration);
    if (whole < 60) return std::to_string(whole) + " s";
    const auto pair = [](long long a, const char* unit_a, long long b, const char* unit_b) {
        const std::string large = std::to_string(a) + " " + unit_a;
        return b ? large + " " + std::to_string(b) + " " + unit_b : large;
    };
    if (whole < 3600) return pair(whole / 60, "min", whole % 60, "s");
    const auto minutes = std::llround(duration / 60);
    if (minutes < 24 * 60) return pair(minutes / 60, "h", minutes % 60, "min");
    const auto hours = std::llround(duration / 3600);
    return pair(hours / 24, "d", hours % 24, "h");
}

} // namespace sweetspot

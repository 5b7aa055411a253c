#include "app/analysis/format.h"
#include <array>
#include <charconv>
#include <cmath>

// How numbers read, for people: one unit prefix a column, significant digits, durations in words.
// All views ask here, so that they write one number one way, in any locale.

namespace sweetspot {

namespace {

struct Prefix {
    const char* text;
    double factor;
};
constexpr std::array seconds{Prefix{"s", 1}, Prefix{"ms", 1e-3}, Prefix{"µs", 1e-6},
                             Prefix{"ns", 1e-9}};
constexpr std::array joules{Prefix{"kJ", 1e3}, Prefix{"J", 1}, Prefix{"mJ", 1e-3},
                            Prefix{"µJ", 1e-6}};
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

/// Never in the words of a locale, whose comma would make another number of it.
std::string written(double value, std::chars_format format, int precision) {
    char text[64];
    return {text, std::to_chars(text, text + sizeof text, value, format, precision).ptr};
}

} // namespace

std::string format_number(double value, int digits) {
    if (!std::isfinite(value)) return std::isnan(value) ? "not a number" : value > 0 ? "∞" : "-∞";
    if (value == 0) return "0";
    const double magnitude = std::floor(std::log10(std::abs(value)));
    if (magnitude >= 15 || magnitude < -6)
        return written(value, std::chars_format::general, digits);
    const int decimals = std::max(0, digits - 1 - int(magnitude));
    const std::string text = written(value, std::chars_format::fixed, decimals);
    // 9.996 with three digits is 10.0, not 10.00.
    double rounded = 0;
    std::from_chars(text.data(), text.data() + text.size(), rounded);
    return decimals > 0 && std::abs(rounded) >= std::pow(10.0, magnitude + 1)
               ? written(value, std::chars_format::fixed, decimals - 1)
               : text;
}

std::string format_tick(double value) {
    constexpr int exact_digits = 7, short_digits = 4;
    double size = std::abs(value);
    std::string text = written(size, std::chars_format::general, exact_digits);
    if (size >= 1e5) {
        // In thousands where that loses nothing; 131072 stays as it is, and is not 131.1k.
        const bool plain = size < std::pow(10, exact_digits);
        int prefix = int(thousands.size()) - 1;
        for (; size >= 1000 && prefix > 0; --prefix) size /= 1000;
        const std::string few = written(size, std::chars_format::general, short_digits);
        if (!plain || few == written(size, std::chars_format::general, exact_digits))
            text = few + thousands[std::size_t(prefix)].text;
    }
    return value < 0 && text != "0" ? "\u2212" + text : text;
}

ScaledUnit scaled_unit(double largest, std::string_view unit) {
    if (unit == "s") {
        const auto p = suited(seconds, largest);
        return {p.text, p.factor};
    }
    if (unit == "J") {
        const auto p = suited(joules, largest);
        return {p.text, p.factor};
    }
    if (unit == "bytes") {
        const auto p = suited(sizes, largest);
        return {p.text, p.factor};
    }
    if (unit == "share") return {"%", 0.01};
    if (unit == "tokens/s" || unit == "FLOP" || unit == "FLOP/s" || unit == "B/s" || unit == "Hz") {
        const auto p = suited(thousands, largest);
        // FLOP takes the prefix at once (GFLOP), words after a space (k tokens).
        const bool joined = unit != "tokens/s" || p.factor == 1;
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

std::optional<double> read_value(std::string_view text, std::string_view unit) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || !std::isfinite(value)) return {};
    text.remove_prefix(std::size_t(end - text.data()));
    while (text.starts_with(' ')) text.remove_prefix(1);
    if (text.empty()) return value;
    const auto scaled_by = [&](const auto& prefixes, std::string_view after) {
        for (const auto& p : prefixes)
            if (text == p.text + std::string(after)) return std::optional(value * p.factor);
        return std::optional<double>();
    };
    if (unit == "share") return text == "%" ? std::optional(value / 100) : std::nullopt;
    if (unit == "s") return text == "us" ? value * 1e-6 : scaled_by(seconds, "");
    if (unit == "J") return scaled_by(joules, "");
    if (unit != "bytes") return scaled_by(thousands, "");
    const auto binary = scaled_by(sizes, "");
    return binary ? binary : scaled_by(thousands, "B");
}

std::string with_unit(std::string_view number, std::string_view unit) {
    if (number == "1" && unit.size() > 1 && unit.ends_with('s')) // a second is "s" alone
        unit.remove_suffix(unit.ends_with("ches") ? 2 : 1);
    return std::string(number) + (unit.empty() ? "" : " ") + std::string(unit);
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

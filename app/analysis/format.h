#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace sweetspot {

/// A value with its unit for people: 1.23 ms, 4.56 GiB, 12.3 k tokens/s. Units as in MetricInfo.
std::string format_value(double value, std::string_view unit);

/// The unit prefix that suits the largest of several values, so that a column or an axis has one
/// unit:
/// {"ms", 1e-3}: divide by the factor and write the label in the head.
struct ScaledUnit {
    std::string label{};
    double factor = 1;
};
ScaledUnit scaled_unit(double largest, std::string_view unit);

/// Significant digits as tables show them, without an exponent where it can be helped.
std::string format_number(double value, int digits = 3);

/// A value as an axis tells it: exactly where seven digits can ("0.25", "2048", "120k"), else to
/// four. The minus is U+2212.
std::string format_tick(double value);

/// The number that people write for a unit: "24GiB", "24 GB", "20ms", "1%", "1e9", "12k"; without a
/// unit it is in MetricInfo's own, a share's in parts of one. Nothing if it is none.
std::optional<double> read_value(std::string_view text, std::string_view unit);

/// A number with a field's unit: "1 sequence", "8 sequences", "0.5 s", "3" without a unit.
std::string with_unit(std::string_view number, std::string_view unit);

/// "1 h 5 min", "42 s", "350 ms".
std::string format_duration(double seconds);

} // namespace sweetspot

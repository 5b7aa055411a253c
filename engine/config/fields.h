#pragma once
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

/// The finite numbers that make sense for a field: all, unless said otherwise.
struct Range {
    double least = std::numeric_limits<double>::lowest();
    double most = std::numeric_limits<double>::max();
    bool above = false; ///< least itself is out

    constexpr bool holds(double v) const { // false for what is not a number
        return (above ? v > least : v >= least) && v <= most;
    }
};
constexpr Range at_least(double least) {
    return {.least = least};
}
constexpr Range above(double least) {
    return {.least = least, .above = true};
}
constexpr Range between(double least, double most) {
    return {.least = least, .most = most};
}

struct RunConfig;

/// Where a field changes what a run does. Elsewhere it is ignored, and canonical() resets it; or it
/// is a demand that cannot be met, and impossible() says so.
struct Scope {
    std::string_view where{};                  ///< "task generate"; "" for everywhere
    bool (*holds)(const RunConfig&) = nullptr; ///< null for everywhere
    enum class Elsewhere { ignored, refused } elsewhere = Elsewhere::ignored;
    bool gpu_only = false; ///< it holds on a GPU alone, or for the plan of one

    bool applies(const RunConfig& config) const { return !holds || holds(config); }
};

/// What the text of a field is to who fills it in.
enum class TextKind {
    name, ///< a name or a list of names; commas part values
    path, ///< that, or a file
    free, ///< of people: one value, whatever it holds
};
/// How a field stands in the line that says what runs have in common.
enum class Headline { none, value, named };
/// Where a field's values stand when a plan is laid out as a table.
enum class GridSide { none, rows, columns };

/// All that there is to know of a field, the one place that says it: spec files, flags, help,
/// forms, the schema, checks, tables and keys are made from these. A field's spelling is the same
/// in all of them.
struct Field {
    std::string_view name{};
    std::string_view group{};   ///< where forms and help put it: model, data, optimizations, …
    std::string_view unit{};    ///< "" for a plain number or a name
    std::string_view meaning{}; ///< one line, without a full stop
    Range range{};              ///< of a number
    Scope scope{};              ///< where it matters
    TextKind text = TextKind::name;
    std::string_view also{}; ///< other spellings of its flag, "-s,-p"
    int front_line = 0;      ///< of what forms ask first, from 1; 0 = folded away with its group
    Headline headline = Headline::none;
    GridSide side = GridSide::none;
};

/// An enum whose values have names: names_of(e) gives all of them, in order.
template <class E>
concept Named = requires(E e) {
    names_of(e);
};

/// How one value is written as text and read back; specs, stores and forms all use these.
inline std::string to_text(bool v) {
    return v ? "true" : "false";
}
inline std::string to_text(const std::string& v) {
    return v;
}
template <class Number>
requires std::is_arithmetic_v<Number> std::string to_text(Number v) {
    char text[32]; // the shortest text that reads back to the same value
    return {text, std::to_chars(text, text + sizeof text, v).ptr};
}
/// A number as people write it: 1000000, not 1e+06.
inline std::string plain_text(double v) {
    return v > -1e15 && v < 1e15 && v == double(std::int64_t(v)) ? to_text(std::int64_t(v))
                                                                 : to_text(v);
}
template <Named E>
std::string to_text(E v) {
    return std::string(names_of(v)[std::size_t(v)]);
}

inline bool from_text(std::string_view text, bool& v) {
    v = text == "true";
    return v || text == "false";
}
inline bool from_text(std::string_view text, std::string& v) {
    v = text;
    return true;
}
template <class Number>
requires std::is_arithmetic_v<Number>
bool from_text(std::string_view text, Number& v) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    return error == std::errc{} && end == text.data() + text.size();
}
template <Named E>
bool from_text(std::string_view text, E& v) {
    const auto names = names_of(v);
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == text) {
            v = E(i);
            return true;
        }
    return false;
}

/// What may be written for a field: the names of an enum, true and false, or nothing where it is
/// free.
template <class T>
std::vector<std::string> choices(const T& v) {
    std::vector<std::string> all;
    if constexpr (Named<T>)
        for (const auto name : names_of(v)) all.emplace_back(name);
    if constexpr (std::is_same_v<T, bool>) all = {"false", "true"};
    return all;
}

/// Sets one field by name. False if there is no such field or the text does not fit it.
template <class Config>
bool set_field(Config& config, std::string_view name, std::string_view text) {
    bool done = false;
    each_field(config, [&](const Field& field, auto& value) {
        if (field.name == name) done = from_text(text, value);
    });
    return done;
}

/// One field as text; "" if there is no such field.
template <class Config>
std::string get_field(const Config& config, std::string_view name) {
    std::string text;
    each_field(const_cast<Config&>(config), [&](const Field& field, auto& value) {
        if (field.name == name) text = to_text(value);
    });
    return text;
}

} // namespace sweetspot

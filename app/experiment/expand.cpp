#include "app/experiment/spec.h"
#include "kernels/core/error.h"

// The values that people write for an axis, "1,2,4", "1-64*2", "128-1024+128" and nvbench's
// brackets, one by one. Flags, spec files and the form all come through here.

namespace sweetspot {

namespace {

constexpr std::size_t most_values = 100'000; // of one axis: more is a slip of the pen

[[noreturn]] void refuse(std::string_view part, const std::string& why) {
    throw Error(Failure::bad_input, "\"" + std::string(part) + "\" " + why);
}

/// A whole number at the start of `text`, which is taken off; false if there is none.
bool take_number(std::string_view& text, std::int64_t& v) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc{} || text.front() == '-') return false;
    text.remove_prefix(end - text.data());
    return true;
}

bool take(std::string_view& text, char letter) {
    if (text.empty() || text.front() != letter) return false;
    text.remove_prefix(1);
    return true;
}

/// How a range goes from one value to the next.
struct Step {
    std::int64_t value = 1;
    bool multiplies = false;
};

void add_range(std::string_view part, std::int64_t from, std::int64_t to, Step step, bool pow2,
               std::vector<std::string>& values) {
    if (to < from) refuse(part, "ends before it begins");
    if (step.value < 1 || (step.multiplies && (step.value < 2 || from < 1)))
        refuse(part, "never ends: it does not grow from value to value");
    if (pow2 && to > 62) refuse(part, "has powers of two above 2^62");
    for (auto v = from;;) {
        if (values.size() >= most_values)
            refuse(part, "makes more than " + to_text(most_values) + " values");
        values.push_back(to_text(pow2 ? std::int64_t(1) << v : v));
        const auto left = step.multiplies ? to / step.value : to - step.value;
        if (v > left) return;
        v = step.multiplies ? v * step.value : v + step.value;
    }
}

/// "1-64", "1-64*2" or "128-1024+128"; false for what does not look like one of them.
bool add_dashed(std::string_view part, std::vector<std::string>& values) {
    auto rest = part;
    std::int64_t from = 0, to = 0;
    Step step;
    if (!take_number(rest, from) || !take(rest, '-') || !take_number(rest, to)) return false;
    if (!rest.empty()) {
        step.multiplies = take(rest, '*');
        if (!step.multiplies && !take(rest, '+')) return false; // a name, such as 2024-01-data.csv
        if (!take_number(rest, step.value) || !rest.empty())
            refuse(part, "is not a range: after * or + comes one whole number");
    }
    add_range(part, from, to, step, false, values);
    return true;
}

/// "[1:64:2]", "[pow2]=[7:11]" or a list in brackets, "[1,2,4]".
void add_bracketed(std::string_view part, std::vector<std::string>& values) {
    auto rest = part;
    const bool pow2 = rest.starts_with("[pow2]=");
    if (pow2) rest.remove_prefix(std::string_view("[pow2]=").size());
    if (!rest.starts_with('[') || !rest.ends_with(']') || rest.size() < 3)
        refuse(part,
               "is not a range: write [FIRST:LAST], [FIRST:LAST:STEP] or [pow2]=[FIRST:LAST]");
    rest.remove_prefix(1), rest.remove_suffix(1);
    if (rest.find(':') == rest.npos && !pow2) {
        for (auto& value : expand_values(rest)) values.push_back(std::move(value));
        return;
    }
    std::int64_t from = 0, to = 0;
    Step step;
    if (!take_number(rest, from) || !take(rest, ':') || !take_number(rest, to) ||
        (take(rest, ':') && !take_number(rest, step.value)) || !rest.empty())
        refuse(part, "is not a range: write whole numbers as FIRST:LAST or FIRST:LAST:STEP");
    add_range(part, from, to, step, pow2, values);
}

/// Up to the next comma outside brackets, which is taken off with it.
std::string_view take_part(std::string_view& text) {
    int depth = 0;
    std::size_t end = 0;
    for (; end < text.size() && (depth > 0 || text[end] != ','); ++end)
        depth += (text[end] == '[') - (text[end] == ']');
    const auto part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

} // namespace

std::vector<std::string> expand_values(std::string_view text) {
    std::vector<std::string> values;
    if (trimmed(text).empty() || text.ends_with(','))
        refuse(text, "is a list of values with an empty place");
    while (!text.empty()) {
        const auto part = trimmed(take_part(text));
        if (part.empty()) refuse(text, "comes after an empty place in a list of values");
        if (part.starts_with('['))
            add_bracketed(part, values);
        else if (!add_dashed(part, values))
            values.emplace_back(part);
    }
    return values;
}

} // namespace sweetspot

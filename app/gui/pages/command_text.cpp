#include "app/gui/pages/command_text.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <optional>

namespace sweetspot::gui {
namespace {

/// As one word of a shell.
std::string shellWord(const std::string& text) {
    const bool plain = !text.empty() &&
                       text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789_-+=,./:") == std::string::npos;
    if (plain) return text;
    std::string word = "'";
    for (const char letter : text) word += letter == '\'' ? "'\\''" : std::string(1, letter);
    return word + "'";
}

/// " --field values"; nothing if the command line would read something else.
std::optional<std::string> flag(std::string field, const std::vector<std::string>& values) {
    std::string text;
    for (const std::string& value : values) text += (text.empty() ? "" : ",") + value;
    if (find_field(field)->text != TextKind::free) { // which is taken as it stands
        try {
            if (expand_values(text) != values) return {};
        } catch (const Error&) { // an empty value
            return {};
        }
    } else if (values.size() > 1) {
        return {};
    }
    std::replace(field.begin(), field.end(), '_', '-');
    const std::string joint = text.starts_with('-') ? "=" : " ";
    return " --" + field + joint + shellWord(text);
}

std::optional<std::string> flags(const Spec& spec) {
    if (!spec.points.empty()) return {};
    std::string all;
    bool said = true;
    const auto say = [&](const std::string& field, const std::vector<std::string>& values) {
        const auto text = flag(field, values);
        said = said && text;
        all += text.value_or("");
    };
    for (const RunField& field : run_fields()) {
        const std::string name(field.name), own = field.get(spec.base);
        const auto axis = std::find_if(spec.axes.begin(), spec.axes.end(),
                                       [&](const Axis& axis) { return axis.field == name; });
        if (axis != spec.axes.end())
            say(name, axis->values);
        else if (own != field.usual)
            say(name, {own});
    }
    if (spec.zip) all += " --zip";
    if (spec.name != spec.base.model) all += " --name " + shellWord(spec.name);
    return said ? std::optional(all) : std::nullopt;
}

} // namespace

std::string commandOf(const Spec& spec, const std::filesystem::path& store) {
    const std::string kept = store.empty() ? "" : " --store " + shellWord(store.string());
    if (const auto words = flags(spec)) return "sweetspot run" + *words + kept;
    return "sweetspot run /dev/stdin" + kept + " <<'SPEC'\n" + to_json(spec) + "\nSPEC";
}

} // namespace sweetspot::gui

#include "app/cli/spec_flags.h"
#include "app/experiment/printable.h"
#include "engine/config/nearest.h"
#include "engine/config/resources.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <filesystem>
#include <sstream>

// A spec from flags: every field is one, made from the field list, and lists and ranges become
// axes.

namespace sweetspot {

namespace {

/// "-b,--batch" or "--min-seconds,--min_seconds".
std::string flag_names(const Field& field) {
    std::string dashed(field.name);
    std::replace(dashed.begin(), dashed.end(), '_', '-');
    std::string names = "--" + dashed;
    if (dashed != field.name) names += ",--" + std::string(field.name);
    return field.also.empty() ? names : std::string(field.also) + "," + names;
}

std::string help_of(const RunField& field) {
    std::string help(field.meaning);
    for (std::size_t i = 0; i < field.choices.size(); ++i)
        help += (i ? " | " : ": ") + field.choices[i];
    if (!field.unit.empty()) help += " [" + std::string(field.unit) + "]";
    if (!field.usual.empty()) help += " (" + field.usual + ")";
    return field.scope.where.empty() ? help : help + "; for " + std::string(field.scope.where);
}

/// A path, or the name of an experiment that comes with the program.
std::filesystem::path spec_path(const std::string& text) {
    if (std::filesystem::exists(text)) return text;
    const auto preset = resource_path("experiments/" + text + ".json");
    if (std::filesystem::exists(preset)) return preset;
    std::vector<std::string> names;
    if (std::error_code none; std::filesystem::is_directory(resource_path("experiments"), none))
        for (const auto& entry : std::filesystem::directory_iterator(resource_path("experiments")))
            names.push_back(entry.path().stem());
    std::sort(names.begin(), names.end());
    throw Error(Failure::bad_input,
                "There is no spec file or experiment \"" + text + "\"" + did_you_mean(text, names));
}

Spec load(const std::string& text) {
    try {
        return load_spec(spec_path(text));
    } catch (const Error& e) { // a file that cannot be read is a wrong argument here
        throw Error(Failure::bad_input, e.what());
    }
}

/// "field=value,field=value": each field has that one value.
void assign(const std::string& text, std::map<std::string, std::vector<std::string>>& values) {
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) {
        const auto equals = part.find('=');
        if (equals == std::string::npos)
            throw Error(Failure::bad_input,
                        "\"" + part + "\" is no FIELD=VALUE in \"" + text + "\".");
        values[part.substr(0, equals)] = {part.substr(equals + 1)};
    }
}

} // namespace

void SpecFlags::add_to(CLI::App& command) {
    command.add_option("SPEC", file_,
                       "a spec file, or the name of one from `sweetspot list experiments`");
    for (const RunField& field : run_fields()) {
        auto* option = command.add_option(flag_names(field), by_field_[std::string(field.name)],
                                          help_of(field));
        option->group("Field: " + std::string(field.group))
            ->type_name("VALUES")
            ->allow_extra_args(false);
        if (field.kind == RunField::Kind::toggle)
            option->expected(0, 1)->default_str("true"); // a switch may stand alone
    }
    command
        .add_option("-a,--axis", axes_,
                    "values of any field, as FIELD=VALUES; without FIELD= of attention")
        ->type_name("FIELD=VALUES")
        ->allow_extra_args(false);
    command.add_option("--name", name_, "what the sweep is called (the model)")->type_name("NAME");
    command.add_flag("--zip", zip_, "let the axes go in step instead of making a grid");
    command.add_option("-r", exactly_, "measure exactly so many steps")->type_name("N");
    command.add_option("--max-noise", max_noise_percent_, "as --noise, in percent")
        ->type_name("PERCENT");
    command.add_flag("--no-warmup", no_warmup_, "as --warmup 0");
}

void SpecFlags::collect(std::map<std::string, std::vector<std::string>>& values) const {
    const auto add = [&](const std::string& field, const std::string& text) {
        auto& all = values[field];
        const RunField* known = find_field(field);
        if (known && known->text == TextKind::free)
            all.push_back(text);
        else
            for (auto& value : expand_values(text)) all.push_back(std::move(value));
    };
    for (const auto& [field, texts] : by_field_)
        for (const auto& text : texts) add(field, text);
    for (const auto& axis : axes_) {
        const auto equals = axis.find('=');
        std::string field = axis.substr(0, equals), text;
        if (equals == std::string::npos) {
            field = "attention";
            text = axis;
        } else {
            text = axis.substr(equals + 1);
            // nvbench writes sequence[pow2]=[7:11]: the mark belongs to the values.
            if (const auto mark = field.find('['); mark != std::string::npos) {
                text = field.substr(mark) + "=" + text;
                field = field.substr(0, mark);
            }
        }
        add(field, text);
    }
    if (!exactly_.empty()) values["repeats"] = values["max_repeats"] = {exactly_};
    if (no_warmup_) values["warmup"] = {"0"};
    if (!max_noise_percent_.empty()) {
        double percent = 0;
        if (!from_text(max_noise_percent_, percent))
            throw Error(Failure::bad_input, "--max-noise takes a number of percent, not \"" +
                                                max_noise_percent_ + "\".");
        values["noise"] = {to_text(percent / 100)};
    }
}

Spec SpecFlags::spec_with(const std::string& more) const {
    Spec spec;
    const bool assigns = more.find('=') != std::string::npos;
    if (const auto& file = more.empty() || assigns ? file_ : more; !file.empty()) spec = load(file);
    std::map<std::string, std::vector<std::string>> values;
    collect(values);
    if (assigns) assign(more, values);
    std::string wrong;
    const auto complain = [&](const std::string& sentence) {
        wrong += (wrong.empty() ? "" : "\n") + sentence;
    };
    for (const auto& [field, texts] : values) {
        if (!find_field(field)) {
            complain(problem_of(field, ""));
            continue;
        }
        std::erase_if(spec.axes, [&](const Axis& axis) { return axis.field == field; });
        for (const auto& text : texts)
            if (const auto problem = problem_of(field, text); !problem.empty()) complain(problem);
    }
    if (!is_utf8(name_)) complain("--name is not UTF-8.");
    if (!wrong.empty()) throw Error(Failure::bad_input, wrong);
    for (const RunField& known : run_fields()) {
        const std::string field(known.name);
        const auto found = values.find(field);
        if (found == values.end() || found->second.empty()) continue;
        if (found->second.size() == 1)
            set_field(spec.base, field, found->second.front());
        else
            spec.axes.push_back({field, found->second});
    }
    if (zip_) spec.zip = true;
    if (!name_.empty()) spec.name = name_;
    if (spec.name.empty()) spec.name = spec.base.model;
    if (assigns) spec.name += ", " + more;
    return spec;
}

} // namespace sweetspot

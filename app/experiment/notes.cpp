#include "app/experiment/notes.h"
#include "app/experiment/plan.h"
#include <algorithm>

namespace sweetspot {

namespace {

/// How a spec's points use a field.
struct Use {
    bool somewhere = false, everywhere = true;
};

std::vector<Use> uses_of(const Spec& spec) {
    const auto& fields = run_fields();
    std::vector<Use> uses(fields.size());
    each_point(spec, [&](const RunConfig& config) {
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const bool applies = fields[i].applies(config);
            uses[i].somewhere |= applies;
            uses[i].everywhere &= applies;
        }
    });
    return uses;
}

/// "" if there is nothing to say. `count`: values of its axis, 0 if it is none.
std::string sentence(const RunField& field, const Use& use, std::size_t count,
                     const std::string& base) {
    const std::string name(field.name), where(field.scope.where);
    const bool asked = count > 1 || (count == 0 && base != field.usual);
    if (!asked || field.scope.elsewhere == Scope::Elsewhere::refused) return {};
    if (!use.somewhere && count > 1)
        return name + " changes nothing, its " + to_text(count) + " values are one: it is for " +
               where;
    if (!use.somewhere) return name + " " + base + " changes nothing: it is for " + where;
    if (count > 1 && !use.everywhere) return name + " is varied only where it applies: " + where;
    return {};
}

} // namespace

SpecNotes notes_on(const Spec& spec) {
    SpecNotes notes;
    const auto uses = uses_of(spec);
    const auto& fields = run_fields();
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const std::string name(fields[i].name);
        const auto axis = std::find_if(spec.axes.begin(), spec.axes.end(),
                                       [&](const Axis& axis) { return axis.field == name; });
        const auto count = axis == spec.axes.end() ? 0 : axis->values.size();
        if (!uses[i].somewhere) notes.unused[name] = fields[i].scope.where;
        if (auto said = sentence(fields[i], uses[i], count, fields[i].get(spec.base));
            !said.empty())
            notes.sentences[name] = std::move(said);
    }
    return notes;
}

} // namespace sweetspot

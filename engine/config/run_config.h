#pragma once
#include "engine/config/adapters.h"
#include "engine/config/checkpointing.h"
#include "engine/config/data_choice.h"
#include "engine/config/generation.h"
#include "engine/config/measurement.h"
#include "engine/config/model_choice.h"
#include "engine/config/optimizations.h"
#include "engine/config/probe.h"
#include "engine/config/pruning.h"
#include "engine/config/quality.h"
#include "engine/config/training.h"
#include <functional>

namespace sweetspot {

/// All that decides what one run does and how it is measured, by groups. Equal configs do equal
/// work; those whose canonical() are equal do, too.
struct RunConfig : ModelChoice,
                   DataChoice,
                   Optimizations,
                   Quality,
                   Generation,
                   Measurement,
                   Training,
                   AdapterChoice,
                   Checkpointing,
                   Pruning,
                   Probe {
    bool operator==(const RunConfig&) const = default;
};

/// What a run's quality pass does, as a run of its own: task perplexity of the pass's data in its
/// windows. Of random tokens, if it has no others.
RunConfig quality_pass_of(const RunConfig&);
/// The run whose data a calibrated pruning looks at: task perplexity of prune_data, of the model as
/// it is.
RunConfig calibration_of(const RunConfig&);

/// Calls visit(Field, &Group::member) for each field of a group.
template <class Group, class Visit>
void each_field_of(Visit&& visit) {
    Group::each_field([&](Field field, auto member) {
        field.group = Group::group;
        visit(field, member);
    });
}
/// Likewise for each group.
template <class Visit>
void each_run_field(Visit&& visit) {
    each_field_of<ModelChoice>(visit);
    each_field_of<DataChoice>(visit);
    each_field_of<Optimizations>(visit);
    each_field_of<Pruning>(visit);
    each_field_of<Quality>(visit);
    each_field_of<Probe>(visit);
    each_field_of<Generation>(visit);
    each_field_of<Measurement>(visit);
    each_field_of<Training>(visit);
    each_field_of<AdapterChoice>(visit);
    each_field_of<Checkpointing>(visit);
}

/// Calls visit(Field, value) for each field of a configuration.
template <class Config, class Visit>
requires std::is_same_v<std::remove_const_t<Config>, RunConfig>
void each_field(Config& config, Visit&& visit) {
    each_run_field([&](const Field& field, auto member) { visit(field, config.*member); });
}

/// A field of RunConfig as plain facts, for who has no use for its type.
struct RunField : Field {
    enum class Kind { whole, number, toggle, choice, text };

    Kind kind = Kind::text;
    std::vector<std::string> choices{}; ///< of a toggle or choice, in order
    std::string usual{};                ///< its value in RunConfig{}
    std::function<std::string(const RunConfig&)> get{};
    std::function<bool(RunConfig&, std::string_view)> set{}; ///< false: the text is no value

    bool is_number() const { return kind == Kind::whole || kind == Kind::number; }
    bool applies(const RunConfig& config) const { return scope.applies(config); }
};
/// All of them, group by group.
const std::vector<RunField>& run_fields();
/// Null if there is no such field.
const RunField* find_field(std::string_view name);

/// Sets one field by name. False if there is no such field or the text does not fit it.
bool set_field(RunConfig&, std::string_view name, std::string_view text);
/// One field as text; "" if there is no such field.
std::string get_field(const RunConfig&, std::string_view name);

/// Why a text is no value of a field, a sentence with the nearest right name or the range; "" if it
/// is one.
std::string misfit(std::string_view field, std::string_view value);

/// Why a value is out of its field's range, as misfit() says it; "" if it is not.
template <class T>
std::string out_of_range(const Field& field, const T& value) {
    if constexpr (std::is_arithmetic_v<T>)
        if (!field.range.holds(double(value))) return misfit(field.name, to_text(value));
    return {};
}

/// The configuration that does the same with each field that does not apply to it at its usual
/// value: what two configs that differ in nothing else have in common. A demand that cannot be met
/// stays, for impossible() to refuse.
RunConfig canonical(RunConfig);

} // namespace sweetspot

#include "engine/config/run_config.h"
#include "engine/config/nearest.h"
#include <unordered_map>

// The field list as plain facts, for all that need no types: find, set, get, and what does not fit.

namespace sweetspot {

namespace {

std::string in_quotes(std::string_view text) {
    return '"' + std::string(text) + '"';
}

std::string describe(const Range& range) {
    const bool from = range.least > Range{}.least, to = range.most < Range{}.most;
    if (from && to && !range.above)
        return " from " + plain_text(range.least) + " to " + plain_text(range.most);
    std::string text;
    if (from) text = (range.above ? " above " : " of at least ") + plain_text(range.least);
    if (to) text += (from ? " and at most " : " of at most ") + plain_text(range.most);
    return text;
}

template <class T>
RunField::Kind kind_of(const T&) {
    if constexpr (std::is_same_v<T, bool>) return RunField::Kind::toggle;
    if constexpr (std::is_floating_point_v<T>) return RunField::Kind::number;
    if constexpr (std::is_integral_v<T>) return RunField::Kind::whole;
    if constexpr (Named<T>) return RunField::Kind::choice;
    return RunField::Kind::text;
}

std::vector<RunField> make_run_fields() {
    std::vector<RunField> all;
    const RunConfig usual;
    each_run_field([&](const Field& field, auto member) {
        RunField made{field};
        made.kind = kind_of(usual.*member);
        made.choices = choices(usual.*member);
        made.usual = to_text(usual.*member);
        made.get = [member](const RunConfig& config) { return to_text(config.*member); };
        made.set = [member](RunConfig& config, std::string_view text) {
            return from_text(text, config.*member);
        };
        all.push_back(std::move(made));
    });
    return all;
}

} // namespace

const std::vector<RunField>& run_fields() {
    static const std::vector<RunField> all = make_run_fields();
    return all;
}

const RunField* find_field(std::string_view name) {
    static const auto by_name = [] {
        std::unordered_map<std::string_view, const RunField*> fields;
        for (const RunField& field : run_fields()) fields[field.name] = &field;
        return fields;
    }();
    const auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : found->second;
}

bool set_field(RunConfig& config, std::string_view name, std::string_view text) {
    const RunField* field = find_field(name);
    return field && field->set(config, text);
}

std::string get_field(const RunConfig& config, std::string_view name) {
    const RunField* field = find_field(name);
    return field ? field->get(config) : std::string();
}

std::string misfit(std::string_view name, std::string_view text) {
    const RunField* field = find_field(name);
    if (!field) {
        std::vector<std::string_view> names;
        for (const RunField& other : run_fields()) names.push_back(other.name);
        return "there is no field " + in_quotes(name) + did_you_mean(name, names);
    }
    RunConfig config;
    double number = 0;
    const bool read = field->set(config, text);
    if (read && (!field->is_number() || (from_text(text, number) && field->range.holds(number))))
        return {};
    if (!field->is_number())
        return in_quotes(name) + " cannot be " + in_quotes(text) +
               did_you_mean(text, field->choices);
    const bool whole = field->kind == RunField::Kind::whole;
    return in_quotes(name) + " is " + (whole ? "a whole number" : "a number") +
           describe(field->range) + ", not " + in_quotes(text);
}

RunConfig quality_pass_of(const RunConfig& run) {
    RunConfig pass = canonical(run); // a prompt's run reads no `data`
    if (!pass.quality_data.empty()) pass.data = pass.quality_data;
    pass.task = Task::perplexity;
    if (pass.data != "random") pass.sequence = pass.quality_window;
    pass.token_budget = 0;
    pass.prune_steps = 0; // of a training, whose weights are all pruned by then
    pass.launch = LaunchMode::eager;
    return canonical(pass); // now all that is of the task or the pass is as usual
}

RunConfig calibration_of(const RunConfig& run) {
    RunConfig text;
    text.model = run.model;
    text.weights = run.weights;
    text.threads = run.threads;
    text.task = Task::perplexity;
    text.data = run.prune_data;
    text.column = run.column;
    text.tokenizer = run.tokenizer;
    text.unknown_letters = run.unknown_letters;
    text.sequence = run.prune_window;
    text.max_tokens = std::int64_t(run.prune_windows) * run.prune_window;
    text.batch = 8;
    text.layout = Layout::ragged; // padding would count as text
    return text;
}

RunConfig canonical(RunConfig config) {
    static const RunConfig usual;
    const RunConfig asked = config; // scopes look at what was asked for, whatever is reset already
    each_run_field([&](const Field& field, auto member) {
        if (field.scope.elsewhere == Scope::Elsewhere::ignored && !field.scope.applies(asked))
            config.*member = usual.*member;
    });
    return config;
}

} // namespace sweetspot

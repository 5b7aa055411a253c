#include "engine/config/possible.h"

namespace sweetspot {

namespace {

std::optional<std::string> out_of_range(RunConfig run) {
    std::optional<std::string> wrong;
    each_field(run, [&](const Field& field, auto& value) {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>)
            if (!wrong && !field.range.holds(double(value)))
                wrong = std::string(field.name) + " cannot be " + to_text(value);
    });
    if (!wrong && run.max_repeats < run.repeats)
        wrong = "max_repeats (" + to_text(run.max_repeats) + ") is below repeats (" +
                to_text(run.repeats) + ")";
    return wrong;
}

std::optional<std::string> wrong_task(const RunConfig& run, const ModelConfig& model) {
    if (run.task == Task::generate && !model.causal)
        return model.name + " cannot generate: its tokens see those after them";
    if (run.task != Task::perplexity) return {};
    if (run.pseudo_perplexity && model.causal)
        return "pseudo_perplexity is for models that see both sides; " + model.name + " is causal";
    if (model.causal && run.sequence < 2)
        return "the perplexity of " + model.name + " needs a sequence of at least 2 tokens";
    return {};
}

} // namespace

std::optional<std::string> impossible(const RunConfig& run, const ModelConfig& model) {
    if (auto wrong = out_of_range(run)) return wrong;
    if (auto wrong = wrong_task(run, model)) return wrong;
    if (model.position == PositionStyle::learned) {
        const bool generates = run.task == Task::generate;
        const int longest = generates ? run.new_tokens : run.sequence;
        if (longest > model.positions)
            return (generates ? "new_tokens " : "sequence ") + std::to_string(longest) +
                   " is longer than the " + std::to_string(model.positions) + " positions of " +
                   model.name;
    }
    return {};
}

} // namespace sweetspot

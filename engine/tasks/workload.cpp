#include "engine/config/as_published.h"
#include "engine/config/catalogue.h"
#include "engine/config/possible.h"
#include "engine/tasks/tasks.h"

namespace sweetspot {

ModelWorkload::ModelWorkload(const RunConfig& config, const ModelConfig& model, int longest,
                             Context& context)
    : config_(config), context_(context), parameters_(parameters_used(model, config)) {
    auto loaded = weights_for(config, model, context);
    provenance_ = loaded.provenance;
    model_.emplace(model, config, std::move(loaded.weights), longest, context);
}

Outcome ModelWorkload::completed(Outcome outcome) const {
    outcome.moved_bytes = std::int64_t(model_->access().moved_bytes() - moved_before_);
    outcome.weight_note = format_note(config_.weight_format, model_->config());
    if (config_.dropout > 0)
        outcome.caveat = "dropout changes the function: it is there to be measured";
    if (const std::string of_study = caveat_of(config_.as_published); !of_study.empty())
        outcome.caveat = of_study;
    return outcome;
}

std::unique_ptr<Workload> make_workload(const RunConfig& config, Context& context,
                                        Witness* witness) {
    const ModelConfig model = load_model_config(config.model);
    if (const auto reason = impossible(config, model)) throw Error(Failure::bad_input, *reason);
    switch (config.task) {
    case Task::forward: return make_forward(config, model, context);
    case Task::perplexity: return make_perplexity(config, model, context, witness);
    case Task::generate: return make_generate(config, model, context);
    case Task::train: return make_train(config, model, context);
    }
    throw Error(Failure::bug, "a task that has no workload");
}

} // namespace sweetspot

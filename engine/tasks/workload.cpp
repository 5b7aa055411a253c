#include "engine/config/as_published.h"
#include "engine/config/catalogue.h"
#include "engine/config/possible.h"
#include "engine/config/pruned_model.h"
#include "engine/tasks/tasks.h"

namespace sweetspot {

LoadedModel load_model(const RunConfig& config, const ModelConfig& model, Context& context) {
    LoadedModel y;
    auto loaded = weights_for(config, model, context, [&](WeightSource& source) {
        return load_pruned(model, config, source, context, y.pruning);
    });
    y.provenance = std::move(loaded.provenance);
    y.rounding = rounding_note(loaded.weights) + times_note(loaded.weights, context);
    y.weights = std::move(loaded.weights);
    return y;
}

ModelWorkload::ModelWorkload(const RunConfig& config, const ModelConfig& model, int longest,
                             Context& context, LoadedModel* lent)
    : config_(config), context_(context), lent_(lent) {
    LoadedModel own;
    if (!lent) own = load_model(config, model, context);
    LoadedModel& loaded = lent ? *lent : own;
    provenance_ = loaded.provenance;
    pruning_ = loaded.pruning;
    rounding_ = loaded.rounding;
    const ModelConfig left = pruned_model(model, config);
    parameters_ = parameters_used(left, config);
    model_.emplace(left, config, std::move(loaded.weights), longest, context);
}

ModelWorkload::~ModelWorkload() {
    if (lent_) lent_->weights = model_->release_weights();
}

Outcome ModelWorkload::completed(Outcome outcome) const {
    outcome.moved_bytes = std::int64_t(model_->access().moved_bytes() - moved_before_);
    outcome.weight_note = format_note(config_.weight_format, model_->config()) + rounding_;
    if (!provenance_.note.empty())
        outcome.weight_note += (outcome.weight_note.empty() ? "" : "; ") + provenance_.note;
    outcome.pruning = pruning_;
    const auto add = [&](const std::string& caveat) {
        if (!caveat.empty()) outcome.caveat += (outcome.caveat.empty() ? "" : "; ") + caveat;
    };
    if (config_.dropout > 0) add("dropout changes the function: it is there to be measured");
    add(caveat_of(config_.as_published));
    if (scope::is_pruned(config_) && !provenance_.loaded && config_.task != Task::probe)
        add("the weights that were pruned are random: they have learned nothing that pruning could "
            "take away, so that answers stay as bad as they are at any sparsity");
    return outcome;
}

std::unique_ptr<Workload> make_workload(const RunConfig& config, Context& context, Witness* witness,
                                        LoadedModel* lent, const Progress& progress) {
    const ModelConfig model = load_model_config(config.model);
    if (const auto reason = impossible(config, model)) throw Error(Failure::bad_input, *reason);
    switch (config.task) {
    case Task::forward: return make_forward(config, model, context, lent);
    case Task::perplexity: return make_perplexity(config, model, context, witness, lent);
    case Task::generate: return make_generate(config, model, context, lent);
    case Task::train: return make_train(config, model, context, progress);
    case Task::probe: return make_probe(config, model, context);
    }
    throw Error(Failure::bug, "a task that has no workload");
}

} // namespace sweetspot

#include "app/worker/quality.h"
#include "app/experiment/statistics.h"
#include "app/worker/environment.h"
#include "app/worker/predict.h"
#include "app/worker/trace.h"
#include "engine/config/catalogue.h"
#include "engine/config/possible.h"
#include "engine/config/sha256.h"
#include "engine/tasks/tasks.h"
#include <algorithm>
#include <cmath>
#include <limits>

// The pass that tells what a run's answers are worth. It is task perplexity on data of its own, and
// with a reference somebody looks on.

namespace sweetspot {

namespace {

void refuse_unless_empty(const std::string& why) {
    if (!why.empty()) throw Error(Failure::bad_input, why);
}

std::string data_hash(const std::optional<DataSource>& data) {
    return data ? data->sha256 : "";
}

/// What a training leaves behind is what is assessed.
RunConfig trained(RunConfig run) {
    if (run.task != Task::train) return run;
    run.weights = run.save;
    if (scope::is_pruned(run) && is_structured(run.prune_pattern))
        run.model = run.save;  // heads or channels are gone
    run.prune = PruneBy::none; // they are pruned already
    return run;
}

std::string own_reference_name(const RunConfig& run) {
    return run.reference == "padded" ? "padded batches" : "the dense model";
}

void emit_differences(const ReferenceComparison& found, const Emit& emit) {
    const Agreement& agreement = found.agreement();
    if (agreement.tokens() == 0) return;
    emit(Metric{"logit_difference_max", agreement.largest()});
    emit(Metric{"logit_difference_mean", agreement.mean()});
    std::vector<double> sorted = agreement.divergences();
    double sum = 0;
    for (const double kl : sorted) sum += kl;
    if (std::isnan(sum)) sorted = {sum}; // an order of what is not a number is none
    std::sort(sorted.begin(), sorted.end());
    emit(Metric{"kl_mean", sum / double(agreement.tokens())});
    emit(Metric{"kl_median", quantile(sorted, 0.5)});
    emit(Metric{"kl_p99", quantile(sorted, 0.99)});
    emit(Metric{"top1_agreement", agreement.top1()});
    const DifferenceCounts& counts = agreement.counts();
    if (counts.equal)
        emit(DifferenceBin{-std::numeric_limits<double>::infinity(), DifferenceCounts::from(0),
                           counts.equal});
    for (int i = 0; i < DifferenceCounts::size; ++i)
        if (const auto count = counts.bins[std::size_t(i)])
            emit(DifferenceBin{DifferenceCounts::from(i), DifferenceCounts::from(i + 1), count});
    for (const auto& [batch, largest] : found.largest_of_batches())
        emit(BatchDifference{batch, largest});
    const Spread& spread = found.spread();
    for (int i = 0; i < Spread::size; ++i)
        emit(LogitBin{spread.from(i), spread.from(i + 1), spread.reference(i), spread.run(i)});
    found.each_place([&](int layer, BlockPlace place, double relative) {
        emit(LayerDifference{layer, place, relative});
    });
}

} // namespace

Metric quality_memory(const DeviceTotals& totals) {
    return {"quality_peak_bytes", double(totals.memory.peak_total)};
}

void check_quality(const RunConfig& config) {
    if (!scope::is_assessed(config)) return;
    const RunConfig pass = quality_pass_of(config);
    const ModelConfig model = load_model_config(pass.model);
    if (const auto reason = impossible(config, model)) throw Error(Failure::bad_input, *reason);
    const RunData data = scored_data(pass, model);
    if (scope::is_referred(config) && !has_own_reference(config))
        refuse_unless_empty(why_not_held_against(read_reference(config.reference).head,
                                                 scored_tokens(data, pass, model),
                                                 data_hash(data.source)));
    forget_peak_rss(); // this is no part of what is measured
}

void assess(const RunConfig& config, const Emit& emit, ModelKeeper& keeper) {
    if (!scope::is_assessed(config)) return;
    emit(Phase{"quality", 0});
    const RunConfig run = trained(config);
    const RunConfig pass = quality_pass_of(run);
    std::optional<Reference> reference;
    std::optional<ReferenceComparison> comparison;
    if (scope::is_referred(run)) {
        if (has_own_reference(run)) keeper.close(); // so that two models never lie in memory
        reference = has_own_reference(run)
                        ? record_reference(own_reference_of(run), own_reference_name(run), emit)
                        : read_reference(run.reference);
        comparison.emplace(*reference, load_model_config(pass.model));
    }
    DeviceContext& device = keeper.open(pass);
    const auto work = keeper.load(pass, comparison ? &*comparison : nullptr);
    run_step(*work, device.context());
    emit(quality_memory(device.totals()));
    emit_loss(work->outcome(), emit);
    if (const auto& note = work->outcome().data_note; !note.empty())
        emit(Text{"quality_data", note});
    const ScoredTokens scored = *work->scored();
    Scored line = scored_line(scored, work->data());
    if (comparison) { // the file may have been replaced meanwhile
        refuse_unless_empty(why_not_held_against(reference->head, scored, data_hash(work->data())));
        line.reference = reference->head.run;
        line.reference_sha256 = reference->sha256;
        line.reference_tokens = reference->head.tokens;
    }
    emit_scored(line, scored.losses, emit);
    if (comparison) emit_differences(*comparison, emit);
}

Reference record_reference(const RunConfig& config, const std::string& name, const Emit& emit) {
    const bool is_pass = config.task == Task::perplexity;
    if (config.device == DeviceKind::plan || !scope::is_scored(config))
        throw Error(Failure::bad_input, name + " has no quality pass to keep: measure it on cpu or "
                                               "cuda with --quality perplexity");
    RunConfig pass = is_pass ? config : quality_pass_of(config);
    pass.launch = LaunchMode::eager;
    emit(Phase{"load", 0});
    const ModelConfig model = load_model_config(pass.model);
    ReferenceKeeper keeper(model);
    DeviceContext device(pass);
    require_memory(pass, predict(pass), device);
    const auto work = make_workload(pass, device.context(), &keeper);
    emit(Phase{"quality", 0});
    run_step(*work, device.context());
    const ScoredTokens scored = *work->scored();
    auto& head = keeper.kept.head;
    head.run = name;
    head.model = model.name;
    head.precision = to_text(pass.precision);
    head.data_sha256 = data_hash(work->data());
    head.tokenizer = scored.tokenizer;
    head.marks = scored.marks;
    head.tokens_sha256 = scored.sha256;
    head.window = scored.window;
    return std::move(keeper.kept);
}

} // namespace sweetspot

#include "app/worker/emit.h"
#include "app/experiment/label_scores.h"
#include "app/experiment/metrics.h"
#include "app/experiment/printable.h"
#include "app/experiment/text_scores.h"
#include <algorithm>
#include <cmath>

namespace sweetspot {

void emit_memory(const DeviceTotals& totals, const Emit& emit) {
    emit(Metric{"peak_bytes", double(totals.memory.peak_total)});
    for (std::size_t p = 0; p < purpose_count; ++p)
        emit(Metric{peak_metric(Purpose(p)), double(totals.memory.at_peak[p])});
    if (totals.pinned_peak) emit(Metric{"peak_pinned_bytes", double(totals.pinned_peak)});
    if (!totals.pool.peak_reserved) return;
    emit(Metric{"peak_reserved_bytes", double(totals.pool.peak_reserved)});
    emit(Metric{"fragmentation", totals.pool.fragmentation()});
}

/// How near what was generated comes to how the data go on.
static void emit_text_scores(const Outcome& outcome, const Emit& emit) {
    for (const Metric& metric : metrics_of(score_texts(outcome.continuations, outcome.expected)))
        emit(metric);
    std::string lines;
    for (const std::string& text : outcome.expected) lines += (lines.empty() ? "" : "\n") + text;
    emit(Text{"expected", lines});
}

void emit_outcome(const Outcome& outcome, const Emit& emit) {
    emit(Metric{"tokens_nominal", double(outcome.tokens.nominal)});
    emit(Metric{"tokens_padded", double(outcome.tokens.padded)});
    emit(Metric{"tokens_computed", double(outcome.tokens.computed)});
    emit_loss(outcome, emit);
    if (outcome.replaced_letters)
        emit(Metric{"replaced_letters", double(outcome.replaced_letters)});
    if (outcome.trainable_parameters)
        emit(Metric{"trainable_parameters", double(outcome.trainable_parameters)});
    if (outcome.skipped_steps) emit(Metric{"skipped_steps", double(outcome.skipped_steps)});
    if (outcome.merge_error) emit(Metric{"merge_error", *outcome.merge_error});
    if (outcome.moved_bytes) emit(Metric{"moved_bytes", double(outcome.moved_bytes)});
    if (outcome.offload_bytes) emit(Metric{"offload_bytes", double(outcome.offload_bytes)});
    if (!outcome.text.empty()) emit(Text{"generated", outcome.text});
    // Bytes that are no letter become one when they are written, of another length.
    if (!outcome.text.empty() && is_utf8(outcome.text))
        emit(Text{"generated_tokens", outcome.text_tokens});
    if (!outcome.expected.empty()) emit_text_scores(outcome, emit);
    if (!outcome.data_note.empty()) emit(Text{"data", outcome.data_note});
    if (!outcome.saved_sha256.empty()) emit(Text{"saved_sha256", outcome.saved_sha256});
    if (!outcome.saved_adapter_sha256.empty())
        emit(Text{"saved_adapter_sha256", outcome.saved_adapter_sha256});
    if (!outcome.adapter_sha256.empty()) emit(Text{"adapter_sha256", outcome.adapter_sha256});
    if (!outcome.resumed.empty()) emit(Text{"resumed", outcome.resumed});
    if (!outcome.weight_note.empty()) emit(Text{"weight_formats", outcome.weight_note});
    if (outcome.pruning.prunable) {
        emit(Metric{"prunable_weights", double(outcome.pruning.prunable)});
        emit(Metric{"pruned_share",
                    double(outcome.pruning.pruned) / double(outcome.pruning.prunable)});
    }
    if (!outcome.pruning.note.empty()) emit(Text{"pruning", outcome.pruning.note});
    if (!outcome.caveat.empty()) emit(Text{"caveat", outcome.caveat});
}

void emit_loss(const Outcome& outcome, const Emit& emit) {
    if (!outcome.loss_nats) return;
    emit(Metric{"loss_nats", *outcome.loss_nats});
    emit(Metric{"perplexity", std::exp(*outcome.loss_nats)});
    if (outcome.mean_exponential) emit(Metric{"mean_exponential", *outcome.mean_exponential});
    emit(Metric{"scored_tokens", double(outcome.scored_tokens)});
}

Scored scored_line(const ScoredTokens& scored, const std::optional<DataSource>& data) {
    return {.data = data ? data->path : "",
            .data_sha256 = data ? data->sha256 : "",
            .tokenizer = scored.tokenizer,
            .vocabulary = scored.vocabulary,
            .window = scored.window,
            .marks = scored.marks,
            .tokens_sha256 = scored.sha256};
}

void emit_scored(const Scored& scored, std::span<const float> losses, const Emit& emit) {
    emit(scored);
    constexpr std::size_t most = 1 << 18; // of a line: 1.4 MB as text
    for (; !losses.empty(); losses = losses.subspan(std::min(most, losses.size()))) {
        const auto line = losses.first(std::min(most, losses.size()));
        emit(TokenLosses{{line.begin(), line.end()}});
    }
}

void emit_predicted(const Predicted& predicted, const Emit& emit) {
    emit(Text{"head", predicted.head});
    emit(Text{"split", predicted.split});
    if (predicted.classes.empty()) {
        const NumberScores scores = score_numbers(predicted.numbers, predicted.expected_numbers);
        if (scores.pearson) emit(Metric{"pearson", *scores.pearson});
        if (scores.spearman) emit(Metric{"spearman", *scores.spearman});
        emit(Metric{"rmse", scores.rmse});
        return;
    }
    const ClassScores scores = score_classes(predicted.classes, predicted.expected_classes);
    emit(Metric{"accuracy", scores.accuracy});
    emit(Metric{"macro_f1", scores.macro_f1});
    emit(Text{"confusion", dump(confusion_json(scores.confusion))});
}

void emit_sources(const Provenance& weights, std::int64_t parameters,
                  const std::optional<DataSource>& data, const Emit& emit) {
    emit(WeightsUsed{weights.loaded, weights.path, weights.sha256, weights.seed, parameters});
    if (data) emit(DataUsed{data->path, data->sha256, data->sequences, data->letters});
}

} // namespace sweetspot

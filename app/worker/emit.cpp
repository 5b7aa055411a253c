#include "app/worker/emit.h"
#include "app/experiment/metrics.h"
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

void emit_outcome(const Outcome& outcome, const Emit& emit) {
    emit(Metric{"tokens_nominal", double(outcome.tokens.nominal)});
    emit(Metric{"tokens_padded", double(outcome.tokens.padded)});
    emit(Metric{"tokens_computed", double(outcome.tokens.computed)});
    if (outcome.loss_nats) {
        emit(Metric{"loss_nats", *outcome.loss_nats});
        emit(Metric{"perplexity", std::exp(*outcome.loss_nats)});
        emit(Metric{"scored_tokens", double(outcome.scored_tokens)});
    }
    if (outcome.replaced_letters)
        emit(Metric{"replaced_letters", double(outcome.replaced_letters)});
    if (outcome.moved_bytes) emit(Metric{"moved_bytes", double(outcome.moved_bytes)});
    if (!outcome.text.empty()) emit(Text{"generated", outcome.text});
    if (!outcome.data_note.empty()) emit(Text{"data", outcome.data_note});
    if (!outcome.resumed.empty()) emit(Text{"resumed", outcome.resumed});
    if (!outcome.caveat.empty()) emit(Text{"caveat", outcome.caveat});
}

void emit_sources(const Provenance& weights, std::int64_t parameters,
                  const std::optional<DataSource>& data, const Emit& emit) {
    emit(WeightsUsed{weights.loaded, weights.path, weights.sha256, weights.seed, parameters});
    if (data) emit(DataUsed{data->path, data->sha256, data->sequences, data->letters});
}

} // namespace sweetspot

#pragma once
#include "app/analysis/compare.h"
#include "app/analysis/pareto.h"
#include "app/analysis/rounds.h"
#include <optional>

namespace sweetspot {

/// What a metric is called by people who weigh runs against each other: "memory", "time-per-token";
/// its name and its title, their words joined by - or _, do as well.
struct ObjectiveName {
    std::string_view called{}, metric{};
};
inline constexpr std::array objective_names{
    ObjectiveName{"time", "step_seconds"},
    ObjectiveName{"time-per-token", "kilotoken_seconds"},
    ObjectiveName{"first-token", "prefill_seconds"},
    ObjectiveName{"next-token", "decode_seconds"},
    ObjectiveName{"load", "load_seconds"},
    ObjectiveName{"energy", "step_joules"},
    ObjectiveName{"energy-per-token", "kilotoken_joules"},
    ObjectiveName{"throughput", "tokens_per_second"},
    ObjectiveName{"memory", "peak_bytes"},
    ObjectiveName{"reserved-memory", "peak_reserved_bytes"},
    ObjectiveName{"process-memory", "rss_bytes"},
    ObjectiveName{"model-size", "peak_weights_bytes"},
    ObjectiveName{"quality", "perplexity"},
};

/// Null if none is called so.
const MetricInfo* metric_called(std::string_view name);
/// Throws Error(bad_input) with the nearest right name, or if the metric has no better direction.
const MetricInfo& objective_called(std::string_view name);

/// A run by a metric that is better lower or higher, as what is better lower. Its bounds are what
/// verdicts go by: of a time what its rounds bear (log_bounds; nothing where the run is flagged),
/// of memory the number itself, of loss and perplexity the number give or take rounding, of a
/// number that varies from run to run nothing. `turn_about`: all_turn_about() of the runs it is
/// held against.
std::optional<Bounded> bounded_value(const RunRecord&, const MetricInfo&, bool turn_about,
                                     const CompareOptions& = {});
/// The same of a run that has a value, of which it is known how it is judged and what its rounds
/// gave: none where it is flagged.
Bounded bounded_value(double value, const MetricInfo&, Judgement, std::span<const RoundValue>,
                      bool turn_about, const CompareOptions& = {});
/// Why a run that is done has none, without a full stop: "has random weights, ...".
std::string why_no_value(const RunRecord&, const MetricInfo&);

} // namespace sweetspot

#pragma once
#include "app/analysis/statistics.h"

namespace sweetspot {

/// How long runs will take, from predicted work and what this machine did before.
class TimeEstimate {
public:
    /// Learns from runs that were measured: the rate by device and precision, the most recent last.
    explicit TimeEstimate(std::span<const RunRecord> history);

    /// Adds what a run that just ended tells.
    void learn(const RunRecord&);

    /// Seconds of one step with so much work; nothing if nothing comparable was ever measured.
    std::optional<double> step_seconds(const RunConfig&, double flops) const;

    /// Seconds of one round, of a configuration that round_config gave: warm-up, measured steps by
    /// the stopping rule, traced pass.
    std::optional<double> round_seconds(const RunConfig&, double flops) const;

    /// Seconds of the whole run: all of its rounds.
    std::optional<double> run_seconds(const RunConfig&, double flops) const;

private:
    std::map<std::pair<DeviceKind, Precision>, std::vector<double>> rates_; ///< FLOP/s
};

} // namespace sweetspot

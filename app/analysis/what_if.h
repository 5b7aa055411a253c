#pragma once
#include "app/experiment/record.h"
#include <span>

/// What points that nobody measured would take, by those that somebody did; and which of them are
/// worth a measurement.
namespace sweetspot {

/// A guess and its bounds: 19 of 20 measured points lay within them when they were guessed from the
/// others.
struct Guess {
    double value = 0, low = 0, high = 0;
};

/// log(metric) as a sum: of the logarithms of work, traffic and tokens, each with a factor, and of
/// a term for each value of a field that is no number. Least squares with a little ridge. Its error
/// is what it misses a run by that was left out of the fit.
class TimeModel {
public:
    /// Of runs that are done and have the metric and work. Nothing for too few of them.
    static std::optional<TimeModel> fit(std::span<const RunRecord>, const std::string& metric);

    /// `predicted`: a plan's record, with work and tokens. Nothing where a field has a value that
    /// no run of the fit had.
    std::optional<Guess> guess(const RunRecord& predicted) const;
    double error() const { return error_; } ///< typical, relative: 0.1 is 10 % off
    int runs() const { return runs_; }

private:
    std::optional<std::vector<double>> features(const RunRecord&) const;

    std::vector<std::string> fields_{};              ///< that are no numbers, and vary
    std::vector<std::vector<std::string>> values_{}; ///< of each, the first without a term
    std::vector<double> means_{}, factors_{};        ///< of features; of them, the intercept last
    double error_ = 0, bound_ = 0;                   ///< of the logarithm: 19 of 20 are within
    int runs_ = 0;
};

/// The points of the grid that the runs span, whole in the fields that vary, without those that are
/// done, failed or impossible. Nothing of a grid of more than 20,000 points.
std::vector<RunConfig> unmeasured(std::span<const RunRecord>);

struct WhatIf {
    RunConfig config{};
    Guess time{};          ///< of the metric
    double peak_bytes = 0; ///< predicted
    bool matters = false;  ///< for all that is known it may stand on the front of both
};
struct WhatIfs {
    std::string metric{};
    double error = 0;             ///< of the model, as TimeModel has it
    int runs = 0;                 ///< that it was fitted on
    std::vector<WhatIf> points{}; ///< those that matter first, the most promising of them first
    std::string problem{};        ///< a sentence where nothing can be guessed
    int mattering() const;
};
/// `metric`: a time. `predicted`: plans' records of points that were not measured.
WhatIfs what_if(std::span<const RunRecord> runs, std::span<const RunRecord> predicted,
                const std::string& metric);
/// "The front is stable: ..." or how many points may still change it, and what guesses are worth.
std::vector<std::string> sentences_of(const WhatIfs&);

} // namespace sweetspot

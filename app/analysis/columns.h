#pragma once
#include "app/analysis/statistics.h"
#include "app/experiment/metrics.h"

namespace sweetspot {

/// One column of the table of runs. Window, command line and report show these columns, these
/// words and these digits; each only lays them out.
struct RunColumn {
    enum class What { run, field, metric, noise, flags, reason };
    What what = What::run;
    std::string name{};  ///< of the field or metric; what settings know the column by
    std::string title{}; ///< "peak memory", "new tokens"
    std::string unit{};  ///< "GiB"
    double factor = 1;   ///< what values of records are divided by to be in `unit`
    double largest = 0;  ///< of the column, in the record's unit
    bool number = true;  ///< right aligned, sorted by cell_value()
    bool usual = true;   ///< shown before anybody chose columns
};

/// The run's number, the fields that vary, the metrics that some run has (the usual first), noise
/// after the times, flags, reasons.
std::vector<RunColumn> run_columns(std::span<const RunRecord>);
/// Of these metrics the columns of those that some run has a result with.
std::vector<RunColumn> metric_columns(std::span<const RunRecord>,
                                      std::span<const MetricInfo* const>);
/// Sets unit, factor and largest of a metric's column; false if nothing changed.
bool scale_column(RunColumn&, double largest);

/// Whether its metrics are a result: it is done, or predicted. What one that was interrupted had
/// until then is none, in no view.
bool has_result(const RunRecord&);
/// In the record's unit; nothing where the run has none. Metrics are those
/// of runs that have a result.
std::optional<double> cell_value(const RunColumn&, const RunRecord&);
/// What the cell says: "12.34", "flash", "out of memory, noisy".
std::string cell_text(const RunColumn&, const RunRecord&);
/// The same for a number that is known: four digits, without a unit.
std::string cell_text(const RunColumn&, double value);

/// What must be said of a run beside its numbers: flags_of() and more.
struct RunMark {
    enum class Tone { neutral, running, warn, bad };
    enum class What {
        status,
        reused,
        disturbed,
        rounds,
        outliers,
        memory,
        imported,
        random_weights,
        data,
        weights,
        caveat
    };
    What what = What::status;
    Tone tone = Tone::neutral;
    std::string text{};   ///< a word or two
    std::string detail{}; ///< a sentence, where a word does not say it all
    bool operator==(const RunMark&) const = default;
};
std::vector<RunMark> marks_of(const RunRecord&);

/// "out of memory: it needs 9 GiB": the kind of a failure and its reason, each once. Empty for a
/// run that did not fail and is possible.
std::string failure_text(const RunRecord&);
/// The metric that was timed step by step: step_seconds, decode_seconds, ...; null if none was.
const char* timed_metric(const RunRecord&);
/// How uncertain the median of the timed metric is, relatively; nothing below two samples.
std::optional<double> noise_of(const RunRecord&);
/// Weights that say nothing about the model.
bool has_random_weights(const RunRecord&);

} // namespace sweetspot

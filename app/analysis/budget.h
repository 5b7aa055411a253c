#pragma once
#include "app/analysis/objective.h"
#include <limits>

namespace sweetspot {

/// A limit that a run must keep to count.
struct Budget {
    enum class Of {
        metric,      ///< named by `name`
        field,       ///< likewise
        quality_loss ///< how much larger the perplexity (else loss) is than a reference run's
    };
    enum class Side { at_most, at_least, equal };

    Of of = Of::metric;
    std::string name{};
    Side side = Side::at_most;
    double value = 0;   ///< in the metric's unit; a share of quality_loss
    std::string text{}; ///< of a field of words, which is equal or not
    bool operator==(const Budget&) const = default;
};

/// "peak_bytes<=24GiB", "memory 24GiB", "quality-loss<=1%", "batch>=8", "precision=bf16": a metric,
/// a field, or quality-loss. Without a sign a metric is at most, or where more is better at least,
/// the value. Throws Error(bad_input).
Budget read_budget(std::string_view text);
/// A metric's on its better side: at most, or where more is better at least.
Budget budget_on(const MetricInfo&, double value);
/// "peak memory ≤ 24 GiB".
std::string to_text(const Budget&);

/// What runs are held against where quality may be lost: the baseline, or where it has none the
/// best; of those that are the same as it (CompareOptions) the first that rounds nothing.
struct QualityReference {
    std::string_view metric{}; ///< perplexity, or loss_nats; "" = no run has any
    double value = 0;
    std::int64_t run_id = 0;
};
QualityReference quality_reference(std::span<const RunRecord>, const RunRecord* baseline);

/// How far a run is beyond a budget, as a share of it: 0 within, 0.1 a tenth beyond; infinite where
/// no share tells: a word is another, a number is not known.
double excess(const Budget&, const RunRecord&, const QualityReference&);
/// The same of a budget on a number that is known already; nothing is not known.
double excess(const Budget&, std::optional<double> value);
/// "peak memory is 30 GiB, 25 % over 24 GiB": of a run that is beyond.
std::string excess_text(const Budget&, const RunRecord&, const QualityReference&);

} // namespace sweetspot

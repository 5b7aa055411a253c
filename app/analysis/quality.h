#pragma once
#include "app/analysis/plot.h"
#include "app/experiment/record.h"
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// What was paid in quality: two runs token by token, and a run against its reference.
namespace sweetspot {

/// Why a metric that shows quality cannot be held against another run's, a phrase; "" if it can:
/// both scored the same tokens, and differ from the same reference where the metric is of one.
std::string why_scored_apart(const RunRecord& a, const RunRecord& b, std::string_view metric);

/// How much less likely B finds the same tokens than A: perplexities, their ratio and difference,
/// with what 95 % of resamples of the tokens give.
struct PairedLoss {
    std::int64_t tokens = 0;
    double a = 0, b = 0; ///< perplexities
    double difference = 0, difference_low = 0, difference_high = 0;
    double ratio = 1, ratio_low = 1, ratio_high = 1;

    /// Whether the tokens bear that one is better: the interval leaves zero out.
    bool told() const { return difference_low > 0 || difference_high < 0; }
};

/// Bootstrap of paired blocks: neighbours in a text are alike, so that up to 1,000 stretches of it
/// are drawn, not single tokens. Nothing for losses that are not as many, or none. Equal losses
/// give equal results.
std::optional<PairedLoss> paired_loss(std::span<const float> a, std::span<const float> b);
/// Of runs whose losses were loaded and may be compared.
std::optional<PairedLoss> paired_loss(const RunRecord& a, const RunRecord& b);

/// What counts as a difference where nobody says otherwise: of a logit in size, of a layer's output
/// relative to it. bf16 rounds to 0.004.
constexpr double usual_tolerance = 0.01;

/// Share of logits that differ by the tolerance or more; the bin that holds it counts as a whole.
double share_over(std::span<const DifferenceBin>, double tolerance = usual_tolerance);

/// The first place whose output is further from the reference's than the tolerance, in the order
/// in which places are computed; null if none is.
const LayerDifference* first_divergence(std::span<const LayerDifference>,
                                        double tolerance = usual_tolerance);

/// "story.txt in windows of 64, each after a token that begins it".
std::string scored_text(const Scored&);

/// What is to be said of B against A where both scored the same tokens, and of each against its
/// reference; sentences, with what was loaded of the runs.
std::vector<std::string> explain_quality(const RunRecord& a, const RunRecord& b,
                                         double tolerance = usual_tolerance);
/// Likewise of one run against its reference; empty without one.
std::vector<std::string> explain_reference(const RunRecord&, double tolerance = usual_tolerance);

// Plots of a run against its reference, of what was loaded; a limit is the tolerance, in the units
// of its axis.

/// How many logits differ from the reference's by how much.
PlotSpec difference_plot(const RunRecord&, double tolerance = usual_tolerance);
/// The largest difference of a logit in each batch (L∞).
PlotSpec batch_plot(const RunRecord&, double tolerance = usual_tolerance);
/// How the logits of both are spread, as densities.
PlotSpec logit_plot(const RunRecord&);
/// How far the outputs of each layer are from the reference's, a line a place.
PlotSpec layer_plot(const RunRecord&, double tolerance = usual_tolerance);

} // namespace sweetspot

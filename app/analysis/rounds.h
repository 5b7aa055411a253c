#pragma once
#include "app/experiment/record.h"
#include <span>
#include <string_view>
#include <vector>

namespace sweetspot {

/// What a timed metric was in one finished round of a run.
struct RoundValue {
    int round = 0;
    double value = 0; ///< the median of the round's samples, warm-up left out
    double started_unix_seconds = 0, ended_unix_seconds = 0;
};

/// In the order of rounds. A run that was kept without rounds is one.
std::vector<RoundValue> round_values(const RunRecord&, std::string_view metric);

/// How a metric of B lies to that of A, round by round.
struct RoundRatios {
    std::vector<double> turns{};  ///< ln(B / A) of each round that both have, if `turn_about`
    std::vector<double> a{}, b{}; ///< ln of every round's value
    /// Each round of one was over before the next of the other began: what drifts slowly cancels.
    bool turn_about = false;
};

RoundRatios round_ratios(const RunRecord& a, const RunRecord& b, std::string_view metric);
/// Of the two runs' round_values(), for who holds one run against many.
RoundRatios round_ratios(std::span<const RoundValue> a, std::span<const RoundValue> b);

enum class Change { undecided, same, less, more };

/// What rounds say of B against A. The unit is the round: steps within one share its process, its
/// place in memory and the machine's state, and say nothing of what the next round would give.
struct RoundFinding {
    Change change = Change::undecided;
    double log_ratio = 0;                         ///< mean of ln(B / A)
    double log_ratio_low = 0, log_ratio_high = 0; ///< Student's 95 % interval of it
    int rounds = 0;                               ///< that could be used
    double chance = 1;   ///< of less and more: that rounds of no such change look so, at most
    int more_rounds = 0; ///< so many more would decide, by what varied so far; 0 = none in sight
};

/// A machine in two states (clocks, kinds of cores, a neighbour on the same core) can give one run
/// the one and the next the other. Below this many rounds that is too likely to happen all along:
/// 2 * 4^-n; a change then counts only beyond what states can do.
inline constexpr int fewest_rounds = 6;
/// What states can do: halve the speed.
inline constexpr double state_ratio = 2;

/// less, more: the change lies beyond the tolerance (0.02 = 2 %) with 99.9 % certainty by Student's
/// test on the rounds' log ratios, and a sign test at the same level agrees (fewer than eleven
/// rounds must all lie beyond it). With two to five rounds, or where the runs were not measured
/// turn about, every round must lie beyond state_ratio, and so must the 95 % interval. same: the 95
/// % interval lies within the tolerance, turn about or not. With one round nothing can be told.
RoundFinding judge_rounds(const RoundRatios&, double tolerance);
/// The same change, for a hundredth of the time: nothing is said of what would decide.
Change change_of(const RoundRatios&, double tolerance);

/// The least relative change that so many rounds, turn about, would be certain to show as less or
/// more, if they varied like these. At least two turns are needed.
double detectable_change(const RoundRatios&, int rounds, double tolerance);

/// Where a run's value lies for all that its own rounds tell.
struct LogBounds {
    double low = 0, high = 0; ///< natural logarithms; infinite where nothing can be told
};

/// Two runs with the same rounds whose bounds do not meet differ by judge_rounds() too: so many
/// runs can be held against each other without looking at every pair. `turn_about`: rounds of all
/// of them alternate. `logs` are ln of each round's value.
LogBounds log_bounds(const std::vector<double>& logs, bool turn_about, double tolerance);

/// Whether rounds of all these runs alternate, each with each.
bool all_turn_about(std::span<const RunRecord>);

/// Whether the mean of what rounds gave is not zero, with the certainty of judge_rounds(): six
/// rounds at least.
bool surely_not_zero(const std::vector<double>& rounds);

/// P(|T| <= t) of Student's t (Abramowitz and Stegun, 26.7.3 and 26.7.4).
double student_within(double t, int degrees_of_freedom);

} // namespace sweetspot

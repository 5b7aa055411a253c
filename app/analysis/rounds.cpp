#include "app/analysis/rounds.h"
#include "app/analysis/statistics.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>
#include <tuple>

// From rounds to what may be said. Two questions are asked of the rounds' log ratios: is their mean
// beyond the tolerance, for all that they scatter (Student), and could a coin have chosen their
// sides (signs)? Student alone trusts few rounds that agree by chance, as those of a machine in two
// states do; signs alone do not know how large a change is.

namespace sweetspot {

namespace {

constexpr double certainty = 0.999;      // of less and more
constexpr double shown_certainty = 0.95; // of intervals, and of same
constexpr int most_rounds = 200;         // more is no advice
constexpr int fewest_for_signs = 11;     // 2 * 2^-11 < 0.001: a coin that gives as many heads

/// Where student_within is `share`. Known from the second time on: views ask for few of them.
double student_quantile(double share, int freedom) {
    thread_local std::map<std::pair<double, int>, double> known;
    const auto [at, is_new] = known.try_emplace({share, freedom});
    if (!is_new) return at->second;
    double low = 0, high = 1;
    while (student_within(high, freedom) < share) high *= 2;
    for (int i = 0; i < 60; ++i) {
        const double middle = 0.5 * (low + high);
        (student_within(middle, freedom) < share ? low : high) = middle;
    }
    return at->second = high;
}

double mean_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

/// Of one value, without bias; at least two are needed.
double variance_of(const std::vector<double>& values) {
    const double mean = mean_of(values);
    double sum = 0;
    for (const double v : values) sum += (v - mean) * (v - mean);
    return sum / double(values.size() - 1);
}

/// Whether a fair coin gives `hits` or more of `tosses`, or as few, with no more than the
/// probability that certainty leaves.
bool signs_agree(int hits, int tosses) {
    if (hits == tosses) return true;
    double term = 1, sum = 0; // C(tosses, misses)
    for (int misses = 0; misses <= tosses - hits; ++misses) {
        sum += term;
        term *= double(tosses - misses) / (misses + 1);
    }
    return 2 * sum * std::pow(0.5, tosses) <= 1 - certainty;
}

/// Student's way to say how well a mean is known.
struct Estimate {
    double mean = 0, error = 0;
    int freedom = 0;

    /// Whether the mean's distance from 0 is so sure to be more, or less.
    bool more_than(double limit, double share) const {
        const double gap = std::abs(mean) - limit;
        return gap > 0 && (error == 0 || student_within(gap / error, freedom) > share);
    }
    /// Of a mean within the limit to show so far beyond it.
    double chance_beyond(double limit) const {
        return error == 0 ? 0 : 1 - student_within((std::abs(mean) - limit) / error, freedom);
    }
    bool less_than(double limit, double share) const {
        const double gap = limit - std::abs(mean);
        return gap >= 0 && (error == 0 || student_within(gap / error, freedom) >= share);
    }
};

Estimate estimate_of(const RoundRatios& ratios) {
    const auto& [turns, a, b, turn_about] = ratios;
    if (turn_about)
        return {mean_of(turns), std::sqrt(variance_of(turns) / double(turns.size())),
                int(turns.size()) - 1};
    return {mean_of(b) - mean_of(a),
            std::sqrt(variance_of(a) / double(a.size()) + variance_of(b) / double(b.size())),
            int(std::min(a.size(), b.size())) - 1};
}

/// Turns that lie beyond a limit on the side of `sign`.
int beyond(const std::vector<double>& turns, double sign, double limit) {
    return int(std::count_if(turns.begin(), turns.end(),
                             [&](double turn) { return turn * sign > limit; }));
}

/// A coin that gives fewer than fewest_for_signs heads is not rare enough; that two states show on
/// the same sides in all of fewest_rounds is, if no turn shows less than the limit.
double sign_limit(int rounds, double limit) {
    return rounds < fewest_for_signs ? limit : 0;
}

/// Every value of one side from every value of the other.
bool apart_by(const RoundRatios& ratios, double sign, double limit) {
    if (ratios.turn_about) return beyond(ratios.turns, sign, limit) == int(ratios.turns.size());
    const auto& low = sign > 0 ? ratios.a : ratios.b;
    const auto& high = sign > 0 ? ratios.b : ratios.a;
    return *std::min_element(high.begin(), high.end()) - *std::max_element(low.begin(), low.end()) >
           limit;
}

/// How likely rounds that are not so far apart look like a change; 1 if these do not.
double chance_of_change(const RoundRatios& ratios, const Estimate& estimate, double limit) {
    const double sign = estimate.mean < 0 ? -1 : 1;
    const double by_states = std::max(limit, std::log(state_ratio));
    double chance = 1;
    if (apart_by(ratios, sign, by_states) && estimate.more_than(by_states, shown_certainty))
        chance = std::min(1 - certainty, estimate.chance_beyond(by_states));
    const int count = int(ratios.turns.size());
    if (ratios.turn_about && count >= fewest_rounds && estimate.more_than(limit, certainty) &&
        signs_agree(beyond(ratios.turns, sign, sign_limit(count, limit)), count))
        chance = std::min(chance, estimate.chance_beyond(limit));
    return chance;
}

int usable_rounds(const RoundRatios& ratios) {
    return int(ratios.turn_about ? ratios.turns.size()
                                 : std::min(ratios.a.size(), ratios.b.size()));
}

/// What two rounds or more say, and with what chance of error if it is less or more.
std::pair<Change, double> decide(const RoundRatios& ratios, const Estimate& estimate,
                                 double limit) {
    if (estimate.less_than(limit, shown_certainty)) return {Change::same, 1};
    const double chance = chance_of_change(ratios, estimate, limit);
    if (chance == 1) return {Change::undecided, 1};
    return {estimate.mean < 0 ? Change::less : Change::more, chance};
}

/// The least number of rounds beyond those there are that would decide if they were like them.
int more_rounds(const RoundRatios& ratios, const Estimate& estimate, double limit) {
    if (!ratios.turn_about) return 0;
    const int now = int(ratios.turns.size());
    const double scatter = estimate.error * std::sqrt(double(now));
    const auto share = [&](int n) {
        const double sign = estimate.mean < 0 ? -1 : 1;
        return double(beyond(ratios.turns, sign, sign_limit(n, limit))) / now;
    };
    for (int n = now + 1; n <= most_rounds; ++n) {
        const Estimate then{estimate.mean, scatter / std::sqrt(double(n)), n - 1};
        if (then.less_than(limit, shown_certainty)) return n - now;
        if (n >= fewest_rounds && then.more_than(limit, certainty) &&
            signs_agree(int(std::floor(share(n) * n)), n))
            return n - now;
    }
    return 0;
}

/// Whether rounds of the two alternate, by the clock.
bool alternate(const std::vector<std::pair<RoundValue, RoundValue>>& common) {
    for (std::size_t i = 0; i < common.size(); ++i) {
        const auto& [a, b] = common[i];
        if (a.started_unix_seconds <= 0 || b.started_unix_seconds <= 0) return false;
        if (i + 1 == common.size()) break;
        const auto& [next_a, next_b] = common[i + 1];
        if (std::max(a.ended_unix_seconds, b.ended_unix_seconds) >
            std::min(next_a.started_unix_seconds, next_b.started_unix_seconds))
            return false;
    }
    return true;
}

/// As the samples are, before they become rates.
std::vector<RoundValue> measured_values(const RunRecord& run, const std::string& metric) {
    std::map<int, std::vector<double>> by_round;
    if (const auto found = run.samples.find(metric); found != run.samples.end())
        for (const auto& sample : found->second)
            if (!sample.warmup) by_round[sample.round].push_back(sample.value);
    std::vector<RoundValue> values;
    if (run.rounds.empty() && !by_round.empty())
        values.push_back({0, median(std::move(by_round.begin()->second)), run.started_unix_seconds,
                          run.ended_unix_seconds});
    for (const auto& round : run.rounds)
        if (const auto found = by_round.find(round.index); found != by_round.end())
            values.push_back({round.index, median(std::move(found->second)),
                              round.started_unix_seconds, round.ended_unix_seconds});
    std::erase_if(values, [](const RoundValue& v) { return !(v.value > 0); }); // has no logarithm
    return values;
}

} // namespace

double student_within(double t, int freedom) {
    const double angle = std::atan(t / std::sqrt(double(freedom)));
    const bool odd = freedom % 2 != 0;
    const double square = std::cos(angle) * std::cos(angle);
    double term = odd ? std::cos(angle) : 1, sum = freedom == 1 ? 0 : term;
    for (int k = odd ? 3 : 2; k <= freedom - 2; k += 2) sum += term *= square * (k - 1) / k;
    if (!odd) return std::sin(angle) * sum;
    return 2 / std::numbers::pi * (angle + std::sin(angle) * sum);
}

std::vector<RoundValue> round_values(const RunRecord& run, std::string_view metric) {
    auto values = measured_values(run, std::string(metric));
    const auto made = made_of_steps(metric);
    if (!values.empty() || !made) return values;
    const auto done = value_of(run, made->work);
    if (!done || *done <= 0) return {};
    values = measured_values(run, std::string(made->took));
    for (auto& v : values) v.value = made->of(v.value, *done);
    return values;
}

RoundRatios round_ratios(const RunRecord& a, const RunRecord& b, std::string_view metric) {
    return round_ratios(round_values(a, metric), round_values(b, metric));
}

RoundRatios round_ratios(std::span<const RoundValue> a, std::span<const RoundValue> b) {
    RoundRatios ratios;
    for (const auto& v : a) ratios.a.push_back(std::log(v.value));
    for (const auto& v : b) ratios.b.push_back(std::log(v.value));
    std::vector<std::pair<RoundValue, RoundValue>> common;
    for (const auto& in_a : a)
        for (const auto& in_b : b)
            if (in_a.round == in_b.round) common.emplace_back(in_a, in_b);
    ratios.turn_about = common.size() > 1 && alternate(common);
    if (ratios.turn_about)
        for (const auto& [in_a, in_b] : common)
            ratios.turns.push_back(std::log(in_b.value / in_a.value));
    return ratios;
}

RoundFinding judge_rounds(const RoundRatios& ratios, double tolerance) {
    RoundFinding finding;
    finding.rounds = usable_rounds(ratios);
    if (finding.rounds == 0) return finding;
    if (finding.rounds == 1) {
        finding.log_ratio = mean_of(ratios.b) - mean_of(ratios.a);
        finding.log_ratio_low = finding.log_ratio_high = finding.log_ratio;
        finding.more_rounds = fewest_rounds - 1;
        return finding;
    }
    const auto estimate = estimate_of(ratios);
    const double limit = std::log1p(tolerance),
                 half = student_quantile(shown_certainty, estimate.freedom) * estimate.error;
    finding.log_ratio = estimate.mean;
    finding.log_ratio_low = estimate.mean - half;
    finding.log_ratio_high = estimate.mean + half;
    std::tie(finding.change, finding.chance) = decide(ratios, estimate, limit);
    if (finding.change == Change::undecided)
        finding.more_rounds = more_rounds(ratios, estimate, limit);
    return finding;
}

Change change_of(const RoundRatios& ratios, double tolerance) {
    if (usable_rounds(ratios) < 2) return Change::undecided;
    return decide(ratios, estimate_of(ratios), std::log1p(tolerance)).first;
}

LogBounds log_bounds(const std::vector<double>& logs, bool turn_about, double tolerance) {
    constexpr double unknown = std::numeric_limits<double>::infinity();
    const int count = int(logs.size());
    if (count < 2) return {-unknown, unknown};
    // Half of what must lie between two runs is either's own.
    const bool few = !turn_about || count < fewest_rounds;
    const double limit = std::log1p(tolerance),
                 margin = 0.5 * (few ? std::max(limit, std::log(state_ratio)) : limit),
                 certain = few ? shown_certainty : certainty, mean = mean_of(logs),
                 half = student_quantile(certain, count - 1) * std::sqrt(variance_of(logs) / count);
    // So many rounds may lie on the wrong side before the sign test objects, half of them in each.
    int wrong = 0;
    while (!few && count >= fewest_for_signs && signs_agree(count - wrong - 1, count)) ++wrong;
    std::vector<double> sorted = logs;
    std::sort(sorted.begin(), sorted.end());
    return {std::min(mean - half, sorted[std::size_t(wrong / 2)]) - margin,
            std::max(mean + half, sorted[std::size_t(count - 1 - wrong / 2)]) + margin};
}

bool all_turn_about(std::span<const RunRecord> runs) {
    struct Span {
        double begin = std::numeric_limits<double>::infinity(), end = 0;
    };
    std::map<int, Span> spans;
    for (const auto& run : runs)
        for (const auto& round : run.rounds) {
            if (round.started_unix_seconds <= 0) return false;
            auto& span = spans[round.index];
            span.begin = std::min(span.begin, round.started_unix_seconds);
            span.end = std::max(span.end, round.ended_unix_seconds);
        }
    return spans.size() > 1 &&
           std::adjacent_find(spans.begin(), spans.end(), [](const auto& a, const auto& b) {
               return a.second.end > b.second.begin;
           }) == spans.end();
}

bool surely_not_zero(const std::vector<double>& rounds) {
    const int count = int(rounds.size());
    if (count < fewest_rounds) return false;
    const Estimate estimate{mean_of(rounds), std::sqrt(variance_of(rounds) / count), count - 1};
    return estimate.more_than(0, certainty) &&
           signs_agree(beyond(rounds, estimate.mean < 0 ? -1 : 1, 0), count);
}

double detectable_change(const RoundRatios& ratios, int rounds, double tolerance) {
    const double error = std::sqrt(variance_of(ratios.turns) / rounds);
    return std::expm1(std::log1p(tolerance) + student_quantile(certainty, rounds - 1) * error);
}

} // namespace sweetspot

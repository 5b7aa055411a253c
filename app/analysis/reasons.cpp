#include "app/analysis/reasons.h"
#include "app/analysis/format.h"
#include "app/analysis/rounds.h"
#include "app/analysis/series.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

// Why one run is better than another: the fields in which they differ span a cube of runs, from
// "none changed" to "all changed". What of it was measured says what each field saved, alone and
// after the others; the whole cube says it for any order.

namespace sweetspot {

namespace {

constexpr std::size_t most_fields = 6; // of a cube that is looked through: 64 runs

std::vector<Share> changed_fields(const RunConfig& from, const RunConfig& to) {
    std::vector<Share> changed;
    for (const RunField& field : run_fields())
        if (field.group != Measurement::group && field.get(from) != field.get(to))
            changed.push_back(
                {.field = std::string(field.name), .from = field.get(from), .to = field.get(to)});
    return changed;
}

using Corner = unsigned; // a bit a changed field: set = as in the run that one goes to

/// The runs of a cube that matter, and what of them was measured.
class Cube {
public:
    Cube(std::span<const RunRecord> runs, const RunRecord& from, const RunRecord& to,
         const MetricInfo& metric)
        : metric_(metric), changed_(changed_fields(canonical(from.config), canonical(to.config))) {
        const std::size_t count = changed_.size();
        const Corner all = (Corner(1) << std::min<std::size_t>(count, 31)) - 1;
        if (count > 31) return;
        std::vector<Corner> wanted;
        if (count <= most_fields)
            for (Corner corner = 1; corner < all; ++corner) wanted.push_back(corner);
        else
            for (std::size_t i = 0; i < count; ++i) {
                wanted.push_back(Corner(1) << i);
                wanted.push_back(all & ~(Corner(1) << i));
            }
        corners_[0] = {canonical(from.config), &from};
        corners_[all] = {canonical(to.config), &to};
        for (const auto corner : wanted) corners_.try_emplace(corner, Entry{config_at(corner)});
        for (const auto& run : runs) fill(run);
    }

    const std::vector<Share>& changed() const { return changed_; }
    Corner all() const { return corners_.rbegin()->first; }
    bool is_whole() const {
        return changed_.size() <= most_fields &&
               std::all_of(corners_.begin(), corners_.end(),
                           [](const auto& entry) { return entry.second.run != nullptr; });
    }
    /// Null if it was not measured.
    const RunRecord* run(Corner corner) const {
        const auto found = corners_.find(corner);
        return found == corners_.end() ? nullptr : found->second.run;
    }
    std::vector<RunConfig> missing() const {
        std::vector<RunConfig> configs;
        for (const auto& [corner, entry] : corners_)
            if (!entry.run) configs.push_back(entry.config);
        return configs;
    }
    /// What was saved from one corner to another; nothing if one was not measured.
    std::optional<double> saved(Corner before, Corner after) const {
        const auto *a = run(before), *b = run(after);
        if (!a || !b) return {};
        return cost(*a) - cost(*b);
    }
    /// Lower is better.
    double cost(const RunRecord& run) const {
        const double value = *value_of(run, metric_.name);
        return metric_.better == Better::higher ? -value : value;
    }

private:
    struct Entry {
        RunConfig config{};
        const RunRecord* run = nullptr;
    };

    RunConfig config_at(Corner corner) const {
        RunConfig config = corners_.at(0).config;
        for (std::size_t i = 0; i < changed_.size(); ++i)
            if (corner >> i & 1) set_field(config, changed_[i].field, changed_[i].to);
        return canonical(config);
    }
    /// How it is measured is the first run's in every corner.
    void fill(const RunRecord& run) {
        // Of many runs few are near; to hold each whole against each corner would take a second.
        for (const auto& share : changed_) {
            const RunField& field = *find_field(share.field);
            const auto value = field.get(run.config);
            if (value != share.from && value != share.to && value != field.usual) return;
        }
        if (run.status != RunStatus::done ||
            !std::isfinite(value_of(run, metric_.name).value_or(NAN)))
            return;
        RunConfig config = run.config;
        static_cast<Measurement&>(config) = corners_.at(0).config;
        for (auto& [corner, entry] : corners_)
            if (!entry.run && entry.config == config) entry.run = &run;
    }

    const MetricInfo& metric_;
    std::vector<Share> changed_;
    std::map<Corner, Entry> corners_;
};

/// The mean of what a field saves over all orders in which the fields may be changed.
double shapley(const Cube& cube, std::size_t field) {
    const int count = int(cube.changed().size());
    const Corner bit = Corner(1) << field;
    double sum = 0;
    for (Corner before = 0; before <= cube.all(); ++before) {
        if (before & bit) continue;
        // Orders in which exactly these come before: |before|! (count - 1 - |before|)! of count!.
        const int size = std::popcount(before);
        const double orders = std::exp(std::lgamma(size + 1.0) + std::lgamma(count - size) -
                                       std::lgamma(count + 1.0));
        sum += orders * *cube.saved(before, before | bit);
    }
    return sum;
}

/// What a metric was in each round that all four runs have, as what is left of adding up.
std::vector<double> rests(const RunRecord& none, const RunRecord& a, const RunRecord& b,
                          const RunRecord& both, std::string_view metric) {
    std::map<int, std::vector<double>> by_round;
    for (const auto* run : {&none, &a, &b, &both})
        for (const auto& value : round_values(*run, metric))
            by_round[value.round].push_back(value.value);
    std::vector<double> rests;
    for (const auto& [round, v] : by_round)
        if (v.size() == 4) rests.push_back(v[0] - v[1] - v[2] + v[3]);
    return rests;
}

bool is_told(const RunRecord& none, const RunRecord& a, const RunRecord& b, const RunRecord& both,
             const MetricInfo& metric) {
    const std::array four{none, a, b, both};
    switch (judgement_of(none, metric.name)) {
    case Judgement::exact: return true;
    case Judgement::single:
    case Judgement::quality: return false;
    case Judgement::timed: break;
    }
    return all_turn_about(four) &&
           std::all_of(four.begin(), four.end(),
                       [](const RunRecord& run) { return flags_of(run).empty(); }) &&
           surely_not_zero(rests(none, a, b, both, metric.name));
}

std::vector<Interaction> interactions(const Cube& cube, const MetricInfo& metric) {
    std::vector<Interaction> found;
    const auto& changed = cube.changed();
    for (std::size_t i = 0; i < changed.size(); ++i)
        for (std::size_t j = i + 1; j < changed.size(); ++j) {
            const Corner a = Corner(1) << i, b = Corner(1) << j;
            const auto first = cube.saved(0, a), second = cube.saved(0, b),
                       both = cube.saved(0, a | b);
            if (!first || !second || !both || *first + *second == *both) continue;
            found.push_back(
                {changed[i].field, changed[j].field, *first + *second, *both,
                 is_told(*cube.run(0), *cube.run(a), *cube.run(b), *cube.run(a | b), metric)});
        }
    return found;
}

std::string changed_text(const Share& share) {
    return share.field + " " + share.from + " → " + share.to;
}

std::string saved_text(double saved, std::string_view unit) {
    return (saved < 0 ? "cost " : "saved ") + format_value(std::abs(saved), unit);
}

/// "a and b together saved 700 B, less than the sum of 900 B."
std::string interaction_text(const Interaction& both, std::string_view unit) {
    const std::string begin =
        both.a + " and " + both.b + " together " + saved_text(both.together, unit);
    if ((both.together < 0) != (both.apart < 0))
        return begin + "; each alone, they " + saved_text(both.apart, unit) + ".";
    return begin + ", " + (std::abs(both.together) < std::abs(both.apart) ? "less" : "more") +
           " than the sum of " + format_value(std::abs(both.apart), unit) + ".";
}

} // namespace

Reasons reasons(std::span<const RunRecord> runs, const RunRecord& from, const RunRecord& to,
                const MetricInfo& metric, const CompareOptions& options) {
    Reasons found{.metric = std::string(metric.name)};
    const Cube cube(runs, from, to, metric);
    found.shares = cube.changed();
    found.saved = cube.cost(from) - cube.cost(to);
    found.unshared = found.saved;
    if (found.shares.empty()) return found;
    found.whole = cube.is_whole();
    for (std::size_t i = 0; i < found.shares.size(); ++i) {
        auto& share = found.shares[i];
        const Corner bit = Corner(1) << i, others = cube.all() & ~bit;
        share.first = cube.saved(0, bit);
        share.last = cube.saved(others, cube.all());
        const auto *before = share.first ? cube.run(0) : cube.run(others),
                   *after = share.first ? cube.run(bit) : cube.run(cube.all());
        if (before && after)
            share.verdict = compare_metric(*before, *after, metric, options).verdict;
        if (found.whole)
            share.saved = shapley(cube, i);
        else if (share.first || share.last)
            share.saved = 0.5 * (share.first.value_or(share.last.value_or(0)) +
                                 share.last.value_or(share.first.value_or(0)));
        found.unshared -= share.saved.value_or(0);
    }
    found.interactions = interactions(cube, metric);
    found.missing = cube.missing();
    return found;
}

std::vector<std::string> sentences_of(const Reasons& reasons) {
    const auto& metric = *find_metric(reasons.metric);
    std::vector<std::string> said;
    for (const auto& share : reasons.shares) {
        if (!share.saved) {
            said.push_back("What " + changed_text(share) + " did alone was not measured.");
            continue;
        }
        std::string text = changed_text(share) + " " + saved_text(*share.saved, metric.unit);
        if (reasons.saved > 0 && *share.saved > 0 && reasons.shares.size() > 1)
            text += ", " + format_value(*share.saved / reasons.saved, "share") + " of all";
        if (share.verdict == Verdict::undecided || share.verdict == Verdict::same)
            text += share.verdict == Verdict::same ? "; alone it changes nothing that counts"
                                                   : "; alone it may be chance";
        said.push_back(text + ".");
    }
    if (!reasons.whole && reasons.shares.size() > 1 && reasons.unshared != 0)
        said.push_back(saved_text(reasons.unshared, metric.unit) +
                       " by their working together, which the measured points do not share out.");
    for (const auto& both : reasons.interactions)
        if (both.told) said.push_back(interaction_text(both, metric.unit));
    if (!reasons.missing.empty())
        said.push_back(std::to_string(reasons.missing.size()) +
                       (reasons.missing.size() == 1 ? " point between the two was"
                                                    : " points between the two were") +
                       " not measured and would tell more.");
    return said;
}

} // namespace sweetspot

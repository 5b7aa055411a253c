#include "app/analysis/what_if.h"
#include "app/analysis/format.h"
#include "app/analysis/series.h"
#include "app/experiment/statistics.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

// A fitted model of times, and what it says of the rest of a grid. It is told from measurements by
// its error wherever it is shown; nothing here ever stands in for a run.

namespace sweetspot {

namespace {

constexpr const char* sizes[] = {"flops", "bytes_moved", "tokens_nominal"};
constexpr double ridge = 1e-6, share_within = 0.95;
constexpr std::size_t least_runs = 4, most_points = 20'000;

/// Solves A x = b for a symmetric positive A, row by row; both are overwritten (Cholesky).
void solve(std::vector<double>& a, std::vector<double>& b, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j) {
            double sum = a[i * n + j];
            for (std::size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = i == j ? std::sqrt(std::max(sum, 1e-300)) : sum / a[j * n + j];
        }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
        b[i] /= a[i * n + i];
    }
    for (std::size_t i = n; i-- > 0;) {
        for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
        b[i] /= a[i * n + i];
    }
}

/// Rows of features as a product with its transpose, with the ridge on its diagonal.
std::vector<double> normal_matrix(const std::vector<std::vector<double>>& rows, std::size_t n) {
    std::vector<double> a(n * n, 0);
    for (const auto& row : rows)
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) a[i * n + j] += row[i] * row[j];
    for (std::size_t i = 0; i < n; ++i) a[i * n + i] += ridge * double(rows.size());
    return a;
}

} // namespace

std::optional<std::vector<double>> TimeModel::features(const RunRecord& run) const {
    std::vector<double> all;
    for (const auto* size : sizes) {
        const auto value = value_of(run, size);
        if (!value || !(*value > 0)) return {};
        all.push_back(std::log(*value));
    }
    for (std::size_t f = 0; f < fields_.size(); ++f) {
        const auto value = get_field(run.config, fields_[f]);
        const auto at = std::find(values_[f].begin(), values_[f].end(), value);
        if (at == values_[f].end()) return {};
        for (std::size_t i = 1; i < values_[f].size(); ++i)
            all.push_back(std::size_t(at - values_[f].begin()) == i ? 1 : 0);
    }
    for (std::size_t i = 0; i < means_.size(); ++i) all[i] -= means_[i];
    all.push_back(1);
    return all;
}

std::optional<TimeModel> TimeModel::fit(std::span<const RunRecord> runs,
                                        const std::string& metric) {
    TimeModel model;
    std::vector<RunRecord> used; // what is fitted, without samples
    std::vector<double> logs;
    for (const auto& run : runs) {
        if (run.status != RunStatus::done) continue;
        const auto value = value_of(run, metric);
        if (!value || !(*value > 0) || !model.features(run)) continue;
        RunRecord& plain = used.emplace_back();
        plain.config = run.config;
        for (const auto* size : sizes) plain.metrics[size] = *value_of(run, size);
        logs.push_back(std::log(*value));
    }
    for (const auto& field : varying_fields(used))
        if (!find_field(field)->is_number()) {
            model.fields_.push_back(field);
            model.values_.push_back(ordered_values(used, field));
        }
    std::vector<std::vector<double>> rows;
    std::vector<double> wanted;
    for (std::size_t i = 0; i < used.size(); ++i)
        if (auto row = model.features(used[i])) {
            rows.push_back(std::move(*row));
            wanted.push_back(logs[i]);
        }
    if (rows.empty()) return {};
    const std::size_t n = rows.front().size();
    if (rows.size() < std::max(least_runs, n + 1)) return {};
    model.means_.assign(n - 1, 0);
    for (const auto& row : rows)
        for (std::size_t i = 0; i + 1 < n; ++i) model.means_[i] += row[i] / double(rows.size());
    for (auto& row : rows)
        for (std::size_t i = 0; i + 1 < n; ++i) row[i] -= model.means_[i];

    const auto normal = normal_matrix(rows, n);
    model.factors_.assign(n, 0);
    for (std::size_t r = 0; r < rows.size(); ++r)
        for (std::size_t i = 0; i < n; ++i) model.factors_[i] += rows[r][i] * wanted[r];
    auto matrix = normal;
    solve(matrix, model.factors_, n);
    std::vector<double> misses; // of each run by a fit without it: e / (1 - h)
    for (std::size_t r = 0; r < rows.size(); ++r) {
        auto hat = rows[r];
        matrix = normal;
        solve(matrix, hat, n);
        const double leverage =
            std::inner_product(rows[r].begin(), rows[r].end(), hat.begin(), 0.0);
        const double miss = wanted[r] - std::inner_product(rows[r].begin(), rows[r].end(),
                                                           model.factors_.begin(), 0.0);
        constexpr double alone = 0.99; // the only run that tells some term: no fit is without it
        if (leverage < alone) misses.push_back(std::abs(miss / (1 - leverage)));
    }
    if (misses.size() < least_runs) return {};
    std::sort(misses.begin(), misses.end());
    model.error_ = std::expm1(quantile(misses, 0.5));
    model.bound_ = quantile(misses, share_within);
    model.runs_ = int(rows.size());
    return model;
}

std::optional<Guess> TimeModel::guess(const RunRecord& predicted) const {
    const auto row = features(predicted);
    if (!row) return {};
    const double log = std::inner_product(row->begin(), row->end(), factors_.begin(), 0.0);
    return Guess{std::exp(log), std::exp(log - bound_), std::exp(log + bound_)};
}

std::vector<RunConfig> unmeasured(std::span<const RunRecord> runs) {
    std::vector<RunConfig> points;
    if (runs.empty()) return points;
    const auto fields = varying_fields(runs);
    std::vector<std::vector<std::string>> values;
    std::size_t count = 1;
    for (const auto& field : fields) {
        values.push_back(ordered_values(runs, field));
        count *= values.back().size();
        if (count > most_points) return points;
    }
    std::set<std::string> known;
    const auto key = [&](const RunConfig& config) {
        std::string text;
        for (const auto& field : fields) text += get_field(config, field) + "\n";
        return text;
    };
    for (const auto& run : runs)
        if (run.status == RunStatus::done || run.status == RunStatus::impossible ||
            (run.status == RunStatus::failed && run.failure != Failure::interrupted))
            known.insert(key(canonical(run.config)));
    for (std::size_t i = 0; i < count; ++i) {
        RunConfig config = runs.front().config;
        std::size_t rest = i;
        for (std::size_t f = 0; f < fields.size(); ++f) {
            set_field(config, fields[f], values[f][rest % values[f].size()]);
            rest /= values[f].size();
        }
        config = canonical(config);
        if (known.insert(key(config)).second) points.push_back(std::move(config));
    }
    return points;
}

int WhatIfs::mattering() const {
    return int(
        std::count_if(points.begin(), points.end(), [](const auto& p) { return p.matters; }));
}

WhatIfs what_if(std::span<const RunRecord> runs, std::span<const RunRecord> predicted,
                const std::string& metric) {
    WhatIfs found{.metric = metric};
    const auto model = TimeModel::fit(runs, metric);
    if (!model) {
        found.problem = "There are too few measured runs, with work and a time, to guess the times "
                        "of others from.";
        return found;
    }
    found.error = model->error();
    found.runs = model->runs();
    std::vector<std::pair<double, double>> measured;
    for (const auto& run : runs)
        if (const auto time = value_of(run, metric), peak = value_of(run, "peak_bytes");
            run.status == RunStatus::done && time && peak)
            measured.emplace_back(*time, *peak);
    for (const auto& plan : predicted) {
        const auto peak = value_of(plan, "peak_bytes");
        const auto guess = model->guess(plan);
        if (!peak || !guess) continue;
        const bool beaten = std::any_of(measured.begin(), measured.end(), [&](const auto& other) {
            return other.first <= guess->low && other.second <= *peak;
        });
        found.points.push_back({plan.config, *guess, *peak, !beaten});
    }
    // What is left of the best time with as little memory, at best.
    const auto promise = [&](const WhatIf& point) {
        double best = INFINITY;
        for (const auto& [time, peak] : measured)
            if (peak <= point.peak_bytes) best = std::min(best, time);
        return point.time.low / best;
    };
    std::stable_sort(found.points.begin(), found.points.end(),
                     [&](const WhatIf& a, const WhatIf& b) {
                         if (a.matters != b.matters) return a.matters;
                         return promise(a) < promise(b);
                     });
    return found;
}

std::vector<std::string> sentences_of(const WhatIfs& found) {
    if (!found.problem.empty()) return {found.problem};
    std::vector<std::string> said;
    const auto all = found.points.size();
    const int matter = found.mattering();
    if (all == 0)
        said.push_back("Every point of the grid was measured.");
    else if (matter == 0)
        said.push_back("The front is stable: none of the " + std::to_string(all) +
                       " points that were not measured is likely to stand on it.");
    else
        said.push_back(std::to_string(matter) + " of " + std::to_string(all) +
                       " points that were not measured may stand on the front.");
    if (all > 0)
        said.push_back("Their times are guesses of a model of " + std::to_string(found.runs) +
                       " runs, which misses a run that it was not shown by " +
                       format_number(100 * found.error, 2) + " % typically; memory is predicted.");
    return said;
}

} // namespace sweetspot

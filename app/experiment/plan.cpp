#include "app/experiment/plan.h"
#include "app/experiment/key.h"
#include "app/experiment/own_folders.h"
#include "app/experiment/rounds.h"
#include "engine/config/catalogue.h"
#include "engine/config/possible.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

// From a spec to the runs of a sweep: the grid and the explicit points, each configuration once,
// those that cannot be with the reason; then what they are told apart by, and an order to measure
// them in.

namespace sweetspot {

namespace {

/// Gathers the points, each configuration once.
class Planner {
public:
    void add(const RunConfig& asked) {
        const auto config = canonical(asked);
        auto hash = hash_of(config);
        if (!known_.insert(hash).second) return;
        auto [model, is_new] = models_.try_emplace(config.model);
        if (is_new) model->second = load_model_config(config.model);
        runs.push_back({config, std::move(hash), impossible(config, model->second).value_or("")});
    }

    std::vector<PlannedRun> runs;

private:
    std::unordered_set<std::string> known_;
    std::unordered_map<std::string, ModelConfig> models_; // read once each
};

using Visit = std::function<void(const RunConfig&)>;

void each_zipped(const Spec& spec, const Visit& visit) {
    for (std::size_t i = 0; i < spec.axes.front().values.size(); ++i) {
        auto config = spec.base;
        for (const auto& axis : spec.axes) set_field(config, axis.field, axis.values[i]);
        visit(config);
    }
}

void each_of_grid(const Spec& spec, const Visit& visit) {
    const auto& axes = spec.axes;
    auto config = spec.base;
    std::vector<std::size_t> at(axes.size(), 0);
    for (const auto& axis : axes) set_field(config, axis.field, axis.values.front());
    for (;;) {
        visit(config);
        std::size_t turn = axes.size(); // the last axis that has a next value takes it
        while (turn > 0 && at[turn - 1] + 1 == axes[turn - 1].values.size()) {
            --turn;
            at[turn] = 0;
            set_field(config, axes[turn].field, axes[turn].values.front());
        }
        if (turn == 0) return;
        set_field(config, axes[turn - 1].field, axes[turn - 1].values[++at[turn - 1]]);
    }
}

/// How often the stretch between the ends must be halved to come to place i of n: 0 for the ends.
int halvings(std::size_t i, std::size_t n) {
    std::size_t low = 0, high = n - 1;
    int level = 0;
    while (i != low && i != high) {
        const auto middle = (low + high) / 2;
        ++level;
        if (i == middle) break;
        (i < middle ? high : low) = middle;
    }
    return level;
}

/// For each value of an axis, as a config writes it: when its turn comes. Names have no between.
std::unordered_map<std::string, int> turns(const Axis& axis) {
    std::unordered_map<std::string, int> turn;
    const bool number = find_field(axis.field)->is_number();
    RunConfig config;
    for (std::size_t i = 0; i < axis.values.size(); ++i) {
        set_field(config, axis.field, axis.values[i]);
        turn.try_emplace(get_field(config, axis.field),
                         number ? halvings(i, axis.values.size()) : 0);
    }
    return turn;
}

} // namespace

void each_point(const Spec& spec, const std::function<void(const RunConfig&)>& visit) {
    if (spec.zip && !spec.axes.empty())
        each_zipped(spec, visit);
    else if (!spec.axes.empty() || spec.points.empty()) // without axes the base is the one point
        each_of_grid(spec, visit);
    for (const auto& point : spec.points) {
        auto config = spec.base;
        for (const auto& [field, value] : point) set_field(config, field, value);
        visit(config);
    }
}

std::vector<PlannedRun> plan(const Spec& spec) {
    if (const auto wrong = problems(spec); !wrong.empty()) {
        std::string all;
        for (const auto& problem : wrong) all += (all.empty() ? "" : "\n") + problem;
        throw Error(Failure::bad_input, all);
    }
    Planner planner;
    each_point(spec, [&](const RunConfig& config) { planner.add(config); });
    give_own_folders(planner.runs);
    return std::move(planner.runs);
}

void identify(std::vector<PlannedRun>& runs, const HashOfFile& hash,
              const std::function<Environment(const RunConfig&)>& machine) {
    std::map<std::tuple<DeviceKind, int, int>, Place> places;
    std::map<std::filesystem::path, std::string> hashes; // most runs read the same files
    const auto once = [&](const std::filesystem::path& file) {
        const auto [known, is_new] = hashes.try_emplace(file);
        if (is_new) known->second = hash(file);
        return known->second;
    };
    for (auto& run : runs) {
        if (!run.impossible.empty()) continue;
        try {
            run.contents = contents_of(run.config, once);
        } catch (const Error&) {
            continue;
        }
        run.hash = hash_of(run.config, run.contents);
        const auto key = std::tuple(run.config.device, run.config.gpu, run.config.threads);
        const auto [known, is_new] = places.try_emplace(key);
        if (is_new) known->second = place_of(machine(run.config));
        run.place = known->second;
    }
}

std::vector<PlannedRun> corners_first(std::vector<PlannedRun> runs, const Spec& spec) {
    if (std::any_of(runs.begin(), runs.end(),
                    [](const PlannedRun& run) { return rounds_of(run.config) > 1; }))
        return runs;
    std::vector<std::unordered_map<std::string, int>> axes;
    for (const auto& axis : spec.axes) axes.push_back(turns(axis));
    const auto turn_of = [&](const PlannedRun& run) {
        std::pair<int, int> turn{0, 0}; // the last axis to come, then all together
        for (std::size_t i = 0; i < axes.size(); ++i) {
            if (!find_field(spec.axes[i].field)->applies(run.config)) continue;
            const auto found = axes[i].find(get_field(run.config, spec.axes[i].field));
            if (found == axes[i].end()) return std::pair{1000, 1000}; // an explicit point: last
            turn.first = std::max(turn.first, found->second);
            turn.second += found->second;
        }
        return turn;
    };
    std::vector<std::pair<std::pair<int, int>, std::size_t>> order;
    for (std::size_t i = 0; i < runs.size(); ++i) order.emplace_back(turn_of(runs[i]), i);
    std::sort(order.begin(), order.end());
    std::vector<PlannedRun> sorted;
    for (const auto& [turn, i] : order) sorted.push_back(std::move(runs[i]));
    return sorted;
}

} // namespace sweetspot

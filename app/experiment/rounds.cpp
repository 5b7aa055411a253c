#include "app/experiment/rounds.h"
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string_view>

namespace sweetspot {

namespace {

/// What round `index` of `rounds` gets of whole things: the first ones get what is left over.
int share(int all, int rounds, int index) {
    return all / rounds + (index < all % rounds);
}

/// Fisher and Yates; std::shuffle draws otherwise in other libraries.
template <class T>
void shuffle(std::vector<T>& items, std::mt19937_64& draw) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[draw() % i]);
}

} // namespace

int rounds_of(const RunConfig& config) {
    if (config.device == DeviceKind::plan || config.task == Task::train) return 1;
    return std::clamp(config.rounds, 1, std::max(1, config.max_repeats));
}

RunConfig round_config(const RunConfig& config, int round) {
    const int rounds = rounds_of(config);
    RunConfig part = config;
    part.rounds = 1;
    part.repeats = std::max(1, share(config.repeats, rounds, round));
    part.max_repeats = std::max(1, share(config.max_repeats, rounds, round));
    part.min_seconds = config.min_seconds / rounds;
    part.noise = config.noise * std::sqrt(double(rounds));
    part.trace = config.trace && round == 0;
    if (round > 0) part.quality = QualityPass::none;
    return part;
}

std::vector<std::size_t> round_order(std::span<const std::string> models, int round,
                                     std::int64_t seed) {
    std::vector<std::vector<std::size_t>> groups;
    std::map<std::string_view, std::size_t> places;
    for (std::size_t i = 0; i < models.size(); ++i) {
        const auto [place, is_new] = places.try_emplace(models[i], groups.size());
        if (!is_new && !models[i].empty()) {
            groups[place->second].push_back(i);
            continue;
        }
        groups.push_back({i});
    }
    std::mt19937_64 draw(std::uint64_t(seed) * 1'000'003 + std::uint64_t(round / 2));
    shuffle(groups, draw);
    std::vector<std::size_t> order;
    for (auto& group : groups) {
        shuffle(group, draw);
        order.insert(order.end(), group.begin(), group.end());
    }
    if (round % 2) std::reverse(order.begin(), order.end());
    return order;
}

} // namespace sweetspot

#include "app/experiment/label_scores.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace sweetspot {

namespace {

std::optional<double> correlation(std::span<const double> a, std::span<const double> b) {
    const auto mean = [](std::span<const double> x) {
        return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size());
    };
    const double mean_a = mean(a), mean_b = mean(b);
    double both = 0, of_a = 0, of_b = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        both += (a[i] - mean_a) * (b[i] - mean_b);
        of_a += (a[i] - mean_a) * (a[i] - mean_a);
        of_b += (b[i] - mean_b) * (b[i] - mean_b);
    }
    if (of_a == 0 || of_b == 0) return {};
    return both / std::sqrt(of_a) / std::sqrt(of_b);
}

/// From 1; equals share the mean of theirs.
std::vector<double> ranks_of(std::span<const double> x) {
    std::vector<std::size_t> order(x.size());
    std::iota(order.begin(), order.end(), std::size_t(0));
    std::ranges::sort(order, {}, [&](std::size_t i) { return x[i]; });
    std::vector<double> ranks(x.size());
    for (std::size_t first = 0, end = 0; first < order.size(); first = end) {
        while (end < order.size() && x[order[end]] == x[order[first]]) ++end;
        for (std::size_t i = first; i < end; ++i) ranks[order[i]] = double(first + end + 1) / 2;
    }
    return ranks;
}

} // namespace

NumberScores score_numbers(std::span<const double> predictions, std::span<const double> expected) {
    double squares = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i)
        squares += (predictions[i] - expected[i]) * (predictions[i] - expected[i]);
    return {.pearson = correlation(predictions, expected),
            .spearman = correlation(ranks_of(predictions), ranks_of(expected)),
            .rmse = std::sqrt(squares / double(predictions.size()))};
}

Json confusion_json(const Confusion& confusion) {
    Json all = Json::object();
    for (const auto& [pair, count] : confusion) {
        if (!all.contains(pair.first)) all[pair.first] = Json::object();
        all[pair.first][pair.second] = count;
    }
    return all;
}

ClassScores score_classes(std::span<const std::string> predictions,
                          std::span<const std::string> expected) {
    struct Counts {
        double both = 0, predicted = 0, expected = 0;
    };
    ClassScores y;
    std::map<std::string, Counts> classes;
    double right = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
        ++y.confusion[{expected[i], predictions[i]}];
        ++classes[predictions[i]].predicted;
        ++classes[expected[i]].expected;
        if (predictions[i] != expected[i]) continue;
        ++classes[expected[i]].both;
        ++right;
    }
    for (const auto& [name, counts] : classes)
        y.macro_f1 += 2 * counts.both / (counts.predicted + counts.expected);
    y.macro_f1 /= double(classes.size());
    y.accuracy = right / double(predictions.size());
    return y;
}

} // namespace sweetspot

#include "app/analysis/budget.h"
#include "app/analysis/columns.h"
#include "app/analysis/compare.h"
#include "app/analysis/format.h"
#include "engine/config/nearest.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cmath>

// Limits that runs must keep, as values: read from what a person writes or a page drags, applied to
// a run, said in words.

namespace sweetspot {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr std::string_view quality_loss = "quality-loss";

[[noreturn]] void refuse(const std::string& sentence) {
    throw Error(Failure::bad_input, sentence);
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

/// The sign that a text holds first, with its place and length.
struct Sign {
    std::size_t at = std::string_view::npos, length = 0;
    std::optional<Budget::Side> side{};
};
Sign sign_in(std::string_view text) {
    using Side = Budget::Side;
    const auto at = text.find_first_of("<>= ");
    if (at == std::string_view::npos) return {};
    std::size_t end = at;
    while (end < text.size() && std::string_view("<>= ").find(text[end]) != std::string_view::npos)
        ++end;
    const auto sign = trimmed(text.substr(at, end - at));
    Sign found{at, end - at, {}};
    if (sign == "<=" || sign == "<") found.side = Side::at_most;
    if (sign == ">=" || sign == ">") found.side = Side::at_least;
    if (sign == "=" || sign == "==") found.side = Side::equal;
    return found;
}

std::optional<double> number_of(const Budget& budget, const RunRecord& run,
                                const QualityReference& reference) {
    const auto known = [](std::optional<double> value) {
        return value && std::isfinite(*value) ? value : std::nullopt;
    };
    switch (budget.of) {
    case Budget::Of::metric: return known(value_of(run, budget.name));
    case Budget::Of::field:
        if (double value = 0; from_text(find_field(budget.name)->get(run.config), value))
            return value;
        return {};
    case Budget::Of::quality_loss:
        if (reference.metric.empty() || !(reference.value > 0) || has_random_weights(run))
            return {};
        if (const auto value = known(value_of(run, reference.metric)))
            return *value / reference.value - 1;
        return {};
    }
    return {};
}

std::string_view unit_of(const Budget& budget) {
    switch (budget.of) {
    case Budget::Of::metric: return find_metric(budget.name)->unit;
    case Budget::Of::field: return find_field(budget.name)->unit == "bytes" ? "bytes" : "";
    case Budget::Of::quality_loss: return "share";
    }
    return {};
}

std::string title_of(const Budget& budget) {
    if (budget.of == Budget::Of::metric) return std::string(find_metric(budget.name)->title);
    return budget.of == Budget::Of::quality_loss ? "quality loss" : budget.name;
}

std::string value_text(const Budget& budget, double value) {
    return budget.of == Budget::Of::field && unit_of(budget).empty()
               ? plain_text(value)
               : format_value(value, unit_of(budget));
}

} // namespace

Budget budget_on(const MetricInfo& metric, double value) {
    return {.name = std::string(metric.name),
            .side =
                metric.better == Better::higher ? Budget::Side::at_least : Budget::Side::at_most,
            .value = value};
}

Budget read_budget(std::string_view text) {
    text = trimmed(text);
    const auto sign = sign_in(text);
    const auto name = text.substr(0, sign.at);
    const std::string quoted = '"' + std::string(text) + '"';
    if (sign.at == std::string_view::npos || name.empty())
        refuse(quoted + " is no limit; write it as memory<=24GiB, quality-loss<=1% or batch>=8.");
    const auto value = trimmed(text.substr(sign.at + sign.length));
    Budget budget;
    if (name == quality_loss || name == "quality_loss") {
        budget = {.of = Budget::Of::quality_loss, .name = "quality_loss"};
    } else if (const auto* metric = metric_called(name)) {
        budget = budget_on(*metric, 0);
    } else if (const auto* field = find_field(name)) {
        budget = {.of = Budget::Of::field, .name = std::string(name), .side = Budget::Side::equal};
        if (!field->is_number()) {
            if (sign.side && *sign.side != Budget::Side::equal)
                refuse(std::string(name) + " is a word: it is = or nothing, in " + quoted + ".");
            if (const auto wrong = misfit(name, value); !wrong.empty()) refuse(wrong);
            budget.text = value;
            return budget;
        }
    } else {
        std::vector<std::string_view> names{quality_loss};
        for (const auto& [called, of] : objective_names) names.push_back(called);
        for (const RunField& known : run_fields()) names.push_back(known.name);
        refuse("There is no metric or field \"" + std::string(name) + "\"" +
               (is_near(name, nearest(name, names)) ? did_you_mean(name, names) : "."));
    }
    if (sign.side) budget.side = *sign.side;
    const auto number = read_value(value, unit_of(budget));
    if (!number)
        refuse("\"" + std::string(value) + "\" is no value of " + title_of(budget) +
               (unit_of(budget) == "bytes"   ? "; write it as 24GiB or 24GB."
                : unit_of(budget) == "s"     ? "; write it as 20ms."
                : unit_of(budget) == "share" ? "; write it as 1%."
                                             : "; it is a number."));
    budget.value = *number;
    return budget;
}

std::string to_text(const Budget& budget) {
    constexpr std::array signs{" ≤ ", " ≥ ", " = "};
    return title_of(budget) + signs[std::size_t(budget.side)] +
           (budget.text.empty() ? value_text(budget, budget.value) : budget.text);
}

QualityReference quality_reference(std::span<const RunRecord> runs, const RunRecord* baseline) {
    for (const std::string_view metric : {"perplexity", "loss_nats"}) {
        QualityReference reference;
        const auto look_at = [&](const RunRecord& run) {
            if (run.status != RunStatus::done || !why_no_value(run, *find_metric(metric)).empty())
                return;
            const double value = *value_of(run, metric);
            if (reference.metric.empty() || value < reference.value)
                reference = {metric, value, run.id};
        };
        if (baseline) look_at(*baseline);
        if (reference.metric.empty()) {
            for (const auto& run : runs) look_at(run);
            const double same = reference.value * (1 + CompareOptions().quality_tolerance);
            const auto whole = std::ranges::find_if(runs, [&](const RunRecord& run) {
                return run.config.precision == Precision::f32 &&
                       run.config.weight_format == WeightFormat::dense &&
                       run.status == RunStatus::done &&
                       why_no_value(run, *find_metric(metric)).empty() &&
                       *value_of(run, metric) <= same;
            });
            if (!reference.metric.empty() && whole != runs.end())
                reference = {metric, *value_of(*whole, metric), whole->id};
        }
        if (!reference.metric.empty()) return reference;
    }
    return {};
}

double excess(const Budget& budget, const RunRecord& run, const QualityReference& reference) {
    if (!budget.text.empty())
        return find_field(budget.name)->get(run.config) == budget.text ? 0 : infinite;
    return excess(budget, number_of(budget, run, reference));
}

double excess(const Budget& budget, std::optional<double> value) {
    if (!value) return infinite;
    const double over = budget.side == Budget::Side::at_most    ? *value - budget.value
                        : budget.side == Budget::Side::at_least ? budget.value - *value
                                                                : std::abs(*value - budget.value);
    if (over <= 0) return 0;
    if (budget.of == Budget::Of::quality_loss) return over;
    return budget.value != 0 ? over / std::abs(budget.value) : infinite;
}

std::string excess_text(const Budget& budget, const RunRecord& run,
                        const QualityReference& reference) {
    const auto title = title_of(budget);
    if (!budget.text.empty())
        return title + " is " + find_field(budget.name)->get(run.config) + ", not " + budget.text;
    const auto value = number_of(budget, run, reference);
    if (!value) return title + " is not known";
    const double share = excess(budget, run, reference);
    std::string text = title + " is " + value_text(budget, *value);
    if (budget.side == Budget::Side::equal)
        return text + ", not " + value_text(budget, budget.value);
    const std::string side = budget.side == Budget::Side::at_most ? "over " : "below ";
    if (budget.of == Budget::Of::quality_loss || !std::isfinite(share))
        return text + ", " + side + value_text(budget, budget.value);
    return text + ", " + format_value(share, "share") + " " + side +
           value_text(budget, budget.value);
}

} // namespace sweetspot

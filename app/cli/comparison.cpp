#include "app/cli/comparison.h"
#include "app/analysis/explain.h"
#include "app/analysis/format.h"
#include "app/analysis/pair_words.h"
#include "app/analysis/quality.h"
#include "app/analysis/series.h"
#include "app/cli/html.h"
#include "app/experiment/config_json.h"
#include "app/experiment/printable.h"
#include <algorithm>
#include <iostream>

// What `compare` says, in three forms that hold the same: Markdown, JSON and a page.

namespace sweetspot {

namespace {

RunTable metric_table(const Comparison& comparison) {
    RunTable table{.columns = {{"metric", false},
                               {"A", true},
                               {"B", true},
                               {"B / A (95 %)", true},
                               {"verdict", false}}};
    for (const auto& m : comparison.metrics) {
        const auto& info = *find_metric(m.metric);
        if (m.a == 0 && m.b == 0) continue;
        table.rows.push_back({std::string(info.title), format_value(m.a, info.unit),
                              format_value(m.b, info.unit), ratio_text(m), verdict_text(m)});
    }
    return table;
}

RunTable difference_table(const Comparison& comparison) {
    RunTable table{.columns = {{"differs", false}, {"A", false}, {"B", false}, {"", false}}};
    for (const auto& d : comparison.differences)
        table.rows.push_back({d.name, d.a, d.b, d.environment ? "environment" : "field"});
    return table;
}

/// Of sweeps: a row a pair, with what people look at first.
RunTable pair_table(const std::vector<Pair>& pairs) {
    std::vector<RunRecord> runs;
    for (const auto& pair : pairs) runs.push_back(*pair.a);
    const auto varying = varying_fields(runs);
    RunTable table{.columns = {{"run A", true}, {"run B", true}, {"point", false}}};
    for (const auto name : pair_metrics) {
        const auto has = [&](const Pair& pair) {
            return std::any_of(pair.comparison.metrics.begin(), pair.comparison.metrics.end(),
                               [&](const auto& m) { return m.metric == name; });
        };
        if (!std::any_of(pairs.begin(), pairs.end(), has)) continue;
        table.columns.push_back({std::string(find_metric(name)->title) + " B / A", true});
        table.columns.push_back({"verdict", false});
    }
    for (const auto& pair : pairs) {
        std::vector<std::string> row{std::to_string(pair.a->id), std::to_string(pair.b->id),
                                     point_name(pair.a->config, varying)};
        for (const auto name : pair_metrics)
            for (const auto& m : pair.comparison.metrics)
                if (m.metric == name) {
                    row.push_back(ratio_text(m));
                    row.push_back(verdict_text(m));
                }
        row.resize(table.columns.size());
        table.rows.push_back(std::move(row));
    }
    return table;
}

/// Of one pair: where the difference is, in the ways that the records bear.
std::vector<Waterfall> waterfalls_of(const Pair& pair, const ComparedSets& sets) {
    const By by = sets.by;
    if (by == By::kernel && sets.timelines.size() == 2)
        return {kernel_waterfall(*pair.a, sets.timelines[0], *pair.b, sets.timelines[1])};
    std::vector<Waterfall> falls;
    for (std::size_t q = 0; q < names_of(Quantity{}).size(); ++q)
        falls.push_back(waterfall(*pair.a, *pair.b, Quantity(q), by));
    return falls;
}

RunTable waterfall_table(const Waterfall& fall) {
    const bool calls = fall.quantity != Quantity::memory;
    const auto amount = [&](std::int64_t value) {
        return format_value(fall.quantity == Quantity::time ? 1e-9 * double(value) : double(value),
                            fall.unit);
    };
    RunTable table{.columns = {{to_text(fall.quantity), false}, {"A", true}, {"B", true}}};
    if (calls) table.columns.push_back({"calls", true});
    table.columns.push_back({"B \u2212 A", true});
    table.columns.push_back({"", false});
    const auto add = [&](const Bar& bar) {
        std::vector<std::string> row{bar.name, amount(bar.a), amount(bar.b)};
        const bool known = bar.calls_a > 0 || bar.calls_b > 0;
        if (calls)
            row.push_back(!known ? ""
                          : bar.calls_a == bar.calls_b
                              ? to_text(bar.calls_a)
                              : to_text(bar.calls_a) + " → " + to_text(bar.calls_b));
        row.push_back(change_text(fall, bar.change()));
        row.push_back(remark_on(bar));
        table.rows.push_back(std::move(row));
    };
    for (const auto& bar : fall.bars)
        if (bar.change() != 0 || bar.in != Presence::both) add(bar);
    add({.name = "in all", .a = fall.a, .b = fall.b});
    return table;
}

/// Regions that are not in both, or do other work.
RunTable changed_regions(const Pair& pair) {
    RunTable table{.columns = {{"region", false}, {"", false}, {"A", true}, {"B", true}}};
    for (const auto& row : aligned(*pair.a, *pair.b)) {
        if (!row.changed) continue;
        const auto seconds = [](const std::optional<RegionSum>& region) {
            return region ? format_value(region->seconds, "s") : std::string();
        };
        table.rows.push_back({row.path,
                              row.in == Presence::only_a   ? "A only"
                              : row.in == Presence::only_b ? "B only"
                                                           : "changed",
                              seconds(row.a), seconds(row.b)});
    }
    return table;
}

Json json_of(const Waterfall& fall) {
    Json bars = Json::array();
    for (const auto& bar : fall.bars)
        bars.push_back({{"name", bar.name},
                        {"a", bar.a},
                        {"b", bar.b},
                        {"change", bar.change()},
                        {"calls_a", bar.calls_a},
                        {"calls_b", bar.calls_b},
                        {"noise", bar.noise},
                        {"inside_noise", bar.inside_noise()},
                        {"in", bar.in == Presence::only_a   ? "a"
                               : bar.in == Presence::only_b ? "b"
                                                            : "both"}});
    return {{"quantity", to_text(fall.quantity)},
            {"by", to_text(fall.by)},
            {"unit", fall.quantity == Quantity::time ? "ns" : std::string(fall.unit)},
            {"a", fall.a},
            {"b", fall.b},
            {"bars", bars},
            {"problem", fall.problem}};
}

/// What was paid in quality; differences of layers are B's.
Json quality_json(const Pair& pair, double tolerance) {
    Json quality{{"sentences", explain_quality(*pair.a, *pair.b, tolerance)}};
    if (const auto& paired = pair.comparison.paired)
        quality["paired"] = {{"tokens", paired->tokens},
                             {"perplexity_a", json_number(paired->a)},
                             {"perplexity_b", json_number(paired->b)},
                             {"difference", json_number(paired->difference)},
                             {"difference_low", json_number(paired->difference_low)},
                             {"difference_high", json_number(paired->difference_high)},
                             {"ratio", json_number(paired->ratio)},
                             {"ratio_low", json_number(paired->ratio_low)},
                             {"ratio_high", json_number(paired->ratio_high)}};
    Json bins = Json::array(), layers = Json::array(), batches = Json::array(),
         spread = Json::array();
    for (const auto& batch : pair.b->batch_differences)
        batches.push_back({{"batch", batch.batch}, {"largest", json_number(batch.largest)}});
    for (const auto& bin : pair.b->logit_bins)
        spread.push_back({{"from", json_number(bin.from)},
                          {"to", json_number(bin.to)},
                          {"reference", bin.reference},
                          {"run", bin.run}});
    for (const auto& bin : pair.b->difference_bins)
        bins.push_back(
            {{"from", json_number(bin.from)}, {"to", json_number(bin.to)}, {"count", bin.count}});
    for (const auto& place : pair.b->layer_differences)
        layers.push_back({{"layer", place.layer},
                          {"place", to_text(place.place)},
                          {"relative", json_number(place.relative)}});
    quality["log10_logit_differences"] = bins;
    quality["layers"] = layers;
    quality["batches"] = batches;
    quality["logits"] = spread;
    return quality;
}

Json json_of(const Pair& pair, const ComparedSets& sets) {
    Json metrics = Json::array(), differences = Json::array(), falls = Json::array();
    for (const auto& m : pair.comparison.metrics)
        metrics.push_back({{"metric", m.metric},
                           {"a", json_number(m.a)},
                           {"b", json_number(m.b)},
                           {"ratio", json_number(m.ratio)},
                           {"ratio_low", json_number(m.ratio_low)},
                           {"ratio_high", json_number(m.ratio_high)},
                           {"verdict", to_text(m.verdict)},
                           {"chance", m.chance ? json_number(*m.chance) : Json()},
                           {"needs", m.needs}});
    for (const auto& d : pair.comparison.differences)
        differences.push_back(
            {{"name", d.name}, {"a", d.a}, {"b", d.b}, {"environment", d.environment}});
    for (const auto& fall : waterfalls_of(pair, sets)) falls.push_back(json_of(fall));
    return {{"run_a", pair.a->id},
            {"run_b", pair.b->id},
            {"metrics", metrics},
            {"differences", differences},
            {"warnings", pair.comparison.warnings},
            {"quality", quality_json(pair, sets.logit_tolerance)},
            {"why", explain_difference(*pair.a, *pair.b)},
            {"waterfalls", falls}};
}

void write_table(std::ostream& out, RunTable table) {
    if (table.rows.empty()) return;
    write_markdown_table(out, std::move(table));
    out << '\n';
}

} // namespace

void write_comparison_markdown(std::ostream& out, const ComparedSets& sets) {
    const auto& pairs = sets.found.pairs;
    out << "A: " << printable(sets.title_a) << "\nB: " << printable(sets.title_b) << "\n\n";
    const auto& first = pairs.front();
    write_table(out, pairs.size() == 1 ? metric_table(first.comparison) : pair_table(pairs));
    write_table(out, difference_table(first.comparison));
    if (pairs.size() == 1) {
        for (const auto& fall : waterfalls_of(first, sets))
            if (fall.problem.empty() && fall.a != fall.b) write_table(out, waterfall_table(fall));
        write_table(out, changed_regions(first));
        for (const auto& sentence : explain_difference(*first.a, *first.b))
            out << printable(sentence) << '\n';
        for (const auto& sentence : explain_quality(*first.a, *first.b, sets.logit_tolerance))
            out << printable(sentence) << '\n';
    }
    if (pairs.size() > 1)
        for (const auto& sentence : summaries_of(sets.found)) out << printable(sentence) << '\n';
    const auto needs = needs_of(pairs);
    for (const auto& sentence : needs) out << printable(sentence) << '\n';
    if (!needs.empty()) out << '\n';
    for (const auto& warning : warnings_of(sets.found))
        out << "Warning: " << printable(warning) << '\n';
}

void write_comparison_json(std::ostream& out, const ComparedSets& sets) {
    Json rows = Json::array();
    for (const auto& pair : sets.found.pairs) rows.push_back(json_of(pair, sets));
    out << printable_json(dump(rows, 2)) << '\n';
}

void write_comparison_html(std::ostream& out, const ComparedSets& sets) {
    const auto& pairs = sets.found.pairs;
    const auto& first = pairs.front();
    begin_page(out, sets.title_a + " → " + sets.title_b);
    const auto section = [&](const char* title, const RunTable& table) {
        if (table.rows.empty()) return;
        out << "<section><h2>" << title << "</h2>";
        write_html_table(out, table);
        out << "</section>\n";
    };
    section("What changed from A to B",
            pairs.size() == 1 ? metric_table(first.comparison) : pair_table(pairs));
    if (pairs.size() > 1) write_html_list(out, "In all", summaries_of(sets.found));
    if (pairs.size() == 1) {
        write_html_list(out, "Why", explain_difference(*first.a, *first.b));
        write_html_list(out, "Quality", explain_quality(*first.a, *first.b, sets.logit_tolerance));
        for (const auto& fall : waterfalls_of(first, sets)) write_html_waterfall(out, fall);
        section("Regions that are not the same", changed_regions(first));
    }
    section("What else differs", difference_table(first.comparison));
    write_html_list(out, "What would decide", needs_of(pairs));
    write_html_list(out, "Mind", warnings_of(sets.found));
    end_page(out);
}

} // namespace sweetspot

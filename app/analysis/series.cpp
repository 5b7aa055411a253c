#include "app/analysis/series.h"
#include "app/analysis/columns.h"
#include <algorithm>
#include <map>
#include <set>

// Runs as series: which field is x, which make colours, which make facets, by what varies among the
// runs. What is not told by one of the three is left for the reader to see.

namespace sweetspot {

namespace {

struct FieldUse {
    std::string name;
    bool number = false;
    std::vector<std::string> values; ///< in the order they first occur; an enum's in its own
    std::map<std::string, std::size_t> places; ///< of the values in their order
};

/// What to_text() of a number says.
double number_of(const std::string& text) {
    double number = 0;
    from_text(text, number);
    return number;
}

const FieldUse* find(const std::vector<FieldUse>& all, const std::string& name) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const FieldUse& use) { return use.name == name; });
    return found == all.end() ? nullptr : &*found;
}

/// A field with the values that the runs give it. Those to which it makes no difference do not
/// count beside others: another field says already what they are.
FieldUse use_of(std::span<const RunRecord> runs, const RunField& field) {
    FieldUse use{std::string(field.name), field.is_number(), {}, {}};
    const auto applies = [&](const RunRecord& run) { return field.applies(run.config); };
    const bool some = std::any_of(runs.begin(), runs.end(), applies);
    for (const auto& run : runs) {
        if (some && !applies(run)) continue;
        auto text = field.get(run.config);
        if (use.places.emplace(text, 0).second) use.values.push_back(std::move(text));
    }
    const auto& order = field.choices;
    if (!order.empty())
        std::sort(use.values.begin(), use.values.end(), [&](const auto& a, const auto& b) {
            return std::find(order.begin(), order.end(), a) <
                   std::find(order.begin(), order.end(), b);
        });
    if (use.number)
        std::sort(use.values.begin(), use.values.end(),
                  [](const auto& a, const auto& b) { return number_of(a) < number_of(b); });
    for (std::size_t i = 0; i < use.values.size(); ++i) use.places[use.values[i]] = i;
    return use;
}

/// Those of the fields that a plot is made of, each once.
std::vector<FieldUse> uses(std::span<const RunRecord> runs, const PlotChoice& choice) {
    std::vector<FieldUse> all;
    const auto add = [&](const std::string& name) {
        const RunField* field = find_field(name);
        if (field && !find(all, name)) all.push_back(use_of(runs, *field));
    };
    add(choice.x);
    for (const auto* names : {&choice.colour, &choice.marker, &choice.facet})
        for (const auto& name : *names) add(name);
    return all;
}

/// Those in which the runs differ, in the fields' order. Values are compared as they are: texts of
/// a hundred fields would cost a view of many runs a second.
std::vector<FieldUse> differing_uses(std::span<const RunRecord> runs) {
    std::set<std::string_view> differing;
    each_run_field([&](const Field& field, auto member) {
        if (std::any_of(runs.begin(), runs.end(), [&](const RunRecord& run) {
                return run.config.*member != runs.front().config.*member;
            }))
            differing.insert(field.name);
    });
    std::vector<FieldUse> all;
    for (const RunField& field : run_fields())
        if (differing.contains(field.name))
            if (auto use = use_of(runs, field); use.values.size() > 1)
                all.push_back(std::move(use));
    return all;
}

/// The place of a field's value in its order, so that groups come in it.
std::size_t place(const std::vector<FieldUse>& all, const RunRecord& run, const std::string& name) {
    const auto* use = find(all, name);
    if (!use) return 0;
    const auto found = use->places.find(get_field(run.config, name));
    return found == use->places.end() ? use->values.size() : found->second;
}

std::optional<double> x_of(const std::vector<FieldUse>& all, const RunRecord& run,
                           const std::string& x) {
    const auto* use = find(all, x);
    if (!use) return value_of(run, x);
    if (!use->number) return double(place(all, run, x));
    return number_of(get_field(run.config, x));
}

std::optional<SeriesPoint> point_of(const std::vector<FieldUse>& all, const RunRecord& run,
                                    const PlotChoice& choice) {
    const auto x = x_of(all, run, choice.x);
    const auto y = has_result(run) ? value_of(run, choice.y) : std::nullopt;
    // That somebody stopped the sweep says nothing about the point.
    const bool impossible = run.status == RunStatus::impossible;
    const bool failed =
        impossible || (run.status == RunStatus::failed && run.failure != Failure::interrupted);
    if (!x || (!y && !failed)) return {};
    SeriesPoint point{.x = *x, .run_id = run.id, .failed = failed, .impossible = impossible};
    if (y && !failed) {
        point.y = point.low = point.high = *y;
        if (const auto summary = summarize(run, choice.y)) {
            point.low = std::min(summary->interval_low, *y);
            point.high = std::max(summary->interval_high, *y);
        }
    }
    return point;
}

/// A value with the field's name where the value alone would not tell: "batch 8", but "flash".
std::string named(const RunConfig& config, const std::string& name) {
    const RunField* field = find_field(name);
    if (!field) return {};
    const bool plain = field->is_number() || field->kind == RunField::Kind::toggle;
    return plain ? name + " " + field->get(config) : field->get(config);
}

std::string joined(const RunConfig& config, const std::vector<std::string>& fields,
                   std::string_view between) {
    std::string text;
    for (const auto& field : fields) {
        if (!text.empty()) text += between;
        text += named(config, field);
    }
    return text;
}

} // namespace

std::vector<std::string> categories(std::span<const RunRecord> runs, const std::string& field) {
    const RunField* known = find_field(field);
    return known && !known->is_number() ? use_of(runs, *known).values : std::vector<std::string>{};
}

std::vector<std::string> ordered_values(std::span<const RunRecord> runs, const std::string& field) {
    const RunField* known = find_field(field);
    return known ? use_of(runs, *known).values : std::vector<std::string>{};
}

namespace {

/// The x that the runs have, in order, of those that the field makes a difference to.
std::vector<double> xs_of(std::span<const RunRecord> runs, const RunField& field) {
    std::set<double> xs;
    for (const auto& run : runs)
        if (field.applies(run.config)) xs.insert(number_of(field.get(run.config)));
    return {xs.begin(), xs.end()};
}

/// The runs as facets of series of what `point_of` makes of each; those of which it makes nothing
/// are left out. One to which a numeric x makes no difference stands at every x: a level line.
template <class PointOf>
std::vector<Facet> grouped(std::span<const RunRecord> runs, const PlotChoice& choice,
                           const std::vector<FieldUse>& all, const PointOf& point_of) {
    const RunField* x = find_field(choice.x);
    if (x && !x->is_number()) x = nullptr;
    const auto xs = x ? xs_of(runs, *x) : std::vector<double>{};
    using Key = std::vector<std::size_t>;
    const auto keyed = [&](const RunRecord& run, const std::vector<std::string>& fields) {
        Key key;
        for (const auto& field : fields) key.push_back(place(all, run, field));
        return key;
    };
    std::map<Key, std::pair<Facet, std::map<Key, Series>>> groups;
    for (const auto& run : runs) {
        const std::optional<SeriesPoint> point = point_of(run);
        if (!point) continue;
        auto& [facet, series] = groups[keyed(run, choice.facet)];
        facet.name = joined(run.config, choice.facet, ", ");
        auto key = keyed(run, choice.colour);
        for (const auto at : keyed(run, choice.marker)) key.push_back(at);
        auto& line = series[key];
        line.name = series_name(run.config, choice);
        line.colour = joined(run.config, choice.colour, " ");
        line.marker = joined(run.config, choice.marker, " ");
        const bool everywhere = x && !xs.empty() && !x->applies(run.config);
        for (const double at : everywhere ? xs : std::vector{point->x}) {
            line.points.push_back(*point);
            line.points.back().x = at;
        }
    }
    std::vector<Facet> result;
    for (auto& [_, group] : groups) {
        for (auto& [_, line] : group.second) {
            std::stable_sort(line.points.begin(), line.points.end(),
                             [](const auto& a, const auto& b) { return a.x < b.x; });
            group.first.series.push_back(std::move(line));
        }
        result.push_back(std::move(group.first));
    }
    return result;
}

} // namespace

std::string series_name(const RunConfig& config, const PlotChoice& choice) {
    auto fields = choice.colour;
    fields.insert(fields.end(), choice.marker.begin(), choice.marker.end());
    return joined(config, fields, " ");
}

std::vector<Facet> facets(std::span<const RunRecord> runs, const PlotChoice& choice) {
    const auto all = uses(runs, choice);
    return grouped(runs, choice, all,
                   [&](const RunRecord& run) { return point_of(all, run, choice); });
}

std::vector<Facet> facet_frame(std::span<const RunRecord> runs, const PlotChoice& choice) {
    const auto all = uses(runs, choice);
    return grouped(runs, choice, all, [&](const RunRecord& run) {
        const double x = find(all, choice.x) ? x_of(all, run, choice.x).value_or(0) : 0;
        return std::optional(SeriesPoint{.x = x, .run_id = run.id, .failed = true});
    });
}

std::vector<std::string> varying_fields(std::span<const RunRecord> runs) {
    std::vector<std::string> names;
    for (auto& use : differing_uses(runs)) names.push_back(std::move(use.name));
    return names;
}

std::string point_name(const RunConfig& config, std::span<const std::string> varying) {
    std::vector<std::string> fields;
    for (const RunField& field : run_fields())
        if (std::find(varying.begin(), varying.end(), field.name) != varying.end())
            fields.emplace_back(field.name);
    return fields.empty() ? config.model : joined(config, fields, " ");
}

PlotChoice default_choice(std::span<const RunRecord> runs, const std::string& y) {
    auto varying = differing_uses(runs);
    PlotChoice choice{.y = y};
    const auto take = [&](auto first) {
        const auto use = *first;
        varying.erase(first);
        return use;
    };
    // x: the numeric field with most values, the later of equals (sequence before batch); else any.
    auto best = varying.end();
    for (auto i = varying.begin(); i != varying.end(); ++i)
        if (i->number && (best == varying.end() || i->values.size() >= best->values.size()))
            best = i;
    if (best == varying.end() && !varying.empty()) best = varying.begin();
    if (best != varying.end()) choice.x = take(best).name;
    // Colour: names before numbers, while there are colours for all: six. A reference is first: it
    // belongs into the picture of what it is held against.
    std::stable_partition(varying.begin(), varying.end(),
                          [](const FieldUse& use) { return use.name == "memory_model"; });
    std::size_t colours = 1;
    for (const bool number : {false, true})
        for (auto i = varying.begin(); i != varying.end() && choice.colour.size() < 2;)
            if (i->number == number && colours * i->values.size() <= 6) {
                colours *= i->values.size();
                choice.colour.push_back(i->name);
                i = varying.erase(i);
            } else {
                ++i;
            }
    // Facets: what is left, from the field with fewest values, while they fit side by side; the
    // first of them in any case.
    std::stable_sort(varying.begin(), varying.end(), [](const auto& a, const auto& b) {
        return a.values.size() < b.values.size();
    });
    std::size_t facet_count = 1;
    for (const auto& use : varying) {
        facet_count *= use.values.size();
        if (!choice.facet.empty() && facet_count > 4) break;
        choice.facet.push_back(use.name);
    }
    return choice;
}

} // namespace sweetspot

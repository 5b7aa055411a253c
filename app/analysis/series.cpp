#include "app/analysis/series.h"
#include "app/analysis/columns.h"
#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>

// Runs as series: which field is x, which make colours, which make facets, by what varies among the
// runs. What is not told by one of the three is left for the reader to see.

namespace sweetspot {

namespace {

/// A field with the values that runs give it.
struct FieldUse {
    std::string name;
    bool number = false;
    std::vector<std::string> values; ///< in the order they first occur; an enum's in its own
    std::vector<std::size_t> places; ///< of each run's in that order; behind the last if in none
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

/// In the order of an enum, or of numbers; others stay as they are.
void put_in_order(FieldUse& use, const std::vector<std::string>& choices) {
    std::vector<std::size_t> order(use.values.size()), place(use.values.size() + 1);
    std::iota(order.begin(), order.end(), std::size_t(0));
    const auto by = [&](const auto& rank) {
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return rank(use.values[a]) < rank(use.values[b]);
        });
    };
    if (!choices.empty())
        by([&](const std::string& value) {
            return std::find(choices.begin(), choices.end(), value);
        });
    if (use.number) by(number_of);
    std::vector<std::string> ordered;
    for (const auto at : order) ordered.push_back(std::move(use.values[at]));
    use.values = std::move(ordered);
    place.back() = order.size();
    for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
    for (std::size_t& at : use.places) at = place[at];
}

/// The values to which it makes no difference do not count beside others: another field says
/// already what they are.
FieldUse use_of(std::span<const RunRecord> runs, const RunField& field) {
    constexpr auto none = std::size_t(-1);
    FieldUse use{std::string(field.name), field.is_number(), {}, {}};
    const auto applies = [&](const RunRecord& run) { return field.applies(run.config); };
    const bool some = std::any_of(runs.begin(), runs.end(), applies);
    std::unordered_map<std::string, std::size_t> known; // a text's place among the values
    std::vector<const std::size_t*> found;
    for (const auto& run : runs) {
        const auto at = known.try_emplace(field.get(run.config), none).first;
        found.push_back(&at->second);
        if (at->second != none || (some && !applies(run))) continue;
        at->second = use.values.size();
        use.values.push_back(at->first);
    }
    for (const auto* place : found) use.places.push_back(std::min(*place, use.values.size()));
    put_in_order(use, field.choices);
    return use;
}

/// Those in which the runs differ. Values are compared as they are: texts of a hundred fields would
/// cost a view of many runs a second.
std::set<std::string_view> differing_fields(std::span<const RunRecord> runs) {
    constexpr std::size_t block =
        64; // that stays in the cache while field after field is looked at
    std::set<std::string_view> differing;
    for (std::size_t i = 0; i < runs.size(); i += block)
        each_run_field([&](const Field& field, auto member) {
            const auto some = runs.subspan(i, std::min(block, runs.size() - i));
            if (!differing.contains(field.name) &&
                std::any_of(some.begin(), some.end(), [&](const RunRecord& run) {
                    return run.config.*member != runs.front().config.*member;
                }))
                differing.insert(field.name);
        });
    return differing;
}

/// Likewise where it makes a difference, in the fields' order.
std::vector<FieldUse> differing_uses(std::span<const RunRecord> runs) {
    const auto differing = differing_fields(runs);
    std::vector<FieldUse> all;
    for (const RunField& field : run_fields())
        if (differing.contains(field.name))
            if (auto use = use_of(runs, field); use.values.size() > 1)
                all.push_back(std::move(use));
    return all;
}

/// Whether the runs to which a field makes a difference differ in it, as use_of() has it.
bool varies(std::span<const RunRecord> runs, const RunField& field) {
    const bool some = std::any_of(runs.begin(), runs.end(),
                                  [&](const RunRecord& run) { return field.applies(run.config); });
    std::optional<std::string> first;
    return std::any_of(runs.begin(), runs.end(), [&](const RunRecord& run) {
        if (some && !field.applies(run.config)) return false;
        if (!first) first = field.get(run.config);
        return field.get(run.config) != *first;
    });
}

/// Runs with the fields that a plot of them is made of.
struct Uses {
    std::span<const RunRecord> runs;
    std::vector<FieldUse> all;

    /// The place of a run's value in its field's order, so that groups come in it.
    std::size_t place(std::size_t run, const std::string& field) const {
        const auto* use = find(all, field);
        return use ? use->places[run] : 0;
    }
    std::optional<double> x_of(std::size_t run, const std::string& x) const {
        const auto* use = find(all, x);
        if (!use) return value_of(runs[run], x);
        const auto at = use->places[run];
        if (!use->number) return double(at);
        return number_of(at < use->values.size() ? use->values[at]
                                                 : get_field(runs[run].config, x));
    }
};

/// With each field of the choice once.
Uses uses(std::span<const RunRecord> runs, const PlotChoice& choice) {
    Uses found{runs, {}};
    const auto add = [&](const std::string& name) {
        const RunField* field = find_field(name);
        if (field && !find(found.all, name)) found.all.push_back(use_of(runs, *field));
    };
    add(choice.x);
    for (const auto* names : {&choice.colour, &choice.marker, &choice.facet})
        for (const auto& name : *names) add(name);
    return found;
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
std::vector<Facet> grouped(const Uses& uses, const PlotChoice& choice, const PointOf& point_of) {
    const RunField* x = find_field(choice.x);
    if (x && !x->is_number()) x = nullptr;
    const auto& runs = uses.runs;
    const auto xs = x ? xs_of(runs, *x) : std::vector<double>{};
    using Key = std::vector<std::size_t>;
    struct Group {
        std::size_t last = 0; ///< of its runs, which gives it its name
        std::map<Key, std::pair<std::size_t, Series>> lines{};
    };
    std::map<Key, Group> groups;
    Key facet, line; // outside the loop, which is long
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const std::optional<SeriesPoint> point = point_of(i);
        if (!point) continue;
        facet.clear();
        line.clear();
        for (const auto& field : choice.facet) facet.push_back(uses.place(i, field));
        for (const auto* fields : {&choice.colour, &choice.marker})
            for (const auto& field : *fields) line.push_back(uses.place(i, field));
        auto& group = groups[facet];
        auto& [last, series] = group.lines[line];
        group.last = last = i;
        const bool everywhere = x && !xs.empty() && !x->applies(runs[i].config);
        for (const double at : everywhere ? xs : std::vector{point->x}) {
            series.points.push_back(*point);
            series.points.back().x = at;
        }
    }
    std::vector<Facet> result;
    for (auto& [_, group] : groups) {
        Facet& named = result.emplace_back();
        named.name = joined(runs[group.last].config, choice.facet, ", ");
        for (auto& [_, line] : group.lines) {
            auto& [last, series] = line;
            const RunConfig& config = runs[last].config;
            series.name = series_name(config, choice);
            series.colour = joined(config, choice.colour, " ");
            series.marker = joined(config, choice.marker, " ");
            std::stable_sort(series.points.begin(), series.points.end(),
                             [](const auto& a, const auto& b) { return a.x < b.x; });
            named.series.push_back(std::move(series));
        }
    }
    return result;
}

} // namespace

std::string series_name(const RunConfig& config, const PlotChoice& choice) {
    auto fields = choice.colour;
    fields.insert(fields.end(), choice.marker.begin(), choice.marker.end());
    return joined(config, fields, " ");
}

std::optional<SeriesPoint> point_at(double x, const RunRecord& run, const std::string& y) {
    const auto value = has_result(run) ? value_of(run, y) : std::nullopt;
    // That somebody stopped the sweep says nothing about the point.
    const bool impossible = run.status == RunStatus::impossible;
    const bool failed =
        impossible || (run.status == RunStatus::failed && run.failure != Failure::interrupted);
    if (!value && !failed) return {};
    SeriesPoint point{.x = x, .run_id = run.id, .failed = failed, .impossible = impossible};
    if (value && !failed) {
        point.y = point.low = point.high = *value;
        if (const auto summary = summarize(run, y)) {
            point.low = std::min(summary->interval_low, *value);
            point.high = std::max(summary->interval_high, *value);
        }
    }
    return point;
}

std::vector<Facet> facets(std::span<const RunRecord> runs, const PlotChoice& choice) {
    const auto all = uses(runs, choice);
    return grouped(all, choice, [&](std::size_t i) -> std::optional<SeriesPoint> {
        const auto x = all.x_of(i, choice.x);
        return x ? point_at(*x, runs[i], choice.y) : std::nullopt;
    });
}

std::vector<Facet> facet_frame(std::span<const RunRecord> runs, const PlotChoice& choice) {
    const auto all = uses(runs, choice);
    const bool by_field = find_field(choice.x) != nullptr;
    return grouped(all, choice, [&](std::size_t i) {
        const double x = by_field ? all.x_of(i, choice.x).value_or(0) : 0;
        return std::optional(SeriesPoint{.x = x, .run_id = runs[i].id, .failed = true, .run = i});
    });
}

std::vector<std::string> varying_fields(std::span<const RunRecord> runs) {
    const auto differing = differing_fields(runs);
    std::vector<std::string> names;
    for (const RunField& field : run_fields())
        if (differing.contains(field.name) && varies(runs, field)) names.emplace_back(field.name);
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

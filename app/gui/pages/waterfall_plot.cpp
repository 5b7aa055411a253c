#include "app/gui/pages/waterfall_plot.h"
#include "app/analysis/explain.h"
#include "app/analysis/format.h"
#include <QObject>
#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>

// From the whole numbers of a waterfall to bars: each begins where the one before ended, so that
// what is drawn adds up as what was counted does.

namespace sweetspot::gui {
namespace {

constexpr std::size_t most_bars = 12;
constexpr int slot_a = 1, slot_b = 0, slot_less = 2, slot_more = 3, slot_noise = -1;

/// The largest changes in their order, and one bar of all others, which sums them exactly.
std::vector<Bar> condensed(const std::vector<Bar>& bars) {
    if (bars.size() <= most_bars) return bars;
    std::vector<std::int64_t> sizes;
    for (const Bar& bar : bars) sizes.push_back(std::abs(bar.change()));
    std::nth_element(sizes.begin(), sizes.begin() + most_bars - 2, sizes.end(), std::greater<>());
    const std::int64_t least = sizes[most_bars - 2];
    std::vector<Bar> kept;
    Bar rest;
    int merged = 0;
    for (const Bar& bar : bars) {
        if (std::abs(bar.change()) >= least && kept.size() < most_bars - 1) {
            kept.push_back(bar);
            continue;
        }
        rest.a += bar.a;
        rest.b += bar.b;
        rest.noise = std::max(rest.noise, bar.noise);
        ++merged;
    }
    rest.name = QObject::tr("%1 others").arg(merged).toStdString();
    kept.push_back(rest);
    return kept;
}

} // namespace

PlotSpec plotOf(const Waterfall& waterfall) {
    const double scale = waterfall.unit == "s" ? 1e-9 : 1;
    const ScaledUnit unit =
        scaled_unit(scale * double(std::max(waterfall.a, waterfall.b)), waterfall.unit);
    const auto shown = [&](std::int64_t amount) { return scale * double(amount) / unit.factor; };
    PlotSpec spec{.x = {.name = "part"}, .kind = PlotKind::floating};
    spec.y = {.name = std::string(to_text(waterfall.quantity)),
              .title = std::string(to_text(waterfall.quantity)),
              .unit = unit.label,
              .factor = unit.factor,
              .from_zero = true};
    spec.y.title[0] = char(std::toupper(spec.y.title[0]));
    spec.series = {{.name = "A", .slot = slot_a},
                   {.name = "B", .slot = slot_b},
                   {.name = QObject::tr("less").toStdString(), .slot = slot_less},
                   {.name = QObject::tr("more").toStdString(), .slot = slot_more},
                   {.name = QObject::tr("inside the noise").toStdString(), .slot = slot_noise}};
    const auto add = [&](std::size_t series, const std::string& name, double from, double to,
                         const std::string& label) {
        PlotSeries& bars = spec.series[series];
        bars.x.push_back(double(spec.x.categories.size()));
        bars.y.push_back(to);
        bars.lo.push_back(std::min(from, to));
        bars.hi.push_back(std::max(from, to));
        bars.labels.push_back(label);
        spec.x.categories.push_back(name);
    };
    add(0, "A", 0, shown(waterfall.a), format_number(shown(waterfall.a), 4));
    std::int64_t at = waterfall.a;
    for (const Bar& bar : condensed(waterfall.bars)) {
        const std::int64_t change = bar.change();
        add(bar.inside_noise() || change == 0 ? 4
            : change < 0                      ? 2
                                              : 3,
            bar.name, shown(at), shown(at + change), change_text(waterfall, change));
        at += change;
    }
    add(1, "B", 0, shown(waterfall.b), format_number(shown(waterfall.b), 4));
    std::erase_if(spec.series, [](const PlotSeries& series) { return series.x.empty(); });
    return spec;
}

} // namespace sweetspot::gui

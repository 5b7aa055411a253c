#include "app/gui/plot/plot_values.h"
#include "app/analysis/csv.h"
#include <cmath>

namespace sweetspot::gui {
namespace {

std::string head(const PlotAxis& axis) {
    const std::string& name = axis.title.empty() ? axis.name : axis.title;
    return csv_cell(axis.unit.empty() ? name : name + " (" + axis.unit + ")");
}

std::string number(double value) {
    return QString::number(value, 'g', 15).toStdString();
}

std::string placeOf(const PlotAxis& axis, double x) {
    if (std::isnan(x)) return {}; // it has none
    const auto index = std::size_t(x + 0.5);
    return index < axis.categories.size() ? csv_cell(axis.categories[index]) : number(x);
}

} // namespace

QString valuesOf(std::span<const PlotSpec> plots) {
    if (plots.empty()) return {};
    std::string text =
        "plot,series," + head(plots.front().x) + ',' + head(plots.front().y) + ",low,high,run\r\n";
    for (const PlotSpec& plot : plots)
        for (const PlotSeries& series : plot.series) {
            const std::string begin =
                csv_cell(plot.title) + ',' +
                csv_cell(series.predicted ? series.name + ", predicted" : series.name) + ',';
            for (std::size_t i = 0; i < series.x.size(); ++i) {
                text += begin + placeOf(plot.x, series.x[i]) + ',' + number(series.y[i]) + ',';
                if (i < series.lo.size()) text += number(series.lo[i]);
                text += ',';
                if (i < series.hi.size()) text += number(series.hi[i]);
                text += ',';
                if (i < series.ids.size()) text += std::to_string(series.ids[i]);
                text += "\r\n";
            }
            for (const auto* without : {&series.misfit_x, &series.impossible_x})
                for (const double x : *without) text += begin + placeOf(plot.x, x) + ",,,,\r\n";
        }
    return QString::fromStdString(text);
}

} // namespace sweetspot::gui

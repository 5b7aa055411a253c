#include "app/gui/models/plot_specs.h"
#include "app/analysis/format.h"
#include "app/gui/theme/theme.h"
#include <QObject>
#include <algorithm>
#include <cmath>
#include <set>

namespace sweetspot::gui {
namespace {

QString capital(QString text) {
    if (!text.isEmpty()) text[0] = text[0].toUpper();
    return text.replace('_', ' ');
}

bool isPowerOfTwo(double value) {
    int exponent = 0;
    return value >= 1 && std::frexp(value, &exponent) == 0.5;
}

bool repeatsX(const Series& series) {
    for (size_t i = 1; i < series.points.size(); ++i)
        if (series.points[i].x == series.points[i - 1].x) return true;
    return false;
}

PlotSeries plotSeries(const Series& series, const QString& name, int slot, double x_factor,
                      double y_factor) {
    PlotSeries result{.name = name, .slot = slot};
    bool spread = false;
    for (const SeriesPoint& point : series.points) {
        if (point.failed) {
            result.misfit_x.push_back(point.x / x_factor);
            continue;
        }
        spread = spread || point.low < point.high;
        result.x.push_back(point.x / x_factor);
        result.y.push_back(point.y / y_factor);
        result.lo.push_back(point.low / y_factor);
        result.hi.push_back(point.high / y_factor);
        result.ids.push_back(point.run_id);
    }
    if (!spread) result.lo.clear(), result.hi.clear();
    return result;
}

const Series* find(const Facet& facet, const QString& name) {
    for (const Series& series : facet.series)
        if (QString::fromStdString(series.name) == name) return &series;
    return nullptr;
}

double largestX(const std::vector<Facet>& facets) {
    double largest = 0;
    for (const Facet& facet : facets)
        for (const Series& series : facet.series)
            for (const SeriesPoint& point : series.points)
                largest = std::max(largest, std::abs(point.x));
    return largest;
}

} // namespace

AxisText axisText(const std::string& name, double largest) {
    if (const MetricInfo* metric = find_metric(name)) {
        const auto scaled = scaled_unit(largest, metric->unit);
        return {capital(QString::fromUtf8(metric->title.data(), qsizetype(metric->title.size()))),
                QString::fromStdString(scaled.label), scaled.factor};
    }
    AxisText result{capital(QString::fromStdString(name)), {}, 1};
    if (const RunField* field = find_field(name))
        result.unit = QString::fromStdString(std::string(field->unit));
    return result;
}

PlotLayout plotLayout(std::span<const RunRecord> runs, const PlotChoice& choice) {
    PlotLayout layout{.choice = choice};
    std::vector<RunRecord> all; // each with a point, so that each facet and series is there
    std::set<double> numbers;
    for (const RunRecord& run : runs) {
        RunRecord plain;
        plain.config = run.config;
        plain.status = RunStatus::failed;
        all.push_back(std::move(plain));
    }
    for (const auto& name : categories(all, choice.x))
        layout.categories << QString::fromStdString(name);
    PlotChoice fields = choice;
    if (find_metric(choice.x)) fields.x = "batch";
    for (const Facet& facet : facets(all, fields)) {
        layout.facets << QString::fromStdString(facet.name);
        for (const Series& series : facet.series) {
            const QString name = QString::fromStdString(series.name);
            if (!layout.series.contains(name)) layout.series << name;
            for (const SeriesPoint& point : series.points) numbers.insert(point.x);
        }
    }
    layout.x_log2 = layout.categories.isEmpty() && !find_metric(choice.x) && numbers.size() > 1 &&
                    std::all_of(numbers.begin(), numbers.end(), isPowerOfTwo);
    return layout;
}

double yFactor(const std::vector<Facet>& facets, const PlotLayout& layout) {
    double largest = 0;
    for (const Facet& facet : facets)
        for (const Series& series : facet.series)
            for (const SeriesPoint& point : series.points)
                if (!point.failed) largest = std::max(largest, std::abs(point.y));
    return axisText(layout.choice.y, largest).factor;
}

std::vector<PlotSpec> plotSpecs(const std::vector<Facet>& facets, const PlotLayout& layout,
                                bool whole) {
    const AxisText x = axisText(layout.choice.x, largestX(facets));
    const double y_factor = yFactor(facets, layout);
    const AxisText y = axisText(layout.choice.y, y_factor);
    PlotSpec frame;
    frame.x_title = x.title;
    frame.x_unit = x.unit;
    frame.y_title = y.title;
    frame.y_unit = y.unit;
    frame.x_log2 = layout.x_log2;
    frame.categories = layout.categories;
    const MetricInfo* y_metric = find_metric(layout.choice.y);
    frame.y_from_zero = !y_metric || y_metric->from_zero;
    bool lines = layout.categories.isEmpty() && !find_metric(layout.choice.x), spread = false;
    std::vector<PlotSpec> specs;
    for (const QString& name : layout.facets) {
        const auto facet = std::find_if(facets.begin(), facets.end(), [&](const Facet& f) {
            return QString::fromStdString(f.name) == name;
        });
        if (facet == facets.end() && !whole) continue;
        PlotSpec spec = frame;
        spec.title = name;
        for (int slot = 0; slot < layout.series.size(); ++slot) {
            const Series* found =
                facet == facets.end() ? nullptr : find(*facet, layout.series[slot]);
            if (!found && !whole) continue;
            lines = lines && (!found || !repeatsX(*found));
            spec.series.push_back(plotSeries(found ? *found : Series{}, layout.series[slot], slot,
                                             x.factor, y_factor));
            spread = spread || !spec.series.back().lo.empty();
        }
        specs.push_back(std::move(spec));
    }
    for (PlotSpec& spec : specs) {
        if (!lines) spec.kind = PlotKind::points;
        if (spread) spec.y_title += QObject::tr(", median and 95 % interval");
    }
    return specs;
}

QString plotNote(const PlotLayout& layout, const std::vector<std::string>& varying) {
    const auto holds = [](const std::vector<std::string>& fields, const std::string& field) {
        return std::find(fields.begin(), fields.end(), field) != fields.end();
    };
    QStringList untold;
    for (const auto& field : varying)
        if (field != layout.choice.x && !holds(layout.choice.facet, field) &&
            !holds(layout.choice.colour, field))
            untold << QString::fromStdString(field).replace('_', ' ');
    if (untold.size() == 1) return QObject::tr("%1 varies within a series").arg(untold.front());
    if (untold.size() > 1) {
        const QString last = untold.takeLast();
        return QObject::tr("%1 and %2 vary within a series").arg(untold.join(", "), last);
    }
    if (layout.series.size() > series_slots)
        return QObject::tr("%1 series share %2 colours")
            .arg(layout.series.size())
            .arg(series_slots);
    return {};
}

} // namespace sweetspot::gui

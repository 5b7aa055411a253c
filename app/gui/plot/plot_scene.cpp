#include "app/gui/plot/plot_scene.h"
#include "app/gui/plot/plot_style.h"
#include "app/gui/theme/colour.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <qcustomplot.h>
#include <set>

// A PlotSpec on a canvas of QCustomPlot: which of its graphs, bars and items stands for what. All
// numbers, ranges and ticks come from app/analysis/plot.h; here they are given pens.

namespace sweetspot::gui {
namespace {

constexpr int shade_steps = 8;
constexpr qsizetype most_dodged = 6; ///< more series would lie beside their own points

QCPAxis::ScaleType scaleType(const PlotAxis& axis) {
    return axis.scale == PlotScale::linear || !axis.categories.empty() ? QCPAxis::stLinear
                                                                       : QCPAxis::stLogarithmic;
}

bool isBar(PlotKind kind) {
    return kind == PlotKind::bars || kind == PlotKind::floating;
}

QVector<double> vectorOf(const std::vector<double>& values) {
    return QVector<double>(values.begin(), values.end());
}

template <class T>
void permute(std::vector<T>& values, const std::vector<size_t>& order) {
    if (values.size() != order.size()) return;
    std::vector<T> result(values.size());
    for (size_t i = 0; i < order.size(); ++i) result[i] = values[order[i]];
    values = std::move(result);
}

void sortByX(PlotSeries& series) {
    if (std::is_sorted(series.x.begin(), series.x.end())) return;
    std::vector<size_t> order(series.x.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return series.x[a] < series.x[b]; });
    permute(series.y, order);
    permute(series.lo, order);
    permute(series.hi, order);
    permute(series.ids, order);
    permute(series.shades, order);
    permute(series.x, order);
}

/// Intervals beside each other where several series have the same x.
class DodgedBars : public QCPErrorBars {
public:
    DodgedBars(QCPAxis* x, QCPAxis* y, double pixels) : QCPErrorBars(x, y), pixels_(pixels) {}

protected:
    void draw(QCPPainter* painter) override {
        painter->translate(pixels_, 0);
        QCPErrorBars::draw(painter);
        painter->translate(-pixels_, 0);
    }

private:
    double pixels_;
};

/// Without one the numbers of y would be made up.
bool hasValues(const PlotSpec& spec) {
    return std::ranges::any_of(spec.series,
                               [](const PlotSeries& series) { return !series.y.empty(); });
}

/// Whether bars of several series stand at one x, and so beside each other.
bool sharePlaces(const PlotSpec& spec) {
    std::set<double> places;
    for (const PlotSeries& series : spec.series)
        for (const double x : series.x)
            if (!places.insert(x).second) return true;
    return false;
}

/// The title of an axis, cut behind its unit, else before it.
QString titleWithin(const PlotAxis& axis, const QFontMetrics& metrics, int room) {
    const QString name = QString::fromStdString(axis.title),
                  unit = axis.unit.empty()
                             ? QString()
                             : QString(" (%1)").arg(QString::fromStdString(axis.unit));
    if (metrics.horizontalAdvance(name + unit) <= room)
        return metrics.elidedText(QString::fromStdString(axis_title(axis)), Qt::ElideRight, room);
    return metrics.elidedText(name, Qt::ElideRight, room - metrics.horizontalAdvance(unit)) + unit;
}

template <class T>
void insertAt(std::vector<T>& values, size_t at, T value) {
    values.insert(values.begin() + std::ptrdiff_t(at), value);
}

} // namespace

PlotScene::PlotScene(QCustomPlot& plot) : plot_(plot), theme_(theme()) {
    plot.setBackground(Qt::NoBrush);
    plot.setAttribute(Qt::WA_OpaquePaintEvent, false); // the card shows through
    plot.setNotAntialiasedElements(QCP::aeAxes | QCP::aeGrid | QCP::aeSubGrid | QCP::aeZeroLine);
    plot.setAntialiasedElements(QCP::aePlottables | QCP::aeItems | QCP::aeScatters | QCP::aeFills);
    plot.setNoAntialiasingOnDrag(true);
    plot.setPlottingHint(QCP::phCacheLabels, true);
    plot.plotLayout()->setRowSpacing(0);
    plot.plotLayout()->insertRow(0);
    y_title_ = new QCPTextElement(&plot, QString(), uiFont(11, QFont::Medium));
    y_title_->setTextFlags(Qt::AlignLeft | Qt::AlignVCenter);
    y_title_->setMargins(QMargins(0, 0, 0, 0));
    plot.plotLayout()->addElement(0, 0, y_title_);
    plot.axisRect()->setMinimumMargins(QMargins(36, 8, 14, 0));
    for (QCPAxis* axis : {plot.xAxis, plot.yAxis})
        QObject::connect(axis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), &listener_,
                         [this] {
                             placeLimits();
                             placeMark();
                             placeCut();
                         });
    // The mark stands at pixels, which another size of the plot moves, and cuts the title.
    QObject::connect(&plot, &QCustomPlot::afterLayout, &listener_, [this] {
        placeMark();
        const int room = plot_.viewport().right() - y_title_->rect().left();
        y_title_->setText(titleWithin(spec_.y, QFontMetrics(y_title_->font()), room));
    });
}

void PlotScene::build(PlotSpec spec, const Theme& theme) {
    plot_.clearPlottables();
    plot_.clearItems();
    drawn_.clear();
    limits_.clear();
    rings_ = cut_above_ = cut_below_ = nullptr; // an axis that changes asks for what is there
    mark_name_ = nullptr;
    delete std::exchange(bars_group_, nullptr);
    spec_ = std::move(spec);
    for (PlotSeries& series : spec_.series) sortByX(series);

    plot_.xAxis->setScaleType(scaleType(spec_.x));
    plot_.yAxis->setScaleType(scaleType(spec_.y));
    plot_.xAxis->setLabel(QString::fromStdString(axis_title(spec_.x)));
    y_title_->setText(QString::fromStdString(axis_title(spec_.y)));
    if (spec_.kind == PlotKind::bars && sharePlaces(spec_)) bars_group_ = new QCPBarsGroup(&plot_);
    for (const PlotSeries& series : spec_.series) add(series);
    for (size_t i = 0; i < spec_.series.size(); ++i) fill(i);
    for (const PlotLimit& limit : spec_.limits) addLimit(limit);
    for (QCPGraph** graph : {&cut_above_, &cut_below_, &rings_}) {
        *graph = plot_.addGraph();
        (*graph)->setLineStyle(QCPGraph::lsNone);
    }
    mark(spec_.mark);
    style(theme);
    hide(hidden_);
    select(selected_ids_);
    setTickers(plot_, spec_);
    plot_.yAxis->setTickLabels(hasValues(spec_) || spec_.series.empty());
}

void PlotScene::add(const PlotSeries& series) {
    Drawn drawn;
    const bool interval = !series.lo.empty();
    QCPAbstractPlottable* main = nullptr;
    if (isBar(spec_.kind)) {
        const size_t beside = bars_group_ ? spec_.series.size() : 1;
        const double width = 0.64 / double(std::max<size_t>(1, beside));
        const auto bars = [&] {
            auto* made = new QCPBars(plot_.xAxis, plot_.yAxis);
            made->setWidth(width);
            made->setBarsGroup(bars_group_);
            return made;
        };
        if (spec_.kind == PlotKind::floating) drawn.base = bars(); // unseen, carries the bar
        main = drawn.bars = bars();
        if (drawn.base) drawn.bars->moveAbove(drawn.base);
    } else {
        if (interval && spec_.interval == IntervalStyle::band) {
            drawn.low = plot_.addGraph();
            drawn.high = plot_.addGraph();
            drawn.high->setChannelFillGraph(drawn.low);
        }
        main = drawn.line = plot_.addGraph();
        drawn.line->setAdaptiveSampling(true);
        if (spec_.kind == PlotKind::points && !series.joined)
            drawn.line->setLineStyle(QCPGraph::lsNone);
        for (int step = 0; !series.shades.empty() && step < shade_steps; ++step) {
            drawn.shaded.push_back(plot_.addGraph());
            drawn.shaded.back()->setLineStyle(QCPGraph::lsNone);
        }
        if (spec_.kind == PlotKind::steps) drawn.line->setLineStyle(QCPGraph::lsStepLeft);
        drawn.to_cross = plot_.addGraph();
        drawn.crosses = plot_.addGraph();
        drawn.impossible = plot_.addGraph();
        drawn.crosses->setLineStyle(QCPGraph::lsNone);
        drawn.impossible->setLineStyle(QCPGraph::lsNone);
    }
    if (interval && !drawn.low && spec_.kind != PlotKind::floating) {
        constexpr double apart = 3; // pixels
        const auto with = [](const auto& one) { return !one.lo.empty(); };
        const auto all = std::count_if(spec_.series.begin(), spec_.series.end(), with),
                   before = std::count_if(spec_.series.begin(),
                                          spec_.series.begin() + qsizetype(drawn_.size()), with);
        const double place =
            drawn.bars || all > most_dodged ? 0 : double(before) - double(all - 1) / 2;
        drawn.whiskers = new DodgedBars(plot_.xAxis, plot_.yAxis, apart * place);
        drawn.whiskers->setDataPlottable(main);
        drawn.whiskers->setWhiskerWidth(7);
        drawn.whiskers->setSymbolGap(0);
    }
    for (size_t i = 0; i < series.labels.size(); ++i) {
        auto* text = new QCPItemText(&plot_);
        text->setText(QString::fromStdString(series.labels[i]));
        text->setFont(uiFont(11, QFont::DemiBold));
        text->setPositionAlignment(Qt::AlignHCenter | Qt::AlignBottom);
        text->position->setCoords(series.x[i], series.hi.empty() ? series.y[i] : series.hi[i]);
        text->setSelectable(false);
        drawn.labels.push_back(text);
    }
    main->setName(QString::fromStdString(series.name));
    drawn_.push_back(drawn);
}

void PlotScene::fill(size_t index) {
    const PlotSeries& series = spec_.series[index];
    const Drawn& drawn = drawn_[index];
    const QVector<double> x = vectorOf(series.x), y = vectorOf(series.y);
    if (drawn.base) {
        QVector<double> high;
        for (size_t i = 0; i < series.hi.size(); ++i) high << series.hi[i] - series.lo[i];
        drawn.base->setData(x, vectorOf(series.lo), true);
        drawn.bars->setData(x, high, true);
    } else if (drawn.bars) {
        drawn.bars->setData(x, y, true);
    }
    if (drawn.shaded.empty()) {
        if (drawn.line) drawn.line->setData(x, y, true);
    } else {
        std::vector<QVector<double>> xs(shade_steps), ys(shade_steps);
        for (size_t i = 0; i < series.x.size(); ++i) {
            const auto step =
                size_t(std::clamp(int(series.shades[i] * shade_steps), 0, shade_steps - 1));
            xs[step] << series.x[i];
            ys[step] << series.y[i];
        }
        for (size_t step = 0; step < drawn.shaded.size(); ++step)
            drawn.shaded[step]->setData(xs[step], ys[step], true);
    }
    if (drawn.low) {
        drawn.low->setData(x, vectorOf(series.lo), true);
        drawn.high->setData(x, vectorOf(series.hi), true);
    }
    if (drawn.whiskers) {
        QVector<double> minus, plus;
        for (size_t i = 0; i < series.y.size(); ++i) {
            minus << series.y[i] - series.lo[i];
            plus << series.hi[i] - series.y[i];
        }
        drawn.whiskers->setData(minus, plus);
    }
    fillCrosses(index);
}

// A dashed line leads from the last point that fitted to the first that did not.
void PlotScene::fillCrosses(size_t index) {
    const PlotSeries& series = spec_.series[index];
    const Drawn& drawn = drawn_[index];
    if (!drawn.crosses) return;
    const double height = cross_height(spec_, hidden_names_);
    double first = std::numeric_limits<double>::infinity();
    for (const auto& [graph, places] : {std::pair(drawn.crosses, &series.misfit_x),
                                        std::pair(drawn.impossible, &series.impossible_x)}) {
        if (places->empty()) continue;
        QVector<double> at;
        for (const double x : *places)
            at << cross_place(spec_, x, places == &series.misfit_x, hidden_names_);
        first = std::min(first, *std::min_element(at.begin(), at.end()));
        graph->setData(at, QVector<double>(at.size(), height));
    }
    if (std::isinf(first)) return;
    if (!series.x.empty() && series.x.back() < first && spec_.kind == PlotKind::lines)
        drawn.to_cross->setData({series.x.back(), first}, {series.y.back(), height}, true);
}

void PlotScene::style(const Theme& theme) {
    theme_ = theme;
    styleAxes(*plot_.axisRect(), theme);
    y_title_->setTextColor(theme.text3);
    for (size_t i = 0; i < drawn_.size(); ++i) styleSeries(i, theme);
    QPen dashed(theme.bad, 1.2);
    dashed.setDashPattern({4, 3});
    for (size_t i = 0; i < limits_.size(); ++i) {
        const bool movable = spec_.limits[i].movable;
        limits_[i].line->setPen(movable ? QPen(theme.accent, 1.6) : dashed);
        limits_[i].name->setColor(movable ? theme.on_accent : theme.bad);
        limits_[i].name->setBrush(movable ? theme.accent_fill : withAlpha(theme.surface, 0.85));
        if (!limits_[i].veil) continue;
        limits_[i].veil->setPen(Qt::NoPen);
        limits_[i].veil->setBrush(withAlpha(theme.surface, 0.68));
    }
    for (const auto& [graph, shape] : {std::pair(cut_above_, QCPScatterStyle::ssTriangle),
                                       std::pair(cut_below_, QCPScatterStyle::ssTriangleInverted)})
        if (graph)
            graph->setScatterStyle(QCPScatterStyle(shape, QPen(theme.text2, 1.2), theme.text2, 6));
    if (mark_name_) styleMark();
    if (rings_)
        rings_->setScatterStyle(
            QCPScatterStyle(QCPScatterStyle::ssCircle, QPen(theme.accent, 2), Qt::NoBrush, 14));
}

void PlotScene::styleSeries(size_t index, const Theme& theme) {
    const PlotSeries& series = spec_.series[index];
    const Drawn& drawn = drawn_[index];
    const QColor colour = seriesColour(series.slot, theme);
    for (QCPItemText* text : drawn.labels)
        text->setColor(series.slot < 0 ? theme.text3 : theme.text);
    if (drawn.whiskers) drawn.whiskers->setPen(QPen(drawn.bars ? theme.text : colour, 1.2));
    if (drawn.low) {
        drawn.low->setPen(Qt::NoPen);
        drawn.high->setPen(Qt::NoPen);
        drawn.high->setBrush(withAlpha(colour, theme.dark ? 0.18 : 0.14));
    }
    if (drawn.bars) {
        drawn.bars->setPen(Qt::NoPen);
        if (drawn.base) {
            drawn.base->setPen(Qt::NoPen);
            drawn.base->setBrush(Qt::NoBrush);
        }
        drawn.bars->setBrush(series.predicted ? withAlpha(colour, 0.35) : withAlpha(colour, 0.9));
        return;
    }
    const bool dense = series.x.size() > size_t(dense_points);
    // A wide line of many points costs a hundred times a thin one.
    QPen pen(colour, dense ? 1 : 2, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin);
    QPen dashed(withAlpha(colour, 0.75), dense ? 1 : 1.4);
    dashed.setDashPattern({3, 2.5});
    drawn.line->setPen(series.joined ? QPen(theme.text, 1.6) : series.predicted ? dashed : pen);
    drawn.to_cross->setPen(dashed);
    const bool points = spec_.kind == PlotKind::points;
    if (!drawn.shaded.empty()) styleShades(drawn, series, theme);
    const bool marked = (points && !series.joined) || (!series.joined && !series.predicted &&
                                                       series.x.size() <= size_t(marked_points));
    drawn.line->setScatterStyle(marked ? scatterStyle(slotMarker(shape_of(series)), colour, theme)
                                       : QCPScatterStyle());
    drawn.crosses->setScatterStyle(
        QCPScatterStyle(QCPScatterStyle::ssCross, QPen(theme.bad, 2), Qt::NoBrush, 9));
    drawn.impossible->setScatterStyle(
        QCPScatterStyle(QCPScatterStyle::ssCrossCircle, QPen(theme.text3, 1.4), Qt::NoBrush, 9));
}

void PlotScene::styleShades(const Drawn& drawn, const PlotSeries& series, const Theme& theme) {
    for (size_t step = 0; step < drawn.shaded.size(); ++step)
        drawn.shaded[step]->setScatterStyle(
            scatterStyle(slotMarker(shape_of(series)),
                         along(theme.ramp, (double(step) + 0.5) / double(shade_steps)), theme));
}

void PlotScene::append(int index, const PlotPoint& point) {
    PlotSeries& series = spec_.series.at(size_t(index));
    const Drawn& drawn = drawn_[size_t(index)];
    const auto place = std::upper_bound(series.x.begin(), series.x.end(), point.x);
    const size_t at = size_t(place - series.x.begin());
    const bool last = at == series.x.size();
    const bool interval = series.lo.size() == series.x.size() && (drawn.low || drawn.whiskers);
    const bool has_ids = series.ids.size() == series.x.size();
    insertAt(series.x, at, point.x);
    insertAt(series.y, at, point.y);
    if (has_ids) insertAt<std::int64_t>(series.ids, at, point.id);
    if (interval) {
        insertAt(series.lo, at, point.lo);
        insertAt(series.hi, at, point.hi);
    }
    if (last && drawn.line) {
        drawn.line->addData(point.x, point.y);
        if (drawn.low) {
            drawn.low->addData(point.x, point.lo);
            drawn.high->addData(point.x, point.hi);
        }
        if (drawn.whiskers) drawn.whiskers->addData(point.y - point.lo, point.hi - point.y);
        fillCrosses(size_t(index));
    } else {
        fill(size_t(index));
    }
    plot_.yAxis->setTickLabels(true);
    const size_t count = series.x.size();
    if (count == size_t(marked_points) + 1 || count == size_t(dense_points) + 1)
        styleSeries(size_t(index), theme_);
    if (count <= size_t(marked_points)) setTickers(plot_, spec_);
}

void PlotScene::hide(const QSet<QString>& names) {
    hidden_ = names;
    hidden_names_.clear();
    for (const QString& name : names) hidden_names_.insert(name.toStdString());
    for (size_t i = 0; i < drawn_.size(); ++i) {
        const Drawn& drawn = drawn_[i];
        const bool visible = !hidden_names_.contains(spec_.series[i].name);
        for (QCPAbstractPlottable* plottable : std::initializer_list<QCPAbstractPlottable*>{
                 drawn.line, drawn.low, drawn.high, drawn.crosses, drawn.impossible, drawn.to_cross,
                 drawn.whiskers, drawn.bars})
            if (plottable) plottable->setVisible(visible);
        for (QCPGraph* graph : drawn.shaded) graph->setVisible(visible);
    }
}

void PlotScene::select(const QSet<qint64>& ids) {
    selected_ids_ = ids;
    QVector<double> x, y;
    for (const PlotSeries& series : spec_.series)
        for (size_t i = 0; !ids.isEmpty() && i < series.ids.size(); ++i)
            if (ids.contains(series.ids[i])) x << series.x[i], y << series.y[i];
    rings_->setData(x, y);
    placeCut();
}

PlotRange PlotScene::range() const {
    const QCPRange x = plot_.xAxis->range(), y = plot_.yAxis->range();
    return {x.lower, x.upper, y.lower, y.upper};
}

void PlotScene::setRange(const PlotRange& range) {
    plot_.xAxis->setRange(range.x_low, range.x_high);
    plot_.yAxis->setRange(range.y_low, range.y_high);
}

} // namespace sweetspot::gui

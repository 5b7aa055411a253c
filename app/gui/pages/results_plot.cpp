#include "app/gui/pages/results_plot.h"
#include "app/experiment/metrics.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/plot_choice_bar.h"
#include "app/gui/plot/legend.h"
#include "app/gui/plot/parallel_view.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/widgets/button.h"
#include <QMenu>
#include <algorithm>

// The plot of the Results page: x, y, colour and facet are chosen in its head, and a filter takes
// points away without moving the colours of the rest.

namespace sweetspot::gui {
namespace {

/// What runs are usually looked at by, as far as there is such a metric.
std::string usualMetric(const std::vector<std::string>& metrics) {
    for (const auto usual : usual_metrics)
        if (std::find(metrics.begin(), metrics.end(), usual) != metrics.end())
            return std::string(usual);
    return metrics.empty() ? std::string(usual_metrics.front()) : metrics.front();
}

} // namespace

ResultsPlot::ResultsPlot() : Card(QObject::tr("Plot")) {
    bar_ = new PlotChoiceBar(true);
    group_ = new PlotGroup;
    note_ = label({}, 12, QFont::Normal, Ink::warn);
    parallel_button_ = button(tr("Parallel"), Icon::none, ButtonKind::ghost);
    parallel_button_->setCheckable(true);
    parallel_button_->setToolTip(tr("All that varies and was measured, an axis each; drag along an "
                                    "axis to keep what crosses it there"));
    head()->addWidget(bar_);
    head()->addWidget(parallel_button_);
    auto* save = group_->makeExportButton();
    head()->addWidget(save);
    auto* line = row({group_->legend()});
    line->setStretch(0, 1);
    line->addWidget(note_);
    group_->legend()->show();
    body()->addLayout(line);
    // Many facets scroll sideways rather than shrink until nobody can read them.
    QScrollArea* area = scrolled(group_);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    area->setMinimumHeight(190);
    body()->addWidget(area, 1);
    parallel_ = new ParallelView;
    QScrollArea* axes = scrolled(parallel_);
    axes->setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    axes->setMinimumHeight(190);
    axes->hide();
    body()->addWidget(axes, 1);
    auto* save_parallel = iconButton(Icon::download, tr("Export the plot"));
    auto* exports = new QMenu(save_parallel);
    parallel_->addExports(*exports);
    save_parallel->setMenu(exports);
    save_parallel->hide();
    head()->addWidget(save_parallel);
    connect(parallel_button_, &QPushButton::toggled, this, [=, this](bool on) {
        for (QWidget* each : std::initializer_list<QWidget*>{axes, save_parallel})
            each->setVisible(on);
        for (QWidget* each :
             std::initializer_list<QWidget*>{area, bar_, group_->legend(), note_, save})
            each->setVisible(!on);
        emit chosen();
    });
    connect(bar_, &PlotChoiceBar::chosen, this, [this] {
        take(bar_->choice());
        emit chosen();
    });
}

void ResultsPlot::begin(const Runs& all, const std::vector<std::string>& metrics) {
    all_ = all;
    varying_ = varying_fields(*all_);
    metrics_ = metrics;
    take(default_choice(*all_, usualMetric(metrics)));
}

void ResultsPlot::goOn(const Runs& all, const std::vector<std::string>& metrics) {
    all_ = all;
    if (metrics == metrics_) return;
    PlotChoice choice = layout_.choice;
    if (std::find(metrics.begin(), metrics.end(), choice.y) == metrics.end())
        choice.y = usualMetric(metrics);
    metrics_ = metrics;
    take(choice);
}

void ResultsPlot::choose(const PlotChoice& choice) {
    take(choice);
    emit chosen();
}

void ResultsPlot::take(const PlotChoice& choice) {
    layout_ = plot_layout(*all_, choice);
    bar_->offer(varying_, metrics_, choice);
    note_->setText(QString::fromStdString(plot_note(layout_, varying_)));
}

std::vector<int> ResultsPlot::runSlots() const {
    std::vector<int> run_slots;
    for (const auto& place : layout_.places)
        run_slots.push_back(layout_.colours[size_t(place.series)]);
    return run_slots;
}

void ResultsPlot::setSelected(const QSet<qint64>& ids) {
    group_->setSelected(ids);
    parallel_->setSelected(ids);
}

void ResultsPlot::drawParallel(std::span<const RunRecord> shown) {
    constexpr std::size_t most_axes = 10;
    std::vector<std::string> names = varying_;
    for (const auto usual : usual_metrics)
        if (std::find(metrics_.begin(), metrics_.end(), usual) != metrics_.end())
            names.emplace_back(usual);
    if (names.size() > most_axes) // metrics last, and all of them
        names.erase(names.begin(), names.end() - std::ptrdiff_t(most_axes));
    parallel_->setPlot(parallel_plot(shown, names));
}

void ResultsPlot::draw(std::span<const RunRecord> shown) {
    if (parallel_button_->isChecked()) return drawParallel(shown);
    auto found = facets(shown, layout_.choice);
    if (const auto& names = layout_.x.categories; !names.empty() && shown.size() != all_->size()) {
        // Places among the values shown, as places among all.
        const auto here = categories(shown, layout_.choice.x);
        for (Facet& facet : found)
            for (Series& series : facet.series)
                for (SeriesPoint& point : series.points)
                    point.x = double(std::find(names.begin(), names.end(), here[size_t(point.x)]) -
                                     names.begin());
    }
    const auto specs = plot_specs(found, layout_);
    const bool any = std::ranges::any_of(specs, [](const PlotSpec& spec) {
        return std::ranges::any_of(spec.series,
                                   [](const PlotSeries& series) { return !series.y.empty(); });
    });
    note_->setText(any ? QString::fromStdString(plot_note(layout_, varying_))
                       : tr("no run that is shown has a %1").arg(metricTitle(layout_.choice.y)));
    group_->setSpecs(specs);
}

} // namespace sweetspot::gui

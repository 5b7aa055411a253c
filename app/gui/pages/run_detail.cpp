#include "app/gui/pages/run_detail.h"
#include "app/analysis/columns.h"
#include "app/analysis/format.h"
#include "app/analysis/quality.h"
#include "app/analysis/run_plots.h"
#include "app/analysis/series.h"
#include "app/gui/models/run_text.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/table/table_view.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/facts.h"
#include "app/gui/widgets/message.h"
#include "app/gui/widgets/progress.h"
#include "app/gui/widgets/text.h"
#include <QFileInfo>
#include <QHeaderView>
#include <QStandardItemModel>
#include <algorithm>

// One run in full, beside the table: what stands in its record, without a word that does not.

namespace sweetspot::gui {
namespace {

constexpr int most_regions = 200;

QString textOf(double value, const char* unit) {
    return QString::fromStdString(format_value(value, unit));
}

QString fact(const RunRecord& run, const char* name) {
    const auto found = run.environment.find(name);
    return found == run.environment.end() ? QString() : QString::fromStdString(found->second);
}

void clear(QLayout* layout) {
    while (QLayoutItem* item = layout->takeAt(0)) {
        delete item->widget();
        delete item;
    }
}

/// A series for each round, so that what differs between rounds is seen.
PlotSpec samplesPlot(const RunRecord& run, const std::string& metric) {
    const auto& samples = run.samples.at(metric);
    double largest = 0;
    for (const Measured& sample : samples) largest = std::max(largest, sample.value);
    PlotSpec spec;
    spec.x = {.name = "sample", .title = "Sample"};
    spec.y = axis_of(metric, largest);
    spec.kind = PlotKind::points;
    for (const Measured& sample : samples) {
        if (sample.warmup) continue;
        const std::string name = "round " + std::to_string(sample.round + 1);
        if (spec.series.empty() || spec.series.back().name != name)
            spec.series.push_back({.name = name, .slot = sample.round % series_slots});
        spec.series.back().x.push_back(double(sample.index));
        spec.series.back().y.push_back(sample.value / spec.y.factor);
    }
    return spec;
}

} // namespace

RunDetail::RunDetail(Session& session) : session_(session) {
    content_ = makeContent();
    nothing_ = new EmptyState(Icon::table, tr("No run is chosen"),
                              tr("Click a row or a point to see its samples, memory and regions."));
    auto* layout = column({scrolled(content_), nothing_}, 0);
    setLayout(layout);
    setMinimumWidth(300);
    connect(&session, &Session::detailsLoaded, this,
            [this](const std::shared_ptr<const RunRecord>& run) {
                if (run->id == shown_) showRegions(*run);
            });
    present();
}

QWidget* RunDetail::makeContent() {
    name_ = new ElidedLabel({}, 14, QFont::DemiBold);
    marks_ = new FlowLayout(4, 4);
    auto* marks = new QWidget;
    marks->setLayout(marks_);
    time_ = new Figure({}, {}, {}, 20);
    memory_ = new Figure({}, {}, {}, 20);
    parts_ = new StackedBar;
    samples_ = new PlotGroup;
    samples_->setMinimumHeight(150);
    region_model_ = new QStandardItemModel(0, 4, this);
    const QStringList heads{tr("Region"), tr("Time"), tr("Share"), tr("Calls")};
    const QList<CellKind> kinds{CellKind::strong, CellKind::number, CellKind::number,
                                CellKind::number};
    for (int i = 0; i < 4; ++i) {
        region_model_->setHeaderData(i, Qt::Horizontal, heads[i]);
        region_model_->setHeaderData(i, Qt::Horizontal, int(kinds[i]), kind_role);
        region_model_->setHeaderData(i, Qt::Horizontal, i == 0 ? 150 : 84, width_role);
    }
    region_model_->setHeaderData(2, Qt::Horizontal, "%", unit_role);
    regions_ = new TableView;
    regions_->setModel(region_model_);
    regions_->setStretchColumn(0);
    regions_->setSortingEnabled(true);
    regions_->setMinimumHeight(200);
    regions_->setAccessibleName(tr("Regions"));
    regions_note_ = caption({});
    regions_note_->setWordWrap(true);
    auto* facts = column({}, 2);
    facts_ = facts;

    auto* content = new QWidget;
    auto* layout = column({name_, marks}, 8);
    layout->setContentsMargins(16, 12, 16, 16);
    layout->addLayout(row({time_, memory_}, 16));
    layout->addWidget(heading(tr("Memory by purpose, at its peak")));
    layout->addWidget(parts_);
    layout->addWidget(heading(tr("Samples")));
    layout->addWidget(samples_);
    layout->addWidget(heading(tr("Regions")));
    layout->addWidget(regions_note_);
    layout->addWidget(regions_);
    layout->addWidget(heading(tr("Measured with")));
    layout->addLayout(facts);
    layout->addStretch(1);
    content->setLayout(layout);
    return content;
}

void RunDetail::present() {
    const auto& runs = *session_.runs();
    const qint64 id = session_.selection().run();
    const auto run = std::find_if(runs.begin(), runs.end(),
                                  [id](const RunRecord& each) { return each.id == id; });
    const bool known = run != runs.end();
    content_->parentWidget()->parentWidget()->setVisible(known);
    nothing_->setVisible(!known);
    shown_ = known ? id : 0;
    if (!known) return;
    name_->setText(QString("#%1 %2").arg(id).arg(runLabel(run->config, varying_fields(runs))));
    clear(marks_);
    for (const RunMark& mark : marks_of(*run)) {
        constexpr Tone tones[] = {Tone::neutral, Tone::accent, Tone::warn, Tone::bad};
        auto* chip = new Chip(QString::fromStdString(mark.text), tones[int(mark.tone)]);
        chip->setToolTip(QString::fromStdString(mark.detail));
        marks_->addWidget(chip);
    }
    showFacts(*run);
    showSamples(*run);
    region_model_->setRowCount(0);
    regions_->hide();
    regions_note_->setText(tr("Being read."));
    session_.loadDetails(id);
}

void RunDetail::showFacts(const RunRecord& run) {
    const char* timed = timed_metric(run);
    const auto summary = timed ? summarize(run, timed) : std::nullopt;
    if (summary)
        time_->set(textOf(summary->median, "s"), {},
                   tr("%1, 95 % %2 to %3")
                       .arg(QString::fromUtf8(find_metric(timed)->title.data()),
                            textOf(summary->interval_low, "s"),
                            textOf(summary->interval_high, "s")));
    else
        time_->set(QChar(0x2013), {}, tr("no times"));
    const auto peak = value_of(run, "peak_bytes");
    memory_->set(peak ? bytesText(*peak) : QString(QChar(0x2013)), {}, tr("peak memory, exact"));
    std::array<double, purpose_count> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i)
        parts[i] = value_of(run, peak_metric(Purpose(i))).value_or(0);
    parts_->setBytes(parts, 0);
    clear(facts_);
    const auto add = [&](const QString& name, const QString& value) {
        if (!value.isEmpty()) facts_->addWidget(new FactRow(name, value));
    };
    add(tr("Why"), reasonOf(run));
    if (run.weights)
        add(tr("Weights"),
            run.weights->loaded
                ? QFileInfo(QString::fromStdString(run.weights->path)).fileName() + ", " +
                      QString::fromStdString(run.weights->sha256).left(8) +
                      (run.weights_run ? tr(", saved by run %1").arg(run.weights_run) : QString())
                : tr("random, seed %1").arg(run.weights->seed));
    if (run.adapter_run)
        add(tr("Adapter"), QFileInfo(QString::fromStdString(run.config.adapter)).fileName() +
                               tr(", saved by run %1").arg(run.adapter_run));
    if (run.scored) add(tr("Scored"), QString::fromStdString(scored_text(*run.scored)));
    if (run.data) add(tr("Data"), QFileInfo(QString::fromStdString(run.data->path)).fileName());
    add(tr("Measured"), dateText(run.started_unix_seconds));
    if (!run.rounds.empty()) add(tr("Rounds"), QString::number(run.rounds.size()));
    for (const char* name : {"cpu", "gpu", "isa", "threads", "governor", "commit"})
        add(QString(name).replace(0, 1, QString(name).at(0).toUpper()), fact(run, name));
    for (const auto& [name, text] : run.texts)
        if (name != "generated_tokens") // numbers that Quality reads
            add(QString::fromStdString(name), QString::fromStdString(text));
}

void RunDetail::showSamples(const RunRecord& run) {
    const char* timed = timed_metric(run);
    samples_->setVisible(timed);
    if (timed) samples_->setSpecs({samplesPlot(run, timed)});
}

/// The longest first; inner regions are part of the outer ones.
void RunDetail::showRegions(const RunRecord& run) {
    std::vector<RegionSum> sums = run.regions;
    std::stable_sort(sums.begin(), sums.end(),
                     [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
    const double whole = sums.empty() ? 0 : sums.front().seconds;
    region_model_->setRowCount(0);
    for (std::size_t i = 0; i < sums.size() && i < most_regions; ++i) {
        const RegionSum& sum = sums[i];
        QList<QStandardItem*> items;
        const auto add = [&](const QString& text, const QVariant& plain) {
            auto* item = new QStandardItem(text);
            item->setData(plain, sort_role);
            item->setToolTip(QString::fromStdString(sum.path));
            item->setEditable(false);
            items << item;
        };
        const QString path = QString::fromStdString(sum.path);
        add(path, path);
        add(textOf(sum.seconds, "s"), sum.seconds);
        add(tableNumber(whole > 0 ? 100 * sum.seconds / whole : 0), sum.seconds);
        add(QString::number(sum.calls), double(sum.calls));
        region_model_->appendRow(items);
    }
    region_model_->setSortRole(sort_role);
    regions_->setVisible(!sums.empty());
    regions_note_->setText(
        sums.empty() ? tr("This run has no traced pass.")
                     : tr("of the traced pass; what is inside another region is part of it"));
    if (sums.size() > most_regions)
        regions_note_->setText(regions_note_->text() +
                               tr("; the longest %1 of %2").arg(most_regions).arg(sums.size()));
}

} // namespace sweetspot::gui

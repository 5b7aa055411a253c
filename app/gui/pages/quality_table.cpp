#include "app/gui/pages/quality_table.h"
#include "app/analysis/columns.h"
#include "app/analysis/series.h"
#include "app/gui/models/run_items.h"
#include "app/gui/models/run_text.h"
#include "app/gui/table/csv.h"
#include "app/gui/table/table_view.h"
#include "app/gui/widgets/button.h"
#include <QFileInfo>
#include <algorithm>
#include <cmath>

// The table of the Quality page. Numbers of random weights are muted: they say nothing.

namespace sweetspot::gui {
namespace {

struct Head {
    QString title;
    CellKind kind;
    int width;
    QString unit{};
};

/// Columns of the table of runs that stand beside the metric.
std::vector<RunColumn> columnsBeside(std::span<const RunRecord> runs, const std::string& metric) {
    std::vector<RunColumn> beside;
    const auto all = run_columns(runs);
    for (const char* name : {"loss_nats", "kl_mean", "logit_difference_max", "top1_agreement",
                             "scored_tokens", "step_seconds", "peak_bytes"})
        for (const RunColumn& column : all)
            if (column.name == name && name != metric) beside.push_back(column);
    return beside;
}

std::vector<Head> headsOf(const std::vector<RunColumn>& beside, const std::string& metric,
                          bool intervals) {
    std::vector<Head> heads{{QObject::tr("Run"), CellKind::strong, 220},
                            {metricTitle(metric), CellKind::number, 92},
                            {QObject::tr("Change"), CellKind::delta, 92},
                            {QObject::tr("Change"), CellKind::delta, 84, "%"},
                            {QObject::tr("Verdict"), CellKind::status, 130}};
    if (intervals)
        heads.insert(heads.begin() + 3, {QObject::tr("95 % interval"), CellKind::number, 140});
    for (const RunColumn& column : beside)
        heads.push_back({QString::fromStdString(column.title), CellKind::number, 112,
                         QString::fromStdString(column.unit)});
    heads.push_back({QObject::tr("Weights"), CellKind::chips, 110});
    return heads;
}

} // namespace

QString signedNumber(double value, int digits) {
    return (value > 0 ? "+" : "") + tableNumber(value, digits);
}

QString wordOf(Verdict verdict) {
    return QString::fromStdString(std::string(to_text(verdict)));
}

Tone toneOf(Verdict verdict) {
    return verdict == Verdict::better  ? Tone::good
           : verdict == Verdict::worse ? Tone::bad
           : verdict == Verdict::same  ? Tone::neutral
                                       : Tone::info;
}

QualityTable::QualityTable() : Card(tr("Metrics"), tr("on the same rows as memory and time")) {
    model_ = new RunItems(0, 0, this);
    model_->setSortRole(sort_role);
    table_ = new TableView;
    table_->setModel(model_);
    table_->setSortingEnabled(true);
    table_->setDragEnabled(true);
    table_->setMinimumHeight(150);
    table_->setCornerWidget(new QWidget); // the style would paint its own between the bars
    table_->setAccessibleName(tr("Quality of the runs"));
    auto* save = iconButton(Icon::download, tr("Export the table as CSV"));
    head()->addWidget(save);
    body()->addWidget(table_, 1);
    connect(save, &QPushButton::clicked, this, [this] {
        const QString said = askAndExportCsv(this, *model_, tr("quality"));
        if (!said.isEmpty()) emit exported(said);
    });
    connect(table_, &TableView::rowsSelected, this, [this](const QList<int>& rows) {
        if (!filling_ && !rows.isEmpty()) emit runChosen(model_->runOf(rows[0]));
    });
}

void QualityTable::present(const std::vector<QualityRow>& rows, std::span<const RunRecord> runs,
                           const std::string& metric) {
    const auto varying = varying_fields(runs);
    const auto beside = columnsBeside(runs, metric);
    const bool intervals =
        std::ranges::any_of(rows, [](const QualityRow& row) { return row.interval.has_value(); });
    const auto heads = headsOf(beside, metric, intervals);
    filling_ = true;
    model_->clear();
    model_->setColumnCount(int(heads.size()));
    for (int i = 0; i < int(heads.size()); ++i) {
        const Head& head = heads[size_t(i)];
        QString title = head.title;
        title[0] = title[0].toUpper();
        model_->setHeaderData(i, Qt::Horizontal, title);
        model_->setHeaderData(i, Qt::Horizontal, int(head.kind), kind_role);
        model_->setHeaderData(i, Qt::Horizontal, head.width, width_role);
        model_->setHeaderData(i, Qt::Horizontal, head.unit, unit_role);
    }
    for (const QualityRow& row : rows) {
        QList<QStandardItem*> items;
        const bool random = has_random_weights(*row.run);
        const auto add = [&](const QString& text, const QVariant& plain) {
            auto* item = new QStandardItem(text);
            item->setData(plain, sort_role);
            item->setData(random, muted_role);
            item->setToolTip(row.why);
            item->setEditable(false);
            items << item;
            return item;
        };
        const QString name =
            QString("#%1 %2").arg(row.run->id).arg(runLabel(row.run->config, varying));
        add(name, double(row.run->id))->setData(qint64(row.run->id), RunItems::run_role);
        add(tableNumber(row.value, 5), row.value);
        const Tone tone = row.is_reference ? Tone::neutral : toneOf(row.verdict);
        add(row.is_reference ? tr("reference") : signedNumber(row.change), row.change)
            ->setData(int(tone), tone_role);
        if (intervals)
            add(row.interval ? tr("%1 to %2")
                                   .arg(signedNumber(row.interval->difference_low),
                                        signedNumber(row.interval->difference_high))
                             : QString(),
                row.interval ? row.interval->difference_high : NAN);
        const double base = row.value - row.change;
        add(row.is_reference ? QString() : signedNumber(100 * row.change / base, 2),
            row.change / base)
            ->setData(int(tone), tone_role);
        add(row.is_reference ? tr("reference") : wordOf(row.verdict), int(row.verdict))
            ->setData(int(tone), tone_role);
        for (const RunColumn& column : beside) {
            const auto value = cell_value(column, *row.run);
            add(value ? tableNumber(cell_text(column, *value)) : QString(), value.value_or(NAN));
        }
        const QString file =
            row.run->weights ? QFileInfo(QString::fromStdString(row.run->weights->path)).fileName()
                             : QString();
        auto* weights = add({}, file);
        const bool trained = row.run->config.task == Task::train;
        weights->setData(QStringList{random    ? tr("warn:random")
                                     : trained ? tr("good:trained")
                                               : tr("good:from file")},
                         chips_role);
        weights->setToolTip(file);
        model_->appendRow(items);
    }
    table_->setModel(model_); // takes widths and kinds anew
    table_->setStretchColumn(0);
    filling_ = false;
}

} // namespace sweetspot::gui

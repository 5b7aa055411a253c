#include "app/gui/pages/pivot_card.h"
#include "app/analysis/format.h"
#include "app/experiment/metrics.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/counted.h"
#include "app/gui/table/csv.h"
#include "app/gui/table/table_roles.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/heat_map.h"
#include <QScrollArea>
#include <QStandardItemModel>
#include <algorithm>
#include <cmath>

// The pivot of app/analysis as a heat map. Where several runs meet, the cell has their median, and
// its tooltip says how far they are apart.

namespace sweetspot::gui {
namespace {

void fill(Select& select, const std::vector<std::string>& names, const std::string& chosen,
          bool with_none) {
    select.clear();
    if (with_none) select.addItem(QObject::tr("nothing"), QString());
    for (const std::string& name : names)
        select.addItem(metricTitle(name), QString::fromStdString(name));
    select.setCurrentIndex(std::max(0, select.findData(QString::fromStdString(chosen))));
}

std::string chosenIn(const Select& select) {
    return select.currentData().toString().toStdString();
}

} // namespace

PivotCard::PivotCard() : Card(tr("Pivot"), tr("a metric by two fields")) {
    row_ = new Select({}, tr("rows"));
    column_ = new Select({}, tr("columns"));
    metric_ = new Select({}, tr("value"));
    row_->setAccessibleName(tr("Rows"));
    column_->setAccessibleName(tr("Columns"));
    metric_->setAccessibleName(tr("Value"));
    auto* save = iconButton(Icon::download, tr("Export the cells as CSV"));
    map_ = new HeatMap;
    map_->setAccessibleName(tr("Pivot"));
    note_ = caption({});
    auto* area = scrolled(map_);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    area->setMinimumHeight(120);
    for (QWidget* widget : std::initializer_list<QWidget*>{row_, column_, metric_, save})
        head()->addWidget(widget);
    body()->addWidget(area, 1);
    body()->addWidget(note_);
    for (Select* each : {row_, column_, metric_})
        connect(each, &QComboBox::activated, this, &PivotCard::chosen);
    connect(map_, &CellGrid::activated, this, [this](int row, int column) {
        const auto& ids = pivot_.cell(std::size_t(row), std::size_t(column)).ids;
        emit runsChosen({ids.begin(), ids.end()});
    });
    connect(save, &QPushButton::clicked, this, &PivotCard::exportCells);
}

void PivotCard::offer(std::span<const RunRecord> all, const std::vector<std::string>& varying,
                      const std::vector<std::string>& metrics) {
    const auto has = [](const std::vector<std::string>& names, const std::string& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    PivotChoice choice{chosenIn(*row_), chosenIn(*column_), chosenIn(*metric_)};
    if (!has(metrics, choice.metric)) choice.metric = metrics.empty() ? "" : metrics.front();
    if (!has(varying, choice.column)) choice = default_pivot(all, choice.metric);
    if (!has(varying, choice.row)) choice.row = default_pivot(all, choice.metric).row;
    fill(*row_, varying, choice.row, true);
    fill(*column_, varying, choice.column, true);
    fill(*metric_, metrics, choice.metric, false);
}

void PivotCard::draw(std::span<const RunRecord> shown) {
    pivot_ = pivot_of(shown, {chosenIn(*row_), chosenIn(*column_), chosenIn(*metric_)});
    HeatGrid grid;
    grid.row_name = metricTitle(pivot_.choice.row);
    grid.column_name = metricTitle(pivot_.choice.column);
    for (const std::string& row : pivot_.rows) grid.rows << QString::fromStdString(row);
    for (const std::string& column : pivot_.columns) grid.columns << QString::fromStdString(column);
    const MetricInfo* metric = find_metric(pivot_.choice.metric);
    const std::string_view unit = metric ? metric->unit : "";
    double least = INFINITY, largest = 0;
    bool several = false;
    for (const PivotCell& cell : pivot_.cells) {
        if (cell.value) least = std::min(least, *cell.value);
        largest = std::max(largest, cell.value.value_or(0));
        several = several || cell.measured > 1;
    }
    const ScaledUnit scale = scaled_unit(largest, unit);
    for (const PivotCell& cell : pivot_.cells) {
        grid.values.push_back(cell.value ? *cell.value / scale.factor : NAN);
        const auto runs = qint64(cell.ids.size());
        QString note = tr("no run");
        if (cell.value && cell.measured == 1)
            note = QString::fromStdString(format_value(*cell.value, unit));
        else if (cell.value)
            note = tr("median of %1: %2 to %3")
                       .arg(counted(cell.measured, tr("run")),
                            QString::fromStdString(format_value(cell.low, unit)),
                            QString::fromStdString(format_value(cell.high, unit)));
        else if (runs > 0)
            note = tr("%1 without a value").arg(counted(runs, tr("run")));
        grid.notes.push_back(note);
    }
    constexpr double narrow = 0.5; // colours that all are of the upper half tell nothing
    if (least > narrow * largest) grid.low = least / scale.factor;
    grid.format = [](double value) { return tableNumber(format_number(value, 4)); };
    map_->setGrid(std::move(grid));
    note_->setText(
        (scale.label.empty() ? QString() : tr("in %1").arg(QString::fromStdString(scale.label))) +
        (several ? tr("; medians of the runs that meet in a cell") : QString()));
}

/// A row a row, with a head.
void PivotCard::exportCells() {
    QStandardItemModel cells(int(pivot_.rows.size()), int(pivot_.columns.size()) + 1);
    const auto put = [&](int row, int column, const QVariant& value) {
        auto* item = new QStandardItem(value.toString());
        item->setData(value, export_role);
        cells.setItem(row, column, item);
    };
    cells.setHeaderData(0, Qt::Horizontal, metricTitle(pivot_.choice.row));
    for (int column = 0; column < int(pivot_.columns.size()); ++column)
        cells.setHeaderData(
            column + 1, Qt::Horizontal,
            QString("%1 %2").arg(metricTitle(pivot_.choice.column),
                                 QString::fromStdString(pivot_.columns[std::size_t(column)])));
    for (int row = 0; row < int(pivot_.rows.size()); ++row) {
        put(row, 0, QString::fromStdString(pivot_.rows[std::size_t(row)]));
        for (int column = 0; column < int(pivot_.columns.size()); ++column)
            if (const auto& cell = pivot_.cell(std::size_t(row), std::size_t(column)); cell.value)
                put(row, column + 1, *cell.value);
    }
    const QString said = askAndExportCsv(this, cells, tr("pivot"));
    if (!said.isEmpty()) emit exported(said);
}

} // namespace sweetspot::gui

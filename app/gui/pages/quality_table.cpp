#include "app/gui/pages/quality_table.h"
#include "app/gui/table/csv.h"
#include "app/gui/table/table_view.h"
#include "app/gui/widgets/button.h"
#include <QSignalBlocker>

namespace sweetspot::gui {

QualityTable::QualityTable() : Card(tr("Metrics"), tr("on the same rows as memory and time")) {
    model_ = new QualityModel(this);
    table_ = new TableView;
    table_->setModel(model_);
    table_->setSortingEnabled(true);
    table_->sortByColumn(0, Qt::AscendingOrder);
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
        if (!rows.isEmpty()) emit runChosen(model_->runOf(rows[0]));
    });
}

void QualityTable::present(std::vector<QualityRow> rows, const QualityModel::Runs& runs,
                           const std::string& metric) {
    const QSignalBlocker block(table_); // that a row is selected no more is nobody's choice
    model_->setRows(std::move(rows), runs, metric);
    table_->setModel(model_); // takes widths and kinds anew
    table_->setStretchColumn(0);
}

} // namespace sweetspot::gui

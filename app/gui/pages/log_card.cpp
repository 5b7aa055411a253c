#include "app/gui/pages/log_card.h"
#include "app/gui/table/csv.h"
#include "app/gui/table/table_view.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/choice.h"
#include <QHeaderView>
#include <QScrollBar>
#include <QSignalBlocker>
#include <QSortFilterProxyModel>

// What happened, newest last, by tone; it folds where a window is low, and a line leads to its run.

namespace sweetspot::gui {
namespace {

constexpr int line_height = 22, lines_shown = 5;

/// All lines, or failures only.
class LogProxy : public QSortFilterProxyModel {
public:
    explicit LogProxy(LogModel& model) : model_(model) { setSourceModel(&model); }
    void setFailuresOnly(bool only) {
        only_ = only;
        invalidateFilter();
    }

protected:
    bool filterAcceptsRow(int row, const QModelIndex&) const override {
        return !only_ || model_.line(row).tone == Tone::bad;
    }

private:
    LogModel& model_;
    bool only_ = false;
};

} // namespace

LogCard::LogCard(LogModel& model) : Card({}, {}, 12), model_(model) {
    auto* proxy = new LogProxy(model);
    proxy->setParent(this);
    proxy_ = proxy;
    head_line_ = new Disclosure(tr("Log"), {}, true);
    which_ = new PillGroup({tr("All"), tr("Failures")});
    which_->setAccessibleName(tr("Lines shown"));
    auto* save = iconButton(Icon::download, tr("Export the log as CSV"));
    table_ = new TableView;
    table_->setModel(proxy_);
    table_->setStretchColumn(2);
    table_->horizontalHeader()->hide();
    table_->verticalHeader()->setMinimumSectionSize(line_height);
    table_->verticalHeader()->setDefaultSectionSize(line_height);
    table_->setFixedHeight(lines_shown * line_height);
    table_->setAccessibleName(tr("Log"));
    head()->addWidget(head_line_, 1);
    head()->addWidget(which_);
    head()->addWidget(save);
    auto* well = inset(column({table_}));
    body()->addWidget(well);
    head_line_->folds(well);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);

    connect(head_line_, &Disclosure::clicked, this, [this] { chosen_ = true; });
    connect(which_, &PillGroup::chosen, this,
            [proxy](int which) { proxy->setFailuresOnly(which); });
    connect(table_, &TableView::rowsSelected, this, [this](const QList<int>& rows) {
        if (rows.size() != 1) return;
        const int row = proxy_->mapToSource(proxy_->index(rows.front(), 0)).row();
        if (model_.line(row).run_id) emit runChosen(model_.line(row).run_id);
    });
    connect(save, &QPushButton::clicked, this, [this] {
        const QString said = askAndExportCsv(this, model_, tr("log"));
        if (!said.isEmpty()) emit exported(said);
    });
}

void LogCard::suggestOpen(bool open) {
    if (!chosen_ && head_line_->isChecked() != open) head_line_->setChecked(open);
}

bool LogCard::isOpen() const {
    return head_line_->isChecked();
}

void LogCard::refresh() {
    const int failed = model_.count(Tone::bad);
    head_line_->setSummary(failed ? tr("%1 failed").arg(failed) : tr("nothing failed"));
    const int now = which_->current();
    which_->setItems({tr("All"), failed ? tr("Failures %1").arg(failed) : tr("Failures")}, now);
    table_->scrollToBottom();
}

} // namespace sweetspot::gui

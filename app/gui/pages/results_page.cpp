#include "app/gui/pages/results_page.h"
#include "app/gui/frame/panes.h"
#include "app/gui/models/run_table_model.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/counted.h"
#include "app/gui/pages/filter_line.h"
#include "app/gui/pages/pivot_card.h"
#include "app/gui/pages/results_plot.h"
#include "app/gui/pages/run_detail.h"
#include "app/gui/plot/parallel_view.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/table/csv.h"
#include "app/gui/table/table_view.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/message.h"
#include <QBuffer>
#include <QClipboard>
#include <QElapsedTimer>
#include <QGuiApplication>
#include <QHeaderView>
#include <QMenu>
#include <QSettings>

// Decide: every run in a table, what is chosen of them in a plot. A filter, typed or as chips,
// holds for both; what is selected in one is selected in the other, and in every other view.

namespace sweetspot::gui {
namespace {

/// A sweep in progress is shown anew so often at most, and never for more than a twentieth of the
/// time: what it measures must not suffer from being looked at.
constexpr int refresh_ms = 500, refresh_share = 20;

QString columnKey(const RunColumn& column) {
    return "results/column/" + QString::fromStdString(column.name);
}

} // namespace

ResultsPage::ResultsPage(Session& session)
    : SweepPage(session, {Icon::table, tr("No results yet"),
                          tr("Open an experiment from Runs, or start a new one."),
                          tr("Show all runs"), ViewId::runs}) {
    model_ = new RunTableModel(this);
    proxy_ = new RunProxy(model_, this);
    setContent(makeContent());
    connectAll();
}

QWidget* ResultsPage::makeContent() {
    said_ = new MessageStrip;
    said_->clear();
    filter_ = new FilterLine;
    QPushButton* columns = button(tr("Columns"), Icon::columns);
    column_menu_ = new QMenu(columns);
    columns->setMenu(column_menu_);
    restore_ = button({}, Icon::refresh, ButtonKind::ghost);
    restore_->hide();
    auto* line = row({filter_, restore_, columns});
    line->setStretch(0, 1);

    plot_ = new ResultsPlot;
    detail_ = new RunDetail(session_);
    auto* card = new Card({}, {}, 1);
    card->body()->addWidget(detail_);
    panes_ = new Panes("results");
    panes_->add("table", tr("Table"), makeTable(), 5);
    panes_->add("detail", tr("Details"), card, 2, "table", Qt::Horizontal);
    panes_->add("plot", tr("Plot"), plot_, 5, "table", Qt::Vertical);
    pivot_ = new PivotCard;
    panes_->add("pivot", tr("Pivot"), pivot_, 5, "plot", Qt::Horizontal);
    pivot_button_ = button(tr("Pivot"), Icon::table);
    pivot_button_->setCheckable(true);
    pivot_button_->setToolTip(tr("A metric by two fields of the runs"));
    addTopWidget(pivot_button_);
    detail_button_ = button(tr("Details"), Icon::info);
    detail_button_->setCheckable(true);
    detail_button_->setToolTip(tr("All that is known of the chosen run (Ctrl+I)"));
    detail_button_->setShortcut(QKeySequence("Ctrl+I"));
    addTopWidget(panes_->makeButton());
    addTopWidget(detail_button_);
    panes_->begin({"detail", "pivot"});
    for (const auto& [key, toggle] :
         {std::pair("detail", detail_button_), {"pivot", pivot_button_}}) {
        toggle->setChecked(panes_->isShown(key));
        connect(toggle, &QPushButton::toggled, this,
                [this, key = key](bool on) { panes_->setShown(key, on); });
    }
    connect(panes_, &Panes::shownChanged, this, [this](const QString& key, bool on) {
        if (key == "detail") detail_button_->setChecked(on);
        if (key == "pivot") pivot_button_->setChecked(on);
        if (key == "detail" && on) detail_->present();
        if (key == "pivot" && on) {
            offerPivot();
            drawPlot();
        }
    });

    auto* content = new QWidget;
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins(24, 16, 24, 16);
    layout->setSpacing(12);
    layout->addLayout(line);
    layout->addWidget(panes_, 1);
    said_->floatOver(content);
    return content;
}

QWidget* ResultsPage::makeTable() {
    table_ = new TableView;
    table_->setModel(proxy_);
    table_->setSortingEnabled(true);
    table_->sortByColumn(0, Qt::AscendingOrder);
    table_->setDragEnabled(true); // to the places of A and B (frame/pick_hint.h)
    table_->setAccessibleName(tr("Runs"));
    table_->setMinimumHeight(150);
    table_->setCornerWidget(new QWidget); // the style would paint its own between the bars
    auto* card = new Card({}, {}, 1);
    card->body()->addWidget(table_);
    save_ = button(tr("Export CSV"), Icon::download);
    addTopWidget(save_);
    connect(save_, &QPushButton::clicked, this, [this] {
        const QString said =
            askAndExportCsv(this, *proxy_, context().isEmpty() ? tr("runs") : context());
        if (!said.isEmpty()) said_->tell(Tone::info, said, {}, tr("Dismiss"));
    });
    return card;
}

void ResultsPage::connectAll() {
    refresh_.setSingleShot(true);
    connect(&refresh_, &QTimer::timeout, this, &ResultsPage::takeRuns);
    connect(said_, &MessageStrip::actionRequested, said_, &MessageStrip::clear);
    connect(filter_, &FilterLine::changed, this, &ResultsPage::takeFilter);
    connect(plot_, &ResultsPlot::chosen, this, &ResultsPage::drawPlot);
    connect(plot_->group(), &PlotGroup::pointClicked, this,
            [this](qint64 id) { session_.selection().setRuns({id}); });
    connect(plot_->parallel(), &ParallelView::lineClicked, this,
            [this](qint64 id) { session_.selection().setRuns({id}); });
    plot_->parallel()->setDescriber([this](qint64 id) {
        const int row = model_->rowOf(id);
        return row < 0 ? QString()
                       : QString("#%1 %2").arg(id).arg(
                             runLabel(model_->run(row).config, model_->varying()));
    });
    const auto exported = [this](const QString& said, bool ok) {
        said_->tell(ok ? Tone::good : Tone::bad, said, {}, tr("Dismiss"));
    };
    connect(plot_->group(), &PlotGroup::exported, this, exported);
    connect(plot_->parallel(), &ParallelView::exported, this, exported);
    connect(pivot_, &PivotCard::chosen, this, &ResultsPage::drawPlot);
    connect(pivot_, &PivotCard::runsChosen, this,
            [this](const QSet<qint64>& ids) { session_.selection().setRuns(ids); });
    connect(pivot_, &PivotCard::exported, this,
            [this](const QString& said) { said_->tell(Tone::info, said, {}, tr("Dismiss")); });
    connect(column_menu_, &QMenu::aboutToShow, this, &ResultsPage::fillColumnMenu);
    connect(&session_.selection(), &Selection::baselineChanged, model_,
            [this](qint64 id) { model_->setBaseline(id); });
    connect(&session_.selection(), &Selection::runChanged, this, [this] {
        if (detail_->isVisible()) detail_->present();
    });
    addPickActions();
    auto* remove = new QAction(tr("Delete the runs selected"), table_);
    remove->setShortcut(QKeySequence::Delete);
    remove->setShortcutContext(Qt::WidgetShortcut);
    table_->addAction(remove);
    connect(remove, &QAction::triggered, this, &ResultsPage::deleteSelected);
    connect(restore_, &QPushButton::clicked, this,
            [this] { session_.restoreRuns(session_.selection().sweep()); });
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(table_, &QWidget::customContextMenuRequested, this, &ResultsPage::showMenu);
    connect(table_, &QAbstractItemView::doubleClicked, this,
            [this] { detail_button_->setChecked(true); });
    connect(model_, &QAbstractItemModel::modelReset, this, &ResultsPage::showColumns);
    connect(table_, &TableView::rowsSelected, this, [this](const QList<int>& rows) {
        if (selecting_) return;
        QSet<qint64> ids;
        for (const int row : rows)
            ids << model_->run(proxy_->mapToSource(proxy_->index(row, 0)).row()).id;
        session_.selection().setRuns(ids);
    });
}

void ResultsPage::showMenu(QPoint place) {
    const QModelIndex at = table_->indexAt(place);
    if (!at.isValid()) return;
    if (!table_->selectionModel()->isRowSelected(at.row())) table_->selectRow(at.row());
    const qint64 id = model_->run(proxy_->mapToSource(at).row()).id;
    auto* menu = new QMenu(table_);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    connect(menu->addAction(themedIcon(Icon::info), tr("Details of #%1").arg(id)),
            &QAction::triggered, this, [this] { detail_button_->setChecked(true); });
    addPicks(*menu, id);
    if (const RunRecord& run = model_->run(proxy_->mapToSource(at).row());
        !savedModel(run).isEmpty())
        connect(menu->addAction(themedIcon(Icon::cpu), tr("Measure what #%1 trained").arg(id)),
                &QAction::triggered, this, [this, run] { emit trainedRequested(run); });
    menu->addSeparator();
    connect(menu->addAction(themedIcon(Icon::file), tr("Copy the cell")), &QAction::triggered, this,
            [at] { QGuiApplication::clipboard()->setText(at.data().toString()); });
    connect(menu->addAction(themedIcon(Icon::table), tr("Copy the rows")), &QAction::triggered,
            this, [this] {
                QByteArray text;
                QBuffer buffer(&text);
                buffer.open(QIODevice::WriteOnly);
                writeCsv(*proxy_, buffer, table_->selectedRows());
                QGuiApplication::clipboard()->setText(QString::fromUtf8(text));
            });
    menu->addSeparator();
    const qsizetype count = session_.selection().runs().size();
    QAction* remove =
        menu->addAction(themedIcon(Icon::trash), tr("Delete %1").arg(counted(count, tr("run"))));
    remove->setEnabled(!session_.readOnly() && !session_.progress().active);
    connect(remove, &QAction::triggered, this, &ResultsPage::deleteSelected);
    menu->popup(table_->viewport()->mapToGlobal(place));
}

void ResultsPage::deleteSelected() {
    const QSet<qint64>& ids = session_.selection().runs();
    if (ids.isEmpty() || session_.readOnly() || session_.progress().active) return;
    session_.remove({{}, {ids.begin(), ids.end()}, counted(ids.size(), tr("run"))});
}

void ResultsPage::hear() {
    if (refresh_.isActive()) return;
    if (session_.progress().active)
        refresh_.start(std::max(refresh_ms, refresh_share * cost_ms_));
    else
        takeRuns();
}

void ResultsPage::takeRuns() {
    if (!isVisible()) return outdate();
    QElapsedTimer timer;
    timer.start();
    const Runs runs = session_.runs();
    const bool same =
        std::equal(runs->begin(), runs->end(), ids_.begin(), ids_.end(),
                   [](const RunRecord& run, std::int64_t id) { return run.id == id; });
    model_->setRuns(runs);
    model_->setBaseline(session_.selection().baseline());
    if (same) {
        plot_->goOn(runs, model_->metrics());
    } else {
        ids_.clear();
        for (const RunRecord& run : *runs) ids_.push_back(run.id);
        plot_->begin(runs, model_->metrics());
    }
    if (panes_->isShown("pivot")) offerPivot();
    showEmpty(runs->empty());
    setReason(save_, runs->empty() ? tr("There are no runs to export.") : QString());
    if (!runs->empty()) save_->setToolTip(tr("The runs shown, with all columns"));
    filter_->setCount(proxy_->rowCount(), model_->rowCount());
    drawPlot();
    if (detail_->isVisible() && !same) detail_->present();
    cost_ms_ = int(timer.elapsed());
}

/// Only where it is seen: the values of all fields of many runs take a while.
void ResultsPage::offerPivot() {
    pivot_->offer(model_->runs(), model_->varying(), model_->metrics());
}

void ResultsPage::takeFilter() {
    proxy_->setTerms(filter_->terms());
    filter_->setCount(proxy_->rowCount(), model_->rowCount());
    showSelection(session_.selection().runs());
    drawPlot();
}

void ResultsPage::drawPlot() {
    const auto& all = model_->runs();
    const auto draw = [this](std::span<const RunRecord> runs) {
        plot_->draw(runs);
        if (panes_->isShown("pivot")) pivot_->draw(runs);
    };
    if (proxy_->terms().isEmpty()) {
        draw(all);
    } else {
        std::vector<RunRecord> shown;
        for (const RunRecord& run : all)
            if (meets(run, proxy_->terms())) shown.push_back(run);
        draw(shown);
    }
    model_->setSlots(plot_->runSlots());
    plot_->setSelected(session_.selection().runs());
}

void ResultsPage::nameSweep(const SweepInfo& sweep) {
    SweepPage::nameSweep(sweep);
    restore_->setVisible(sweep.deleted_runs > 0 && !session_.readOnly());
    restore_->setText(tr("Give back %1").arg(counted(sweep.deleted_runs, tr("deleted run"))));
    plot_->parallel()->setExportName(context());
    plot_->group()->setExportWords(context(), tr("%1, %2 points, %3")
                                                  .arg(context())
                                                  .arg(sweep.planned)
                                                  .arg(dateText(sweep.created_unix_seconds)));
}

/// After other columns: their widths, and which of them the user or habit shows.
void ResultsPage::showColumns() {
    table_->setModel(proxy_); // takes the widths anew
    const QSettings settings;
    for (int column = 0; column < model_->columnCount(); ++column)
        table_->setColumnHidden(
            column, !settings.value(columnKey(model_->column(column)), model_->column(column).usual)
                         .toBool());
    table_->setStretchColumn(model_->columnCount() - 1);
    showQualityBesideTime();
    showSelection(session_.selection().runs());
}

/// Where it is seen in a small window; a person may move it elsewhere.
void ResultsPage::showQualityBesideTime() {
    QHeaderView* head = table_->horizontalHeader();
    int after = -1;
    for (int column = 0; column < model_->columnCount(); ++column) {
        const RunColumn& shown = model_->column(column);
        if (shown.what == RunColumn::What::noise) after = column;
        if (shown.name != "perplexity" || after < 0 || head->visualIndex(column) != column)
            continue;
        head->moveSection(column, head->visualIndex(after) + 1);
    }
}

void ResultsPage::fillColumnMenu() {
    column_menu_->clear();
    for (int column = 0; column < model_->columnCount(); ++column) {
        QAction* action = column_menu_->addAction(
            model_->headerData(column, Qt::Horizontal, Qt::DisplayRole).toString());
        action->setCheckable(true);
        action->setChecked(!table_->isColumnHidden(column));
        connect(action, &QAction::toggled, this, [this, column](bool on) {
            QSettings().setValue(columnKey(model_->column(column)), on);
            table_->setColumnHidden(column, !on);
            table_->setStretchColumn(model_->columnCount() - 1);
        });
    }
}

void ResultsPage::showSelection(const QSet<qint64>& ids) {
    plot_->setSelected(ids);
    QItemSelection rows;
    for (const qint64 id : ids) {
        const int row = model_->rowOf(id);
        const QModelIndex at =
            row < 0 ? QModelIndex() : proxy_->mapFromSource(model_->index(row, 0));
        if (at.isValid()) rows.select(at, at);
    }
    selecting_ = true; // what the table says now, it was told
    table_->selectionModel()->select(rows, QItemSelectionModel::ClearAndSelect |
                                               QItemSelectionModel::Rows);
    if (ids.size() == 1 && !rows.isEmpty() && !table_->hasFocus())
        table_->scrollTo(rows.indexes().front());
    selecting_ = false;
}

} // namespace sweetspot::gui

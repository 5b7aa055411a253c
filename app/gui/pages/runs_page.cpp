#include "app/gui/pages/runs_page.h"
#include "app/gui/models/sweep_table_model.h"
#include "app/gui/pages/counted.h"
#include "app/gui/table/csv.h"
#include "app/gui/table/table_view.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/message.h"
#include <QDir>
#include <QFileDialog>
#include <QMenu>
#include <QSettings>

// History: every experiment that was started, newest first, found again by words, tags and notes.
// A row opens as the selected sweep of all views. What is deleted is not seen any more, and can be
// given back: nothing is erased.

namespace sweetspot::gui {

RunsPage::RunsPage(Session& session)
    : SweepPage(session, {Icon::history, tr("No runs yet"),
                          tr("Every experiment that was started stands here, newest first. "
                             "Nothing is ever erased."),
                          tr("New experiment"), ViewId::experiment}) {
    model_ = new SweepTableModel(this);
    proxy_ = new SweepProxy(model_, this);
    setContent(makeContent());
    connectAll();
    takeSweeps();
    showStore();
}

QWidget* RunsPage::makeContent() {
    search_ = textField(tr("Search names, tags, notes, models"), Icon::search);
    search_->setClearButtonEnabled(true);
    search_->setMaximumWidth(360);
    count_ = caption({});
    open_ = button(tr("Open"), Icon::table, ButtonKind::primary);
    pin_ = button(tr("Pin"), Icon::pin);
    import_ = button(tr("Import…"), Icon::folder);
    import_->setToolTip(tr("Copies the experiments of another database that this one lacks"));
    delete_ = button(tr("Delete"), Icon::trash);
    restore_ = button({}, Icon::refresh, ButtonKind::ghost);
    auto* save = iconButton(Icon::download, tr("Export the list as CSV"));
    connect(save, &QPushButton::clicked, this, [this] {
        const QString said = askAndExportCsv(this, *proxy_, tr("experiments"));
        if (!said.isEmpty()) strip_->tell(Tone::info, said, {}, tr("Dismiss"));
    });
    auto* line = row({search_, count_, nullptr, save, import_, delete_, pin_, open_});
    line->setStretch(0, 1);
    line->setStretch(2, 1);

    table_ = new TableView;
    table_->setModel(proxy_);
    table_->setStretchColumn(SweepTableModel::note);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed);
    table_->setSortingEnabled(true);
    table_->sortByColumn(SweepTableModel::created, Qt::DescendingOrder);
    table_->setAccessibleName(tr("Experiments"));
    auto* card = new Card({}, {}, 1);
    card->body()->addWidget(table_);
    path_ = new ElidedLabel({}, 12, QFont::Normal, Ink::text3, Qt::ElideMiddle);
    strip_ = new MessageStrip;
    strip_->clear();
    auto* content = new QWidget;
    auto* box = new QVBoxLayout(content);
    box->setContentsMargins(24, 16, 24, 16);
    box->setSpacing(12);
    box->addWidget(strip_);
    box->addLayout(line);
    box->addWidget(card, 1);
    auto* foot = row({path_, restore_});
    foot->setStretch(0, 1);
    box->addLayout(foot);
    return content;
}

void RunsPage::connectAll() {
    connect(&session_, &Session::sweepsChanged, this, &RunsPage::takeSweeps);
    connect(&session_, &Session::sweepEnded, this, &RunsPage::takeSweeps);
    connect(&session_, &Session::opened, this, &RunsPage::showStore);
    connect(strip_, &MessageStrip::actionRequested, strip_, &MessageStrip::clear);
    connect(model_, &SweepTableModel::noteWritten, &session_, &Session::setNote);
    connect(model_, &SweepTableModel::tagsWritten, &session_, &Session::setTags);
    connect(search_, &QLineEdit::textChanged, this, [this](const QString& words) {
        proxy_->setWords(words);
        showButtons();
    });
    connect(table_, &TableView::rowsSelected, this, &RunsPage::showButtons);
    connect(table_, &QAbstractItemView::doubleClicked, this, [this](const QModelIndex& at) {
        if (!(at.flags() & Qt::ItemIsEditable)) openRow(at.row());
    });
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(table_, &QWidget::customContextMenuRequested, this, &RunsPage::showMenu);
    auto* enter = new QAction(tr("Open the experiment"), table_);
    enter->setShortcut(Qt::Key_Return);
    enter->setShortcutContext(Qt::WidgetShortcut);
    table_->addAction(enter);
    connect(enter, &QAction::triggered, open_, &QPushButton::click);
    connect(open_, &QPushButton::clicked, this, [this] {
        if (const auto rows = table_->selectedRows(); !rows.isEmpty()) openRow(rows.front());
    });
    connect(pin_, &QPushButton::clicked, this, [this] {
        if (const int row = selectedRow(); row >= 0)
            session_.setPinned(model_->sweep(row).id, !model_->sweep(row).pinned);
    });
    connect(import_, &QPushButton::clicked, this, &RunsPage::importFile);
    auto* remove = new QAction(tr("Delete the experiment"), table_);
    remove->setShortcut(QKeySequence::Delete);
    remove->setShortcutContext(Qt::WidgetShortcut);
    table_->addAction(remove);
    connect(remove, &QAction::triggered, delete_, &QPushButton::click);
    connect(delete_, &QPushButton::clicked, this, [this] {
        const int row = selectedRow();
        if (row < 0) return;
        const SweepInfo& sweep = model_->sweep(row);
        session_.remove({{sweep.id}, {}, QString::fromStdString(sweep.name)});
    });
    connect(restore_, &QPushButton::clicked, &session_, &Session::restoreSweeps);
    connect(&session_, &Session::logged, this, [this](const QString& sentence, int run) {
        if (run < 0) strip_->tell(Tone::info, sentence, {}, tr("Dismiss"));
    });
}

int RunsPage::sourceRow(int row) const {
    return proxy_->mapToSource(proxy_->index(row, 0)).row();
}

int RunsPage::selectedRow() const {
    const QList<int> rows = table_->selectedRows();
    return rows.isEmpty() ? -1 : sourceRow(rows.front());
}

void RunsPage::openRow(int row) {
    session_.selection().setSweep(model_->sweep(sourceRow(row)).id);
    emit viewRequested(ViewId::results);
}

void RunsPage::showMenu(QPoint place) {
    const QModelIndex at = table_->indexAt(place);
    if (!at.isValid()) return;
    table_->selectRow(at.row());
    const SweepInfo sweep = model_->sweep(sourceRow(at.row()));
    auto* menu = new QMenu(table_);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    const auto opens = [&](const QString& text, Icon icon, ViewId view) {
        connect(menu->addAction(themedIcon(icon), text), &QAction::triggered, this,
                [this, id = sweep.id, view] {
                    session_.selection().setSweep(id);
                    emit viewRequested(view);
                });
    };
    opens(tr("Open the results"), Icon::table, ViewId::results);
    opens(tr("Find its sweet spot"), Icon::target, ViewId::sweet_spot);
    opens(tr("How it went"), Icon::live, ViewId::live);
    menu->addSeparator();
    connect(menu->addAction(themedIcon(Icon::sliders), tr("Change it and run it anew")),
            &QAction::triggered, this, [this, sweep] {
                try {
                    emit specChosen(spec_from_json(sweep.spec_json, sweep.name));
                } catch (const Error& e) { // of another version
                    strip_->tell(Tone::bad, QString::fromStdString(e.what()), {}, tr("Dismiss"));
                }
            });
    QAction* pin = menu->addAction(themedIcon(Icon::pin), sweep.pinned ? tr("Unpin") : tr("Pin"));
    pin->setEnabled(!session_.readOnly());
    connect(pin, &QAction::triggered, pin_, &QPushButton::click);
    QAction* remove = menu->addAction(themedIcon(Icon::trash), tr("Delete"));
    remove->setEnabled(delete_->isEnabled());
    connect(remove, &QAction::triggered, delete_, &QPushButton::click);
    menu->popup(table_->viewport()->mapToGlobal(place));
}

void RunsPage::takeSweeps() {
    const int before = selectedRow();
    const std::int64_t selected = before < 0 ? 0 : model_->sweep(before).id;
    model_->setActive(session_.progress().active ? session_.progress().sweep_id : 0);
    model_->setSweeps(session_.sweeps());
    if (const int row = model_->rowOf(selected); row >= 0 && selectedRow() != row)
        table_->selectRow(proxy_->mapFromSource(model_->index(row, 0)).row());
    showEmpty(model_->rowCount() == 0);
    showButtons();
}

void RunsPage::showButtons() {
    const int row = selectedRow();
    const QString none = row < 0 ? tr("Select an experiment first.") : QString();
    const QString locked =
        session_.readOnly() ? tr("The database is open to read only.") : QString();
    setReason(open_, none);
    setReason(pin_, locked.isEmpty() ? none : locked);
    setReason(import_, locked);
    const bool active = row >= 0 && session_.progress().active &&
                        session_.progress().sweep_id == model_->sweep(row).id;
    setReason(delete_, !locked.isEmpty() ? locked
                       : active          ? tr("It is being measured: stop it first.")
                                         : none);
    const auto deleted = qint64(session_.deletedSweeps()->size());
    restore_->setVisible(deleted > 0 && !session_.readOnly());
    restore_->setText(tr("Give back %1").arg(counted(deleted, tr("deleted experiment"))));
    pin_->setText(row >= 0 && model_->sweep(row).pinned ? tr("Unpin") : tr("Pin"));
    const int shown = proxy_->rowCount(), all = model_->rowCount();
    count_->setText(all == 1       ? tr("1 experiment")
                    : shown == all ? tr("%1 experiments").arg(all)
                                   : tr("%1 of %2 experiments").arg(shown).arg(all));
}

void RunsPage::showStore() {
    const QString path = QDir::toNativeSeparators(session_.path());
    path_->setText(path.isEmpty() ? tr("No database is open.") : tr("Database: %1").arg(path));
    model_->setReadOnly(session_.readOnly());
    if (session_.readOnly())
        strip_->tell(Tone::warn, tr("%1 is open to read only.").arg(path),
                     tr("Another program writes to it, or it cannot be written; what is added "
                        "appears here within a second."));
    else
        strip_->clear();
    showButtons();
}

void RunsPage::importFile() {
    QSettings settings;
    const QString path = QFileDialog::getOpenFileName(
        this, tr("Import experiments"),
        settings.value("import/folder", QDir::homePath()).toString(),
        tr("Runs, ours or llama-bench's (*.sweetspot *.json *.jsonl *.csv *.sql);;All files (*)"));
    if (path.isEmpty()) return;
    settings.setValue("import/folder", QFileInfo(path).absolutePath());
    session_.importFile(path);
}

} // namespace sweetspot::gui

#include "app/gui/frame/search_box.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include <QKeyEvent>
#include <QListWidget>
#include <algorithm>

namespace sweetspot::gui {

namespace {
constexpr int most_found = 100;
}

SearchBox::SearchBox(QList<SearchEntry> entries, QWidget* window)
    : QDialog(window), entries_(std::move(entries)) {
    setWindowTitle(tr("Search"));
    setFixedSize(560, 420);
    field_ = textField(tr("A view, a command, an experiment, a model or a run"), Icon::search);
    field_->installEventFilter(this);
    list_ = new QListWidget;
    list_->setFont(uiFont(13));
    list_->setIconSize({16, 16});
    list_->setFocusPolicy(Qt::NoFocus);
    list_->setAccessibleName(tr("Found"));
    auto* layout = column({field_, list_}, 8);
    layout->setContentsMargins(16, 16, 16, 16);
    setLayout(layout);
    connect(field_, &QLineEdit::textChanged, this, &SearchBox::find);
    connect(list_, &QListWidget::itemClicked, this, &SearchBox::run);
    find({});
}

QStringList SearchBox::found() const {
    QStringList names;
    for (int i = 0; i < list_->count(); ++i) names << list_->item(i)->text();
    return names;
}

// Experiments, models and runs are many: they come when something is asked for.
void SearchBox::find(const QString& words) {
    list_->clear();
    const QStringList all_words = words.split(' ', Qt::SkipEmptyParts);
    for (int i = 0; i < entries_.size() && list_->count() < most_found; ++i) {
        const SearchEntry& entry = entries_[i];
        if (all_words.isEmpty() && !entry.kind.isEmpty()) continue;
        const bool all = std::all_of(all_words.begin(), all_words.end(), [&](const QString& word) {
            return entry.name.contains(word, Qt::CaseInsensitive) ||
                   entry.kind.contains(word, Qt::CaseInsensitive);
        });
        if (!all) continue;
        const QString kind = entry.kind.isEmpty() ? QString() : "    " + entry.kind;
        auto* item = new QListWidgetItem(entry.icon, entry.name + kind, list_);
        item->setData(Qt::UserRole, i);
    }
    list_->setCurrentRow(0);
}

void SearchBox::run() {
    const QListWidgetItem* item = list_->currentItem();
    if (!item) return;
    const auto choose = entries_[item->data(Qt::UserRole).toInt()].choose;
    accept();
    choose();
}

bool SearchBox::eventFilter(QObject* watched, QEvent* event) {
    if (watched != field_ || event->type() != QEvent::KeyPress)
        return QDialog::eventFilter(watched, event);
    const int key = static_cast<QKeyEvent*>(event)->key();
    if (key == Qt::Key_Down || key == Qt::Key_Up) {
        const int step = key == Qt::Key_Down ? 1 : -1;
        list_->setCurrentRow(std::clamp(list_->currentRow() + step, 0, list_->count() - 1));
        return true;
    }
    if (key != Qt::Key_Return && key != Qt::Key_Enter) return false;
    run();
    return true;
}

} // namespace sweetspot::gui

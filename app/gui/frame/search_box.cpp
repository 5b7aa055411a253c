#include "app/gui/frame/search_box.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include <QAction>
#include <QKeyEvent>
#include <QListWidget>

namespace sweetspot::gui {

SearchBox::SearchBox(const QList<QAction*>& actions, QWidget* window)
    : QDialog(window), actions_(actions) {
    setWindowTitle(tr("Search"));
    setFixedSize(520, 380);
    field_ = textField(tr("A view or a command"), Icon::search);
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

void SearchBox::find(const QString& words) {
    list_->clear();
    for (int i = 0; i < actions_.size(); ++i) {
        const QString name = actions_[i]->text().remove('&');
        bool all = true;
        for (const QString& word : words.split(' ', Qt::SkipEmptyParts))
            all = all && name.contains(word, Qt::CaseInsensitive);
        if (!all || !actions_[i]->isEnabled()) continue;
        auto* item = new QListWidgetItem(actions_[i]->icon(), name, list_);
        item->setData(Qt::UserRole, i);
    }
    list_->setCurrentRow(0);
}

void SearchBox::run() {
    const QListWidgetItem* item = list_->currentItem();
    if (!item) return;
    QAction* action = actions_[item->data(Qt::UserRole).toInt()];
    accept();
    action->trigger();
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

#include "app/gui/frame/top_bar.h"
#include "app/gui/frame/page.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/text.h"

namespace sweetspot::gui {

TopBar::TopBar(QWidget* parent) : QFrame(parent) {
    setObjectName("topbar");
    setFixedHeight(52);
    title_ = heading({}, 18);
    context_ = new ElidedLabel({}, 13, QFont::Normal, Ink::text3);
    context_->setContentsMargins(4, 3, 0, 0);
    selection_ = new Chip({}, Tone::accent, Icon::link);
    selection_->setRemovable(true);
    selection_->setShrinkable();
    selection_->hide();
    connect(selection_, &Chip::removed, this, &TopBar::selectionCleared);
    layout_ = new QHBoxLayout(this);
    layout_->setContentsMargins(24, 0, 24, 0);
    layout_->setSpacing(8);
    layout_->addWidget(title_);
    layout_->addWidget(context_, 1);
    layout_->addWidget(selection_);
}

void TopBar::present(const QString& title, Page* page) {
    if (page_) {
        disconnect(page_, &Page::contextChanged, this, nullptr);
        for (QWidget* widget : page_->topWidgets()) widget->hide();
    }
    page_ = page;
    title_->setText(title);
    context_->setText(page->context());
    connect(page, &Page::contextChanged, this, [this] { context_->setText(page_->context()); });
    for (QWidget* widget : page->topWidgets()) {
        if (layout_->indexOf(widget) < 0) layout_->addWidget(widget);
        widget->show();
    }
}

void TopBar::setSelection(const QString& text) {
    selection_->setText(text);
    selection_->setAccessibleName(text);
    selection_->setVisible(!text.isEmpty());
    selection_->updateGeometry();
}

QString TopBar::title() const {
    return title_->text();
}

} // namespace sweetspot::gui

#include "app/gui/widgets/values_field.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/text.h"
#include <QKeyEvent>
#include <QPainter>

// Several values of one field as chips in a line: typed one by one, or as a list or a range,
// checked as they come.

namespace sweetspot::gui {
namespace {

class FieldFrame : public QWidget {
public:
    explicit FieldFrame(const QLineEdit* edit) : edit_(edit) {
        setMinimumHeight(36);
        setCursor(Qt::IBeamCursor);
    }

protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        const bool wrong = edit_->property("wrong").toBool();
        drawBox(painter, rect(), 6, theme().field, wrong ? theme().bad : theme().border_strong);
        if (edit_->hasFocus()) drawFocusRing(painter, rect(), 6);
    }

private:
    const QLineEdit* edit_;
};

} // namespace

ValueChipsField::ValueChipsField(const QString& name, const QString& unit, const QString& hint,
                                 ValueParser parser)
    : parser_(std::move(parser)) {
    expansion_ = new ElidedLabel({}, 12, QFont::Normal, Ink::text3);
    expansion_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    auto* title = row({label(name, 12, QFont::DemiBold, Ink::text2), caption(unit)}, 6);
    title->addWidget(expansion_, 1);

    edit_ = new QLineEdit;
    edit_->setProperty("bare", true);
    edit_->setFont(numberFont(12));
    edit_->setPlaceholderText(hint);
    edit_->setMinimumWidth(64);
    edit_->setAccessibleName(unit.isEmpty() ? name : tr("%1 in %2").arg(name, unit));
    edit_->installEventFilter(this);
    connect(edit_, &QLineEdit::textEdited, this, [this](const QString& text) {
        say({});
        if (text.endsWith(',')) commit();
    });
    frame_ = new FieldFrame(edit_);
    frame_->installEventFilter(this);
    flow_ = new FlowLayout(4, 4);
    flow_->setContentsMargins(7, 7, 8, 7);
    flow_->addWidget(edit_);
    frame_->setLayout(flow_);
    setFocusProxy(edit_);

    problem_ = label({}, 12, QFont::Normal, Ink::bad);
    problem_->setWordWrap(true);
    problem_->hide();
    auto* layout = column({}, 6);
    layout->addLayout(title);
    layout->addWidget(frame_);
    layout->addWidget(problem_);
    setLayout(layout);
}

QString ValueChipsField::problem() const {
    return problem_->isHidden() ? QString() : problem_->text();
}

QStringList ValueChipsField::values() const {
    QStringList all;
    for (const QString& text : texts_) all << parser_(text).values;
    all.removeDuplicates();
    return all;
}

void ValueChipsField::setTexts(const QStringList& texts) {
    const QStringList before = std::exchange(texts_, {});
    say({});
    for (const QString& text : texts) add(text);
    rebuild();
    if (texts_ != before) emit changed();
}

bool ValueChipsField::add(const QString& text) {
    const ParsedValues parsed = parser_(text);
    if (!parsed.problem.isEmpty()) {
        say(parsed.problem);
        return false;
    }
    if (!texts_.contains(text)) texts_ << text;
    return true;
}

void ValueChipsField::commit() {
    const QStringList before = texts_;
    QStringList left;
    for (const QString& part : edit_->text().split(',', Qt::SkipEmptyParts)) {
        const QString text = part.trimmed();
        if (!text.isEmpty() && (!left.isEmpty() || !add(text))) left << text;
    }
    edit_->setText(left.join(','));
    if (texts_ == before) return;
    rebuild();
    emit changed();
}

void ValueChipsField::remove(const QString& text) {
    const qsizetype index = texts_.indexOf(text);
    if (index < 0) return;
    const bool by_keyboard = chips_[index]->hasFocus();
    texts_.removeAt(index);
    rebuild();
    if (by_keyboard && index < chips_.size())
        chips_[index]->setFocus(Qt::OtherFocusReason);
    else
        edit_->setFocus(Qt::OtherFocusReason);
    emit changed();
}

void ValueChipsField::rebuild() {
    for (Chip* chip : std::exchange(chips_, {})) {
        flow_->removeWidget(chip);
        chip->hide();
        chip->deleteLater(); // it may be the one that asked
    }
    for (const QString& text : texts_) {
        Chip* chip = Chip::number(text);
        chip->setRemovable(true);
        chip->installEventFilter(this);
        connect(chip, &Chip::removed, this, [this, text] { remove(text); });
        flow_->insertWidget(int(chips_.size()), chip);
        chip->show();
        chips_ << chip;
    }
    QWidget* last = nullptr;
    for (Chip* chip : chips_) {
        if (last) setTabOrder(last, chip);
        last = chip;
    }
    if (last) setTabOrder(last, edit_);
    const QStringList all = values();
    expansion_->setText(all.size() == texts_.size() && all.size() > 1
                            ? tr("%1 values").arg(all.size())
                            : all.join(", "));
    frame_->updateGeometry();
    updateGeometry();
}

void ValueChipsField::say(const QString& problem) {
    const bool other = problem != this->problem();
    problem_->setText(problem);
    problem_->setVisible(!problem.isEmpty());
    setWrong(edit_, !problem.isEmpty());
    edit_->setAccessibleDescription(problem);
    frame_->update();
    if (other) emit problemChanged(problem);
}

bool ValueChipsField::eventFilter(QObject* watched, QEvent* event) {
    if (watched == frame_ && event->type() == QEvent::MouseButtonPress) edit_->setFocus();
    if (watched == edit_ &&
        (event->type() == QEvent::FocusIn || event->type() == QEvent::FocusOut)) {
        frame_->update();
        if (event->type() == QEvent::FocusOut) commit();
    }
    if (event->type() != QEvent::KeyPress) return QWidget::eventFilter(watched, event);
    const int key = static_cast<QKeyEvent*>(event)->key();
    const qsizetype at = chips_.indexOf(qobject_cast<Chip*>(watched));
    if (watched == edit_ && (key == Qt::Key_Return || key == Qt::Key_Enter)) {
        const bool typed = !edit_->text().isEmpty();
        commit();
        return typed; // with nothing typed, Return is the page's
    }
    const bool at_start = watched == edit_ && edit_->cursorPosition() == 0 && !chips_.isEmpty() &&
                          !edit_->hasSelectedText();
    if (at_start && key == Qt::Key_Backspace) {
        remove(texts_.back());
        return true;
    }
    const qsizetype place = at_start ? chips_.size() : at;
    if (place >= 0 && (at >= 0 || at_start) && key == Qt::Key_Left && place > 0) {
        chips_[place - 1]->setFocus(Qt::OtherFocusReason);
        return true;
    }
    if (at >= 0 && key == Qt::Key_Right) {
        QWidget* next = at + 1 < chips_.size() ? static_cast<QWidget*>(chips_[at + 1]) : edit_;
        next->setFocus(Qt::OtherFocusReason);
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace sweetspot::gui

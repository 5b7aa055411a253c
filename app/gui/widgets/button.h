#pragma once
#include "app/gui/theme/icons.h"
#include <QComboBox>
#include <QLineEdit>
#include <QPushButton>

namespace sweetspot::gui {

/// One primary button on a page; ghost is for tools; danger is red in its words only.
enum class ButtonKind { primary, secondary, ghost, danger };

QPushButton* button(const QString& text, Icon icon = Icon::none,
                    ButtonKind kind = ButtonKind::secondary);
/// A ghost button with an icon alone. `name` is its tooltip and its accessible name.
QPushButton* iconButton(Icon icon, const QString& name);
/// Keeps a button in its place, disabled, and says why in its tooltip. An empty reason enables it.
void setReason(QPushButton* button, const QString& reason);

QLineEdit* textField(const QString& placeholder, Icon lead = Icon::none);
/// Marks what was typed as wrong, or no longer.
void setWrong(QLineEdit* field, bool wrong);

/// A combo box with its label inside the frame; the frame and the chevron are painted here.
class Select : public QComboBox {
    Q_OBJECT
public:
    explicit Select(const QStringList& items = {}, const QString& label = {});
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {72, 30}; }

protected:
    void paintEvent(QPaintEvent* event) override;
    void wheelEvent(QWheelEvent* event) override; ///< only with focus, so that a form scrolls

private:
    QString label_;
};

/// The header of a section that folds: a chevron, a title and a summary. Checked is open.
class Disclosure : public QPushButton {
    Q_OBJECT
public:
    Disclosure(const QString& title, const QString& summary, bool open = false);
    void setSummary(const QString& summary);
    /// Shows a widget while open and hides it while folded.
    void folds(QWidget* content);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {120, 32}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString title_, summary_;
};

} // namespace sweetspot::gui

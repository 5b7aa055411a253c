#pragma once
#include <QFrame>

class QHBoxLayout;
class QLabel;

namespace sweetspot::gui {

class Chip;
class ElidedLabel;
class Page;

/// Title, experiment, what is selected in all views, and the page's own actions.
class TopBar : public QFrame {
    Q_OBJECT
public:
    explicit TopBar(QWidget* parent = nullptr);
    void present(const QString& title, Page* page);
    /// "selected: #51 flash, padded"; an empty text hides the pill.
    void setSelection(const QString& text);
    QString title() const;
    Chip* selection() const { return selection_; }

signals:
    void selectionCleared();

private:
    QLabel* title_;
    ElidedLabel* context_;
    Chip* selection_;
    QHBoxLayout* layout_;
    Page* page_ = nullptr;
};

} // namespace sweetspot::gui

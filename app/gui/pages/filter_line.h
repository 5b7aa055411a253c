#pragma once
#include "app/gui/models/run_filter.h"
#include <QTimer>
#include <QWidget>

class QLabel;
class QLineEdit;
class QPushButton;

namespace sweetspot::gui {

class Chip;

/// What runs are shown: words and terms such as batch>=8. What is typed counts at once; Return
/// makes chips of it. How many runs are left is written beside.
class FilterLine : public QWidget {
    Q_OBJECT
public:
    FilterLine();

    QList<RunTerm> terms() const; ///< chips, and what is typed if it can be understood
    void clear();
    void setCount(int shown, int all);
    QString countText() const;
    QLineEdit* field() { return field_; }
    QList<Chip*> chips() const { return chips_; }

signals:
    void changed();

private:
    void commit();
    void read();
    void addChip(const RunTerm& term);
    void say(const QString& problem);

    QLineEdit* field_;
    QPushButton* clear_;
    QLabel *count_, *problem_;
    QLayout* flow_;
    QList<RunTerm> kept_, typed_;
    QList<Chip*> chips_;
    QTimer delay_;
};

} // namespace sweetspot::gui

#pragma once
#include "app/gui/theme/icons.h"
#include <QWidget>

class QLabel;

namespace sweetspot::gui {

class ElidedLabel;
class IconLabel;

/// A fact in a list: its name left, its value right. Numbers stand in the number font.
class FactRow : public QWidget {
    Q_OBJECT
public:
    explicit FactRow(const QString& name, const QString& value = {}, bool number = false);
    void setValue(const QString& value);

private:
    ElidedLabel* value_;
};

/// What is so, in a word of its tone, and what follows from it: "Noise floor 0.8 %", "Differences
/// below it are called the same."
class StatusLine : public QWidget {
    Q_OBJECT
public:
    StatusLine(Icon icon, Tone tone, const QString& fact, const QString& consequence);
    void set(Icon icon, Tone tone, const QString& fact, const QString& consequence);

private:
    IconLabel* icon_;
    QLabel *fact_, *consequence_;
};

} // namespace sweetspot::gui

#pragma once
#include "app/gui/session/session.h"
#include <QPoint>
#include <QWidget>

class QPushButton;

namespace sweetspot::gui {

class Chip;
class FlowLayout;

/// The sweeps that wait for the one in progress, next one first: a chip for each, which its cross
/// takes away, and which is dragged, or moved by Alt and an arrow, to another place. Hidden while
/// none waits.
class QueueLine : public QWidget {
    Q_OBJECT
public:
    /// `session` must outlive it.
    explicit QueueLine(Session& session);

signals:
    /// One was taken away; queueAt() has it back.
    void taken(const sweetspot::gui::SweepOrder& order, std::size_t place);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void present();
    void makeChips(const QStringList& names);
    Chip* chipAt(int place) const;
    void take(int place);
    void move(int from, int to);
    bool drag(Chip& chip, const QMouseEvent& event);
    bool drop(Chip& chip);

    Session& session_;
    FlowLayout* chips_;
    QPushButton* start_; ///< where a sweep that was stopped left them waiting
    QStringList shown_;
    int held_ = -1; ///< the chip that is pressed
    bool dragged_ = false;
    QPoint pressed_, home_;
};

} // namespace sweetspot::gui

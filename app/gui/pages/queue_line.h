#pragma once
#include "app/gui/session/session.h"
#include <QWidget>

class QPushButton;

namespace sweetspot::gui {

class FlowLayout;

/// The sweeps that wait for the one in progress, next one first: a chip for each, which its cross
/// takes away. Hidden while none waits.
class QueueLine : public QWidget {
    Q_OBJECT
public:
    /// `session` must outlive it.
    explicit QueueLine(Session& session);

private:
    void present();

    Session& session_;
    FlowLayout* chips_;
    QPushButton* start_; ///< where a sweep that was stopped left them waiting
};

} // namespace sweetspot::gui

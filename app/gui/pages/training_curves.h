#pragma once
#include "app/gui/plot/plot_group.h"
#include "app/gui/session/session.h"
#include <QTimer>

namespace sweetspot {
struct Plot;
}

namespace sweetspot::gui {

class Card;

/// What trainings say of each step while they take them: the loss of what they learn from and of
/// what is held out, the learning rate, and memory beside what was predicted; a line a run.
class TrainingCurves : public QObject {
    Q_OBJECT
public:
    struct Pane {
        QString key, title;
        Card* card; ///< its owner's to place
        PlotGroup* group;
    };
    /// `session` must outlive it.
    explicit TrainingCurves(Session& session, QObject* parent);

    const QList<Pane>& panes() const { return panes_; }
    /// Shows the session's runs as far as they have come: at once, or soon where they grow.
    void follow();
    void showNow();

private:
    void show(const Pane& pane, sweetspot::Plot plot);
    void addPredicted(PlotSpec& spec) const;

    Session& session_;
    QList<Pane> panes_;
    QTimer soon_;
    qint64 cost_ms_ = 0; ///< of the last time
};

} // namespace sweetspot::gui

#pragma once
#include "app/experiment/ceilings.h"
#include "app/gui/pages/sweep_page.h"
#include "app/gui/timeline/timeline_view.h"
#include <QTimer>

class QLabel;
class QLineEdit;
class QPushButton;
class QSortFilterProxyModel;
class QStackedWidget;

namespace sweetspot::gui {

class Card;
class EmptyState;
class FlameView;
class MessageStrip;
class Panes;
class PillGroup;
class RooflineView;
class SumsModel;
class TableView;

/// Explain: one step of a run as it was recorded, on one axis of time, and what its time went into.
/// Where two runs are compared and both have traces, both are shown.
class TimelinePage : public SweepPage {
    Q_OBJECT
public:
    /// `session` must outlive the page.
    explicit TimelinePage(Session& session);
    ~TimelinePage() override;

    TimelineView* view() { return view_; }
    SumsModel* sums() { return sums_; }
    FlameView* flameGraph() { return flame_; }
    PillGroup* shape() { return shape_; }
    /// Shows these instead of the session's: what loading ends in.
    void showTimelines(std::vector<TimelineView::Shown> timelines, const Ceilings& ceilings);

protected:
    void takeRuns() override;
    void showSelection(const QSet<qint64>& ids) override;

private:
    struct Loaded;
    QWidget* makeContent();
    void chooseRun();
    void load(std::vector<qint64> runs);
    void took(const Loaded& loaded);
    void record();
    void offerRecord();
    void showSums();
    void showShape();
    void sayWhatIsSeen();

    MessageStrip* said_;
    TimelineView* view_;
    Panes* panes_;
    Card* time_card_;
    Card* sums_card_;
    PillGroup* by_;
    QLineEdit* search_;
    SumsModel* sums_;
    QSortFilterProxyModel* proxy_;
    TableView* table_;
    RooflineView* roofline_;
    FlameView* flame_;
    PillGroup* shape_; ///< the roofline, or the flame graph from either end
    QStackedWidget* shapes_;
    Card* shape_card_;
    QPushButton* record_;
    EmptyState* untraced_; ///< in place of the panes, with a button of its own
    QWidget* nothing_;     ///< what holds it
    bool recording_ = false;
    std::shared_ptr<const Timeline> first_{};
    Ceilings ceilings_{};
    qint64 run_ = 0;
    std::vector<qint64> shown_{}; ///< runs that were asked for last
    int question_ = 0;            ///< the newest; older answers are dropped
    QTimer sums_timer_;
};

} // namespace sweetspot::gui

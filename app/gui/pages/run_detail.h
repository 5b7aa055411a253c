#pragma once
#include "app/gui/session/session.h"
#include <QWidget>

class QLabel;
class QStandardItemModel;

namespace sweetspot::gui {

class ElidedLabel;
class FactRow;
class Figure;
class FlowLayout;
class PlotGroup;
class StackedBar;
class TableView;

/// All that is known of one run: its times sample by sample, its memory by purpose, where its time
/// went by region, and what it was measured with.
class RunDetail : public QWidget {
    Q_OBJECT
public:
    /// `session` must outlive it.
    explicit RunDetail(Session& session);

    /// The run that is explained, as the session has it; asks for its regions. Without one it says
    /// how to choose one.
    void present();
    PlotGroup* samples() { return samples_; }
    TableView* regions() { return regions_; }

private:
    QWidget* makeContent();
    void showFacts(const RunRecord& run);
    void showSamples(const RunRecord& run);
    void showRegions(const RunRecord& run);

    Session& session_;
    qint64 shown_ = 0; ///< 0 = none
    QWidget *content_, *nothing_;
    ElidedLabel* name_;
    FlowLayout* marks_;
    Figure *time_, *memory_;
    StackedBar* parts_;
    PlotGroup* samples_;
    QStandardItemModel* region_model_;
    TableView* regions_;
    QLabel* regions_note_;
    QLayout* facts_;
};

} // namespace sweetspot::gui

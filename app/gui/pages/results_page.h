#pragma once
#include "app/gui/pages/sweep_page.h"
#include <QTimer>

class QMenu;
class QPushButton;

namespace sweetspot::gui {

class FilterLine;
class MessageStrip;
class Panes;
class PivotCard;
class ResultsPlot;
class RunDetail;
class RunProxy;
class RunTableModel;
class TableView;

/// Every run of the selected sweep: filter, table, and a plot of what is chosen. What is selected
/// in one of them is selected in all.
class ResultsPage : public SweepPage {
    Q_OBJECT
public:
    /// `session` must outlive the page.
    explicit ResultsPage(Session& session);

    FilterLine* filter() { return filter_; }
    TableView* table() { return table_; }
    RunTableModel* model() { return model_; }
    ResultsPlot* plot() { return plot_; }
    RunDetail* detail() { return detail_; }
    PivotCard* pivot() { return pivot_; }
    QPushButton* pivotButton() { return pivot_button_; }
    QPushButton* detailButton() { return detail_button_; }
    QPushButton* restoreButton() { return restore_; } ///< hidden while no run is deleted
    void deleteSelected();
    Panes* panes() { return panes_; }

protected:
    void takeRuns() override;
    void hear() override;
    void showSelection(const QSet<qint64>& ids) override;
    void nameSweep(const SweepInfo& sweep) override;

private:
    QWidget* makeContent();
    QWidget* makeTable();
    void connectAll();
    void takeFilter();
    void offerPivot();
    void drawPlot();
    void showColumns();
    void showQualityBesideTime();
    void fillColumnMenu();
    void showMenu(QPoint place);

    MessageStrip* said_;
    Panes* panes_;
    FilterLine* filter_;
    RunTableModel* model_;
    RunProxy* proxy_;
    TableView* table_;
    ResultsPlot* plot_;
    QMenu* column_menu_;
    QPushButton *save_, *detail_button_, *pivot_button_, *restore_;
    RunDetail* detail_;
    PivotCard* pivot_;
    std::vector<std::int64_t> ids_; ///< of the runs shown
    QTimer refresh_;                ///< of a sweep in progress
    int cost_ms_ = 0;               ///< of the last refresh
    bool selecting_ = false;
};

} // namespace sweetspot::gui

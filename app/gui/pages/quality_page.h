#pragma once
#include "app/gui/pages/sweep_page.h"
#include <QTimer>

class QLabel;
class QStandardItemModel;
class QTextEdit;

namespace sweetspot::gui {

class Card;
class Chip;
class FlowLayout;
class MessageStrip;
class PlotGroup;
class TableView;

/// What was paid in quality: every run that has a loss against a reference run, beside its memory
/// and time, and what two runs wrote.
class QualityPage : public SweepPage {
    Q_OBJECT
public:
    /// `session` must outlive the page.
    explicit QualityPage(Session& session);

    PlotGroup* plot() { return plot_; }
    TableView* table() { return table_; }
    QString verdicts() const; ///< of the run that is explained, for tests
    QString reference() const;
    QString told() const; ///< what was paid, in sentences
    PlotGroup* differences() { return differences_; }
    PlotGroup* layers() { return layers_; }
    QTextEdit* textA() { return text_a_; }
    QTextEdit* textB() { return text_b_; }

protected:
    void takeRuns() override;
    void hear() override;
    void showSelection(const QSet<qint64>& ids) override;

private:
    struct Row; ///< a run with a loss, against the reference
    QWidget* makeContent();
    Card* makeTexts();
    Card* makeDifferences();
    std::vector<Row> rowsOf(const RunRecord& reference) const;
    const RunRecord* referenceRun() const;
    const RunRecord* explained() const;
    void showReference(const RunRecord& reference);
    void showVerdicts();
    void showPlot(const std::vector<Row>& rows);
    void showTable(const std::vector<Row>& rows);
    void showTexts();
    void askDetails();
    void takeDetails(const std::shared_ptr<const RunRecord>& details);
    void showDetails();

    MessageStrip* said_;
    FlowLayout* verdicts_;
    Chip *reference_, *weights_;
    QLabel* told_;
    Card *plot_card_, *differences_card_, *texts_;
    PlotGroup *plot_, *differences_, *layers_;
    QStandardItemModel* model_;
    TableView* table_;
    QTextEdit *text_a_, *text_b_;
    QLabel *text_head_a_, *text_head_b_;
    qint64 asked_reference_ = 0, asked_run_ = 0; ///< whose details were asked for
    std::shared_ptr<const RunRecord> details_reference_, details_run_; ///< null until they are read
    std::string metric_{}; ///< perplexity, else loss_nats
    QTimer refresh_;
    bool filling_ = false;
};

/// Where two texts first differ, in characters; the length of the shorter one if it begins the
/// other, -1 if they are the same.
qsizetype firstDifference(const QString& a, const QString& b);

} // namespace sweetspot::gui

#pragma once
#include "app/analysis/quality.h"
#include "app/gui/pages/sweep_page.h"
#include <QTimer>
#include <map>
#include <set>

class QLabel;

namespace sweetspot::gui {

class Card;
class Chip;
class ElidedLabel;
class FlowLayout;
class MessageStrip;
class PlotGroup;
class QualityTable;
class ReferenceCard;
class TextsCard;
struct QualityRow;

/// What was paid in quality: every run that has a loss against a reference run, beside its memory
/// and time, and what two runs wrote.
class QualityPage : public SweepPage {
    Q_OBJECT
public:
    /// `session` must outlive the page.
    explicit QualityPage(Session& session);

    PlotGroup* plot() { return plot_; }
    PlotGroup* curves() { return curves_; } ///< hidden where nothing was trained
    QualityTable* table() { return table_; }
    QString verdicts() const; ///< of the run that is explained, for tests
    QString reference() const;
    QString told() const; ///< what was paid, in sentences
    ReferenceCard* against() { return against_; }
    TextsCard* texts() { return texts_; }

protected:
    void takeRuns() override;
    void hear() override;
    void showSelection(const QSet<qint64>& ids) override;

private:
    QWidget* makeContent();
    std::vector<QualityRow> rowsOf() const;
    const RunRecord* findReference() const;
    const RunRecord* explained() const;
    void showReference();
    void showVerdicts();
    void showPlot(const std::vector<QualityRow>& rows);
    void showTexts();
    void askDetails();
    void askIntervals(const std::vector<QualityRow>& rows);
    void takeDetails(const std::shared_ptr<const RunRecord>& details);
    void showDetails();
    void tell();

    MessageStrip* said_;
    ElidedLabel* run_; ///< that is explained
    FlowLayout* verdicts_;
    Chip *reference_, *weights_;
    QLabel* told_;
    QWidget* alone_; ///< in place of plots where there is nothing to draw
    Card *plot_card_, *curves_card_;
    PlotGroup *plot_, *curves_;
    QualityTable* table_;
    ReferenceCard* against_;
    TextsCard* texts_;
    qint64 asked_reference_ = 0, asked_run_ = 0; ///< whose details were asked for
    std::shared_ptr<const RunRecord> details_reference_, details_run_; ///< null until they are read
    /// What tokens tell of the runs drawn against the reference `asked_intervals_`; of those that
    /// were asked for some are still being read.
    std::map<qint64, PairedLoss> intervals_;
    std::set<qint64> asked_, reading_;
    qint64 asked_intervals_ = 0;
    std::shared_ptr<const RunRecord> reference_losses_;
    Runs runs_ = std::make_shared<const std::vector<RunRecord>>(); ///< that are shown
    const RunRecord* reference_run_ = nullptr; ///< of them, that all are held against; may be null
    std::vector<std::string> varying_{};
    std::string metric_{}; ///< perplexity, else loss_nats
    qint64 furthest_ = 0;  ///< the run that is explained until one is chosen; 0 = none
    QTimer refresh_;
};

} // namespace sweetspot::gui

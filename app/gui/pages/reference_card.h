#pragma once
#include "app/analysis/quality.h"
#include "app/gui/widgets/card.h"
#include <memory>

class QLineEdit;

namespace sweetspot::gui {

class PillGroup;
class PlotGroup;

/// How far a run's answers are from its reference's: its logits by size and by batch, how they are
/// spread, and its layers. What counts as a difference is typed, or dragged in a plot.
class ReferenceCard : public Card {
    Q_OBJECT
public:
    enum View { differences, batches, logits, layers };

    ReferenceCard();
    /// A run with details; hides the card where it was held against no reference.
    void present(const std::shared_ptr<const RunRecord>& run);
    double tolerance() const { return tolerance_; }
    QLineEdit* toleranceField() { return field_; }
    PillGroup* views() { return views_; }
    PlotGroup* plot() { return plot_; }

signals:
    void toleranceChanged();
    void exported(const QString& sentence, bool ok);

private:
    void readTolerance();
    void showView(View view);

    std::shared_ptr<const RunRecord> run_;
    double tolerance_ = usual_tolerance;
    QLineEdit* field_;
    PillGroup* views_;
    PlotGroup* plot_;
};

} // namespace sweetspot::gui

#pragma once
#include "app/analysis/compare.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/card.h"
#include <span>
#include <string>
#include <vector>

namespace sweetspot::gui {

class RunItems;
class TableView;

/// A run with a loss, against the reference.
struct QualityRow {
    const RunRecord* run = nullptr;
    double value = 0, change = 0;         ///< of the metric, and against the reference
    std::optional<PairedLoss> interval{}; ///< of the change, where the tokens were read
    Verdict verdict = Verdict::same;
    QString why{}; ///< what the verdict needs, or why there is none
    bool is_reference = false;
};

/// "+0.021", "−0.4".
QString signedNumber(double value, int digits = 3);
QString wordOf(Verdict verdict);
Tone toneOf(Verdict verdict);

/// The quality of each run beside its memory and time.
class QualityTable : public Card {
    Q_OBJECT
public:
    QualityTable();
    /// `rows` are of `runs`, by this metric.
    void present(const std::vector<QualityRow>& rows, std::span<const RunRecord> runs,
                 const std::string& metric);
    TableView* table() { return table_; }

signals:
    void runChosen(qint64 run_id);
    void exported(const QString& sentence);

private:
    RunItems* model_;
    TableView* table_;
    bool filling_ = false;
};

} // namespace sweetspot::gui

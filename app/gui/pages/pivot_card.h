#pragma once
#include "app/analysis/pivot.h"
#include "app/gui/widgets/card.h"
#include <QSet>

namespace sweetspot::gui {

class HeatMap;
class Select;

/// A metric by two fields of the runs shown, as a coloured table: its rows, columns and metric are
/// chosen in the head, and a cell selects the runs that meet there.
class PivotCard : public Card {
    Q_OBJECT
public:
    PivotCard();

    /// Other runs: what there is to choose among; what was chosen stays where it can.
    void offer(std::span<const RunRecord> all, const std::vector<std::string>& varying,
               const std::vector<std::string>& metrics);
    /// Draws these runs.
    void draw(std::span<const RunRecord> shown);
    const Pivot& pivot() const { return pivot_; }
    HeatMap* map() { return map_; }
    Select* rows() { return row_; }
    Select* columns() { return column_; }
    Select* metric() { return metric_; }

signals:
    /// Another choice: draw again.
    void chosen();
    void runsChosen(const QSet<qint64>& ids);
    void exported(const QString& sentence);

private:
    void exportCells();

    Select *row_, *column_, *metric_;
    HeatMap* map_;
    Pivot pivot_;
    QLabel* note_;
};

} // namespace sweetspot::gui

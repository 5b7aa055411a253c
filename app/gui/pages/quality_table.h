#pragma once
#include "app/gui/models/quality_model.h"
#include "app/gui/widgets/card.h"

namespace sweetspot::gui {

class TableView;

/// The quality of each run beside its memory and time.
class QualityTable : public Card {
    Q_OBJECT
public:
    QualityTable();
    /// `rows` are of `runs`, by this metric.
    void present(std::vector<QualityRow> rows, const QualityModel::Runs& runs,
                 const std::string& metric);
    TableView* table() { return table_; }

signals:
    void runChosen(qint64 run_id);
    void exported(const QString& sentence);

private:
    QualityModel* model_;
    TableView* table_;
};

} // namespace sweetspot::gui

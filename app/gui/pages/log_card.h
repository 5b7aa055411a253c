#pragma once
#include "app/gui/models/log_model.h"
#include "app/gui/widgets/card.h"

class QSortFilterProxyModel;

namespace sweetspot::gui {

class Disclosure;
class PillGroup;
class TableView;

/// The log of a sweep: folds to its head, shows all or failures only, follows its end.
class LogCard : public Card {
    Q_OBJECT
public:
    explicit LogCard(LogModel& model); ///< not owned

    /// Folds it as there is room, unless the user chose.
    void suggestOpen(bool open);
    bool isOpen() const;
    /// After lines were added.
    void refresh();
    TableView* table() { return table_; }

signals:
    void runChosen(qint64 run_id);
    void exported(const QString& sentence);

private:
    LogModel& model_;
    QSortFilterProxyModel* proxy_;
    Disclosure* head_line_;
    PillGroup* which_;
    TableView* table_;
    bool chosen_ = false;
};

} // namespace sweetspot::gui

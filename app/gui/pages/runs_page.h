#pragma once
#include "app/gui/pages/sweep_page.h"

class QLabel;
class QLineEdit;
class QPushButton;

namespace sweetspot::gui {

class MessageStrip;
class SweepProxy;
class SweepTableModel;
class TableView;

/// Every experiment there ever was: search, tags, notes, pins; opening one, deleting it and having
/// it again, importing a file.
class RunsPage : public SweepPage {
    Q_OBJECT
public:
    /// `session` must outlive the page.
    explicit RunsPage(Session& session);

    TableView* table() { return table_; }
    QLineEdit* searchField() { return search_; }
    MessageStrip* strip() { return strip_; }
    QPushButton* pinButton() { return pin_; }
    QPushButton* deleteButton() { return delete_; }
    QPushButton* restoreButton() { return restore_; } ///< hidden while nothing is deleted
    /// Selects the sweep of a row and asks for its results.
    void openRow(int row);
    void importFile();

signals:
    /// A sweep's spec is to be changed and run anew.
    void specChosen(const sweetspot::Spec& spec);

protected:
    /// All sweeps, not only the one selected.
    void takeRuns() override { takeSweeps(); }
    void showSelection(const QSet<qint64>&) override {}
    void nameSweep(const SweepInfo&) override {}

private:
    QWidget* makeContent();
    void connectAll();
    void takeSweeps();
    void showStore();
    void showButtons();
    void showMenu(QPoint place);
    int sourceRow(int row) const;
    int selectedRow() const; ///< of the model; -1 = none

    SweepTableModel* model_;
    SweepProxy* proxy_;
    MessageStrip* strip_;
    QLineEdit* search_;
    QLabel *count_, *path_;
    QPushButton *open_, *pin_, *import_, *delete_, *restore_;
    TableView* table_;
};

} // namespace sweetspot::gui

#pragma once
#include "app/gui/frame/page.h"
#include "app/gui/session/session.h"

class QLabel;
class QLineEdit;
class QPushButton;
class QStackedLayout;

namespace sweetspot::gui {

class MessageStrip;
class SweepProxy;
class SweepTableModel;
class TableView;

/// Every experiment there ever was: search, tags, notes, pins; opening one, importing a file.
class RunsPage : public Page {
    Q_OBJECT
public:
    /// `session` must outlive the page.
    explicit RunsPage(Session& session);

    TableView* table() { return table_; }
    QLineEdit* searchField() { return search_; }
    MessageStrip* strip() { return strip_; }
    QPushButton* pinButton() { return pin_; }
    /// Selects the sweep of a row and asks for its results.
    void openRow(int row);

private:
    QWidget* makeContent();
    void connectAll();
    void takeSweeps();
    void showStore();
    void showButtons();
    void importFile();
    int sourceRow(int row) const;
    int selectedRow() const; ///< of the model; -1 = none

    Session& session_;
    QStackedLayout* stack_;
    SweepTableModel* model_;
    SweepProxy* proxy_;
    MessageStrip* strip_;
    QLineEdit* search_;
    QLabel *count_, *path_;
    QPushButton *open_, *pin_, *import_;
    TableView* table_;
};

} // namespace sweetspot::gui

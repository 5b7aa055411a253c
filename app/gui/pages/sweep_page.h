#pragma once
#include "app/gui/frame/page.h"
#include "app/gui/session/session.h"

class QMenu;
class QStackedLayout;

namespace sweetspot::gui {

class EmptyState;

/// A page about the runs of the selected sweep. It says how to get some while there are none,
/// follows the session only while it is seen, and carries the sweep's name. When it is seen again,
/// it takes the runs anew only if anything happened since.
class SweepPage : public Page {
    Q_OBJECT
public:
    bool isEmpty() const;

signals:
    /// What a run trained and saved is to be measured.
    void trainedRequested(const sweetspot::RunRecord& run);

protected:
    struct Nothing {
        Icon icon;
        QString missing, how, action;
        ViewId leads_to; ///< the view that the action asks for
    };
    /// `session` must outlive the page.
    SweepPage(Session& session, const Nothing& nothing);

    /// What is shown while there are runs; once, by the constructor of the page.
    void setContent(QWidget* content);
    void showEmpty(bool empty);
    /// The keys A and B take the run that is explained into the pair that Compare shows, Ctrl+B
    /// makes it the baseline.
    void addPickActions();
    /// The same of any run, for a context menu.
    void addPicks(QMenu& menu, qint64 run_id);
    /// Shows the session's runs. Called while the page is seen only.
    virtual void takeRuns() = 0;
    /// The session's runs changed while the page is seen.
    virtual void hear() { takeRuns(); }
    /// The runs are to be taken when the page is seen again: they came when it was not.
    void outdate() { outdated_ = true; }
    virtual void showSelection(const QSet<qint64>& ids) = 0;
    /// What the selected sweep is called was learnt, or is another.
    virtual void nameSweep(const SweepInfo& sweep);
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;

    Session& session_;

private:
    void findSweep();

    QStackedLayout* stack_;
    EmptyState* nothing_;
    QString missing_, how_; ///< what it says where there are no runs at all
    bool outdated_ = true;  ///< what is shown may not be what there is
};

} // namespace sweetspot::gui

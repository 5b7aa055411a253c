#pragma once
#include "app/gui/frame/main_window.h"
#include "app/gui/session/recent_sweeps.h"
#include "app/gui/session/report_maker.h"
#include <QTimer>
#include <memory>

class QMessageBox;

namespace sweetspot::gui {

class ExperimentPage;
class MessageStrip;
class SweepPage;
class ThemeControl;

/// The window, its pages and the data behind them, joined: what one page asks for is done here,
/// since no page knows another.
class Workbench : public QObject {
    Q_OBJECT
public:
    /// `theme` must outlive it.
    explicit Workbench(ThemeControl& theme);
    ~Workbench() override;

    MainWindow& window() { return *window_; }
    Session& session() { return session_; }
    MessageStrip& notice() { return *notice_; }
    ExperimentPage& experiment();
    /// Opens what a file is: a spec as a form, a database or records as results.
    void openFile(const QString& path);
    /// The question that stands while the window is asked to close during a sweep; else null.
    QMessageBox* closeQuestion() const { return question_; }

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    std::vector<View> views();
    Page* makeWelcome();
    Page* makeExperiment();
    Page* offersTrained(SweepPage* page);
    Page* makeSweetSpot();
    Page* makeCompare();
    Page* makeRuns();
    void addCommands();
    void connectSession();
    void tell(const QString& sentence);
    /// On the strip, with an action that does `act` and closes it.
    void say(Tone tone, const QString& fact, const QString& consequence, const QString& action = {},
             std::function<void()> act = {});
    void openSpec(const QString& path);
    void useAsData(const QString& path);
    void useTrained(const RunRecord& run);
    void askForReport(const QString& format);
    QList<SearchEntry> moreToFind();
    void openResults();
    void showSelection();
    QString baselineKey();
    void recallBaseline();
    void showProgress();
    void showSaved();
    void showHost();
    void showGpu();
    void askToClose();

    Session session_;
    RecentSweeps recent_;
    std::unique_ptr<MainWindow> window_;
    ReportMaker report_;
    MessageStrip* notice_ = nullptr;
    std::function<void()> on_notice_; ///< what its action does besides closing it
    QMessageBox* question_ = nullptr;
    ExperimentPage* experiment_ = nullptr; ///< as soon as it was shown
    bool closing_ = false;                 ///< the question was answered
    bool shows_newest_ = false; ///< the newest sweep is to be shown as soon as it is known
    QTimer host_timer_;
};

} // namespace sweetspot::gui

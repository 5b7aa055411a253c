#pragma once
#include "app/gui/session/session.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/progress.h"

class QPushButton;

namespace sweetspot::gui {

class Chip;

/// How far a sweep is: points, time, the point in progress, pause and stop.
class LiveHeader : public Card {
    Q_OBJECT
public:
    LiveHeader();

    /// `running`: the sweep shown is the one in progress.
    void showCounts(const RunCounts& counts, int impossible);
    void showProgress(const SweepProgress& progress, bool running, const RunRecord* current);
    /// Of a sweep that is not in progress here.
    struct Past {
        double began = 0, ended = 0; ///< unix seconds, 0 = never
        int left = 0;                ///< points that could be run and were not, or not to the end
        int failed = 0;
        bool elsewhere = false; ///< another program is running it
        bool trained = false;   ///< some run saved what it trained
        QString locked{};       ///< why nothing can be started; empty = it can
    };
    void showPast(const Past& past);
    /// The run in progress with the fields that vary; null if there is none.
    void showCurrent(const RunRecord* run, int index, const std::vector<std::string>& varying);
    QPushButton* pauseButton() { return pause_; }
    QPushButton* stopButton() { return stop_; }
    QPushButton* resumeButton() { return resume_; } ///< "Resume" or "Retry failed"
    QPushButton* trainedButton() { return trained_; }

signals:
    void pauseRequested(bool pause);
    void stopRequested();
    void stopNowRequested();
    void resumeRequested();
    void trainedRequested();

private:
    void showPoint(const QString& title, const QString& phase, const QString& detail, Ink ink);

    Figure *points_, *time_;
    QLabel *point_, *phase_;
    ElidedLabel* detail_;
    QHBoxLayout* chips_;
    QList<Chip*> chip_list_;
    std::int64_t chips_of_ = 0; ///< the run whose values the chips are
    QPushButton *pause_, *stop_, *resume_, *trained_;
    SegmentedProgress* bar_;
    bool paused_ = false, stopping_ = false, active_ = false;
};

} // namespace sweetspot::gui

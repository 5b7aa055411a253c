#pragma once
#include "app/analysis/estimate.h"
#include "app/analysis/fit.h"
#include "app/gui/session/host.h"
#include "app/gui/session/planner.h"
#include "app/gui/session/session.h"
#include <QWidget>

class QLabel;
class QPushButton;

namespace sweetspot::gui {

class Card;
class Figure;
class HeatMap;
class MemoryCard;
class OptionPill;
class StackedBar;

/// What a plan would take before it runs: its points, what fits, time and memory. Grows as
/// predictions come; knows of no session.
class PlanPreview : public QWidget {
    Q_OBJECT
public:
    using Plan = std::shared_ptr<const PlannedSpec>;

    explicit PlanPreview(QWidget* parent = nullptr);

    void setPlan(Plan plan); ///< predictions of it are unknown yet
    /// Of the plan's possible points, in their order; fewer while more are to come.
    void setPredictions(const Runs& records);
    void setMeasured(int count); ///< points that have a finished run already; 0 until it is known
    void setHost(const Host& host);
    void setDevices(const std::vector<DeviceInfo>& devices); ///< empty = not known
    void setEstimate(const TimeEstimate& estimate);
    /// Why it cannot be run, in words; empty if it can.
    void setBlocked(const QString& reason);
    /// A sweep is under way: this one is queued behind it, and predictions wait for its end.
    void setMeasuring(bool measuring);

    /// Those that can be run, as asked for by setPlan().
    std::vector<RunConfig> possible() const;
    /// Those of them that will not fit, by hash: why.
    std::map<std::string, std::string> misfits() const;
    bool again() const; ///< measure what was measured before, too
    QPushButton* runButton() const { return run_; }
    const HeatMap& heatMap() const;
    /// "24 of 24 fit", the figures as words, for tests and screen readers.
    QString figuresText() const;

signals:
    void runRequested();

private:
    void showFigures();
    void showMemory();
    FreeMemory freeMemory() const { return {host_.available_bytes, devices_}; }
    bool lacksGpu() const;
    bool misfits(std::size_t place) const;
    void showCell();
    void showReasons();
    void showRun();

    Plan plan_ = std::make_shared<PlannedSpec>();
    std::vector<const RunRecord*> predictions_; ///< by place in the plan, null = not known
    Runs records_;
    Host host_{};
    std::vector<DeviceInfo> devices_;
    TimeEstimate estimate_{{}};
    QString blocked_;
    bool waits_ = false;
    int measured_ = 0;

    Figure *points_, *fit_, *time_, *memory_;
    MemoryCard* map_;
    Card *cell_, *reasons_;
    QLabel *cell_name_, *cell_variant_, *cell_bytes_, *run_note_;
    StackedBar* parts_;
    QPushButton* run_;
    OptionPill* again_;
};

} // namespace sweetspot::gui

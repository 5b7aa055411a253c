#pragma once
#include "app/experiment/devices.h"
#include "app/gui/session/host.h"
#include "app/gui/session/recent_sweeps.h"
#include <QWidget>

class QLabel;

namespace sweetspot::gui {

class Card;
class Chip;
class FactRow;
class StatusLine;
class UsageBar;

/// This machine in facts, and whether it can measure: beside the presets of the welcome page.
class MachineColumn : public QWidget {
    Q_OBJECT
public:
    explicit MachineColumn(QWidget* parent = nullptr);
    /// `measuring`: load is our own.
    void present(const Host& host, bool measuring);
    /// The GPUs among them, or why there is none; none at all = not known yet.
    void showDevices(const std::vector<DeviceInfo>& devices);
    /// What records tell better than the system: the kernels in use and the noise so far.
    void showRecords(const RecentSweeps& recent);
    /// All that is said, for tests.
    QString text() const;

private:
    QLabel* cpu_;
    Chip* state_;
    FactRow *threads_, *isa_, *memory_, *clock_;
    UsageBar* used_;
    QWidget* gpus_ = nullptr;
    Card* gpu_card_;
    StatusLine *counters_, *noise_, *others_;
    QString recorded_isa_{};
};

} // namespace sweetspot::gui

#pragma once
#include "app/gui/theme/icons.h"
#include <QFrame>

class QLabel;

namespace sweetspot::gui {

class ElidedLabel;
class IconLabel;
class UsageBar;

/// The bottom line: device, memory, clocks, what can be counted, and whether all is saved.
class StatusBar : public QFrame {
    Q_OBJECT
public:
    explicit StatusBar(QWidget* parent = nullptr);
    /// The processor, e.g. "Xeon Platinum 8481C, 2 threads".
    void setDevice(const QString& name);
    void setGpu(const QString& name); ///< the one that measures beside it; empty hides it
    /// Bytes of the host's memory in use and there are.
    void setMemory(double used_bytes, double total_bytes);
    void setClock(const QString& text); ///< "2.7 GHz, performance"; empty hides it
    void setCounters(const QString& text, Tone tone);
    void setSaved(const QString& text, Tone tone = Tone::good);

private:
    IconLabel *counters_icon_, *saved_icon_;
    QLabel *device_, *gpu_, *memory_text_, *clock_, *counters_;
    QWidget* gpu_box_;
    ElidedLabel* saved_;
    UsageBar* memory_;
};

} // namespace sweetspot::gui

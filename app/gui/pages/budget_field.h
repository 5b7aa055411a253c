#pragma once
#include "app/analysis/budget.h"
#include <QWidget>
#include <optional>

class QLabel;
class QLineEdit;
class QSlider;

namespace sweetspot::gui {

/// One limit on what a run may cost: typed with its unit, or moved on a slider between the least
/// and the most that runs have. Empty, or at the slider's open end, it is no limit.
class BudgetField : public QWidget {
    Q_OBJECT
public:
    BudgetField();

    /// Another metric, or other runs: from the least to the most of it. What was set stays where it
    /// is the same metric.
    void offer(const MetricInfo& metric, double low, double high);
    /// Likewise how much worse than the reference the quality may be, as a share.
    void offerLoss(double high);
    std::optional<Budget> budget() const;
    /// Nothing: no limit.
    void setValue(std::optional<double> value);
    std::optional<double> value() const { return value_; }
    /// "≤ 16 GiB"; empty where it is no limit.
    QString text() const;
    QLineEdit* field() { return field_; }
    QSlider* slider() { return slider_; }

signals:
    void changed();

private:
    void offer(const Budget& budget, const QString& name, double low, double high);
    void read();
    void slide(int place);
    void present();
    double valueAt(int place) const;
    int placeOf(double value) const;

    QLabel* name_;
    QLineEdit* field_;
    QSlider* slider_;
    Budget kind_; ///< but for its value
    std::optional<double> value_;
    double low_ = 0, high_ = 1;
};

} // namespace sweetspot::gui

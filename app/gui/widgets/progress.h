#pragma once
#include "app/gui/theme/theme.h"
#include "kernels/core/observer.h"
#include <QList>
#include <QWidget>
#include <array>

class QLabel;

namespace sweetspot::gui {

/// How far a sweep has come, in runs.
struct RunCounts {
    int done = 0, flagged = 0, failed = 0, running = 0, total = 0;
    bool operator==(const RunCounts&) const = default;
};

/// A thin bar in segments: done, flagged, failed, running. The words stand beside it: see words().
class SegmentedProgress : public QWidget {
    Q_OBJECT
public:
    explicit SegmentedProgress(int height = 6);
    void setCounts(const RunCounts& counts);
    /// "76 of 94, 4 flagged, 1 failed"
    static QString words(const RunCounts& counts);
    QSize sizeHint() const override { return {120, height()}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    RunCounts counts_;
};

/// A thin bar of how much of something is used, 0 to 1.
class UsageBar : public QWidget {
    Q_OBJECT
public:
    explicit UsageBar(double used = 0, int height = 6);
    void setUsed(double used);
    QSize sizeHint() const override { return {80, height()}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    double used_;
};

/// For people: "kv cache".
QString purposeName(Purpose);

/// Memory by purpose as one stacked bar with a legend of the purposes present.
class StackedBar : public QWidget {
    Q_OBJECT
public:
    explicit StackedBar(QWidget* parent = nullptr);
    /// Bytes by purpose, and the bytes that fill the whole bar (the limit). More than the limit is
    /// drawn to the end, and the limit is marked.
    void setBytes(const std::array<double, purpose_count>& bytes, double limit);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {160, sizeHint().height()}; }
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override { return layOut(width, nullptr); }

protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

private:
    int layOut(int width, QPainter* painter) const;

    std::array<double, purpose_count> bytes_{};
    double limit_ = 0;
};

/// A headline number with its unit beside and an explanation below.
class Figure : public QWidget {
    Q_OBJECT
public:
    explicit Figure(const QString& number = {}, const QString& unit = {}, const QString& note = {},
                    int pixels = 24);
    void set(const QString& number, const QString& unit, const QString& note);
    void setTone(Tone tone);

private:
    QLabel *number_, *unit_, *note_, *detail_; ///< the last: lines of the note behind its first
};

/// Bytes for people: "13.8 GiB", "412 MiB"; three significant digits.
QString bytesText(double bytes);

} // namespace sweetspot::gui

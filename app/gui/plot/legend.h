#pragma once
#include "app/analysis/plot.h"
#include "app/gui/plot/plot_style.h"
#include <QAbstractButton>
#include <QSet>
#include <QWidget>

namespace sweetspot::gui {

class FlowLayout;

/// The line and marker, or the patch, of an entry; 20 px wide.
void drawLegendKey(QPainter& painter, QPointF left_middle, const LegendEntry& entry,
                   const Theme& theme);

/// The legend of a plot or a group of plots, in a card's head or above the group. Click or Space
/// isolates a series, with Ctrl or Shift it toggles it, and a double click shows all again.
class Legend : public QWidget {
    Q_OBJECT
public:
    explicit Legend(QWidget* parent = nullptr);
    /// Names that are still there keep being hidden.
    void setEntries(const std::vector<LegendEntry>& entries);
    const QSet<QString>& hidden() const { return hidden_; }
    void setHidden(const QSet<QString>& names);
    void isolate(const QString& name); ///< again on the only one shown: all
    void toggle(const QString& name);
    QList<QAbstractButton*> buttons() const { return buttons_; }
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;

signals:
    void hiddenChanged(const QSet<QString>& names);

private:
    std::vector<LegendEntry> entries_;
    QList<QAbstractButton*> buttons_;
    QSet<QString> hidden_;
    FlowLayout* flow_;
};

/// A colour scale with its name and its two ends, for heat maps and coloured points.
class ColourScale : public QWidget {
    Q_OBJECT
public:
    ColourScale(const QString& name, const QString& low, const QString& high, bool heat = true);
    void setEnds(const QString& low, const QString& high);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString name_, low_, high_;
    bool heat_;
};

} // namespace sweetspot::gui

#pragma once
#include "app/gui/plot/plot_export.h"
#include "app/gui/plot/plot_view.h"
#include <QPointer>

class QHBoxLayout;
class QLabel;
class QMenu;
class QPushButton;

namespace sweetspot::gui {

class Legend;

/// One plot, or facets side by side that share a legend and a range. What pages use.
class PlotGroup : public QWidget {
    Q_OBJECT
public:
    explicit PlotGroup(QWidget* parent = nullptr);

    /// A facet for each spec, in this order. Views are kept where the number of facets is the same,
    /// so that zoom survives new data. Only the first facet shows the title of y.
    void setSpecs(std::vector<PlotSpec> specs);
    void append(int facet, int series, const PlotPoint& point);
    const QList<PlotView*>& views() const { return views_; }

    /// Not in this widget's layout, and hidden: put it into the card's head and show() it there.
    Legend* legend() { return legend_; }
    /// Hides what another legend hides from now on, for groups that share one. The owner of that
    /// legend gives it its entries.
    void follow(Legend* legend);
    void setSelected(const QSet<qint64>& ids);

    /// What exports say above and below the plots.
    void setExportWords(const QString& title, const QString& footer);
    PlotSheet sheet(bool light) const;
    /// All points as CSV, for the clipboard or a file.
    QString values() const;
    /// A tool button with a menu: PNG, SVG, PDF or CSV, and the light theme. Owned by its new
    /// parent.
    QPushButton* makeExportButton();

signals:
    void pointClicked(qint64 id);
    void limitMoved(int limit, double value); ///< as PlotView has it
    /// A sentence: where a file was written, or why not.
    void exported(const QString& sentence, bool ok);

private:
    void makeViews(size_t count);
    void shareHome();
    QSize neededSize() const;
    void addExports(QMenu& menu);
    void askAndExport(const QString& suffix, bool light);

    QHBoxLayout* layout_;
    QList<QWidget*> facets_;
    QList<PlotView*> views_;
    QList<QLabel*> titles_;
    Legend* legend_;
    QPointer<Legend> followed_;
    QString title_, footer_;
    bool in_light_ = false; ///< what exports are drawn in
};

} // namespace sweetspot::gui

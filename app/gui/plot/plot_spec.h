#pragma once
#include <QSet>
#include <QString>
#include <QStringList>
#include <vector>

namespace sweetspot::gui {

/// One line of a plot as plain values. All vectors that are not empty are as long as `x`.
struct PlotSeries {
    QString name; ///< series of one name share a legend entry, e.g. measured and predicted
    int slot = 0; ///< colour and marker; see seriesColour()
    std::vector<double> x{}, y{};   ///< in the units of the axes; sorted by x when shown
    std::vector<double> lo{}, hi{}; ///< ends of an interval around y; empty: none
    std::vector<qint64> ids{};      ///< the run behind each point; empty: none
    bool predicted = false;         ///< dashed, without markers
    std::vector<double> misfit_x{}; ///< points that did not fit: red crosses on the first limit
};

/// One more point of a series, for a plot that grows.
struct PlotPoint {
    double x = 0, y = 0;
    double lo = y, hi = y;
    qint64 id = 0;
};

struct PlotLimit {
    QString name; ///< written on the dashed line: "device memory 23.6 GiB"
    double y = 0;
};

enum class IntervalStyle { whiskers, band };
enum class PlotKind { lines, points, bars };

/// A plot as plain values. Which interval `lo` to `hi` is belongs into `y_title`.
struct PlotSpec {
    QString title;           ///< of a facet: "padded"; may be empty
    QString x_title, x_unit; ///< "Sequence length", "tokens"
    QString y_title, y_unit; ///< "Peak memory", "GiB"
    bool x_log2 = false, y_log = false;
    bool y_from_zero = true;  ///< bars always do
    QStringList categories{}; ///< names of x = 0, 1, 2, ...; empty: x is a number
    PlotKind kind = PlotKind::lines;
    IntervalStyle interval = IntervalStyle::whiskers;
    std::vector<PlotSeries> series{};
    std::vector<PlotLimit> limits{};
};

/// "Peak memory (GiB)"
inline QString axisTitle(const QString& title, const QString& unit) {
    return unit.isEmpty() ? title : QString("%1 (%2)").arg(title, unit);
}

/// What part of a plot is looked at.
struct PlotRange {
    double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
    bool operator==(const PlotRange&) const = default;
};

} // namespace sweetspot::gui

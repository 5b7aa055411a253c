#include "app/gui/theme/colour.h"
#include <algorithm>
#include <cmath>

namespace sweetspot::gui {

QColor mix(const QColor& a, const QColor& b, double at) {
    const auto between = [at](double from, double to) { return float(from + (to - from) * at); };
    return QColor::fromRgbF(between(a.redF(), b.redF()), between(a.greenF(), b.greenF()),
                            between(a.blueF(), b.blueF()));
}

QColor along(const QVector<QColor>& stops, double at) {
    const double place = std::clamp(at, 0.0, 1.0) * double(stops.size() - 1);
    const int stop = std::min(int(place), int(stops.size()) - 2);
    return mix(stops[stop], stops[stop + 1], place - stop);
}

QColor withAlpha(QColor colour, double alpha) {
    colour.setAlphaF(float(alpha));
    return colour;
}

double linearLight(double component) {
    return component <= 0.04045 ? component / 12.92 : std::pow((component + 0.055) / 1.055, 2.4);
}

double luminance(const QColor& colour) {
    return 0.2126 * linearLight(colour.redF()) + 0.7152 * linearLight(colour.greenF()) +
           0.0722 * linearLight(colour.blueF());
}

double contrast(const QColor& a, const QColor& b) {
    const double x = luminance(a), y = luminance(b);
    return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

QColor inkOn(const QColor& fill) {
    return contrast(fill, Qt::black) >= contrast(fill, Qt::white) ? Qt::black : Qt::white;
}

} // namespace sweetspot::gui

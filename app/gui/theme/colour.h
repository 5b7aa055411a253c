#pragma once
#include <QColor>
#include <QVector>

namespace sweetspot::gui {

/// Between a (at 0) and b (at 1), in sRGB.
QColor mix(const QColor& a, const QColor& b, double at);
/// A colour map at 0 to 1, clamped.
QColor along(const QVector<QColor>& stops, double at);
QColor withAlpha(QColor colour, double alpha);
/// Contrast ratio of WCAG 2, 1 to 21.
double contrast(const QColor& a, const QColor& b);
/// Black or white, whichever reads better on a fill.
QColor inkOn(const QColor& fill);
/// Relative luminance of WCAG 2, 0 to 1.
double luminance(const QColor& colour);
/// An sRGB component, 0 to 1, as linear light.
double linearLight(double component);

} // namespace sweetspot::gui

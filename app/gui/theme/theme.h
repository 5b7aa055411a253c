#pragma once
#include <QColor>
#include <QFont>
#include <QString>
#include <QVector>

namespace sweetspot::gui {

/// Design tokens: every colour of the window comes from here. Colour is spent on data and states.
struct Theme {
    bool dark = false;
    QColor window, rail, surface, inset, hover, field, scroll; ///< surfaces, the page to the input
    QColor border, border_mid, border_strong;                  ///< cards; buttons; inputs (3:1)
    QColor text, text2, text3;                                 ///< values; body; captions and axes
    QColor accent, accent_fill, accent_fill_hover, on_accent, accent_soft; ///< never a data series
    QColor good, good_soft, warn, warn_soft, bad, bad_soft, info, info_soft;
    QColor grid, axis, neutral, done; ///< plots; `done` is the quiet fill of a finished run
    QVector<QColor> series;           ///< six slots, same hue order in both themes
    QVector<QColor> heat;             ///< sequential, for filled cells, low to high
    QVector<QColor> ramp;             ///< sequential, for points and lines on the surface
    /// Memory by purpose, one for each.
    QVector<QColor> purpose;
};

Theme lightTheme();
Theme darkTheme();

/// The theme on screen, as QApplication::palette() is the palette on screen. Painted widgets ask
/// while they paint, so that a change of theme needs no rebuilding.
const Theme& theme();

/// Puts a theme on the application: style, palette, font, then stylesheet. Every widget repaints.
void applyTheme(const Theme& theme);

/// The colour of words and icons, named so that it survives a change of theme.
enum class Ink { text, text2, text3, accent, on_accent, good, warn, bad, info };
QColor inkColour(Ink ink);
/// Spelling of an ink in the stylesheet's property `ink`.
const char* inkName(Ink ink);

/// A state, always shown together with a glyph or a word.
enum class Tone { neutral, accent, good, warn, bad, info };
Ink toneInk(Tone tone);
QColor toneFill(Tone tone);

/// A series keeps its slot, and so its colour and marker, in every view. Slots count from 0; -1 is
/// grey.
QColor seriesColour(int slot, const Theme& theme = gui::theme());

/// Pixel sizes are fixed and hinting is off; weights are 400, 500, 600 or 700.
QFont uiFont(int pixels = 13, int weight = QFont::Normal);
/// For numbers: a monospaced family whose digits are equally wide.
QFont numberFont(int pixels = 12, int weight = QFont::Normal);

} // namespace sweetspot::gui

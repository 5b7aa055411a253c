#pragma once
#include <Qt>

namespace sweetspot::gui {

/// How the cells of a column look; a model answers one for Qt::Horizontal headerData(kind_role).
enum class CellKind {
    text,   ///< words in text2
    strong, ///< words in text: names
    number, ///< number font, right aligned
    delta,  ///< a number in the ink of its tone
    share,  ///< a bar of share_role (0 to 1) and the number
    spread, ///< whisker, box and median of spread_role on a fixed +-10 % scale, and the number
    swatch, ///< a square of colour_role (an int: the series slot) and words
    status, ///< the icon of its tone and words
    chips,  ///< chips_role: a list of "tone:words", e.g. "warn:noise"
    mono,   ///< number font, left aligned: hashes
};

/// Roles of our models. Cells: DisplayRole has the words, sort_role the plain value behind them.
enum TableRole {
    sort_role = Qt::UserRole, ///< what sorting, filtering and share bars compare: a plain number
    export_role, ///< the value in the head's unit for CSV, all digits; the words if there is none
    kind_role,   ///< of a column head: CellKind as int
    unit_role,   ///< of a column head: "ms", shown behind the name and in CSV's first line
    width_role,  ///< of a column head: pixels it starts with
    tone_role,   ///< of a cell: Tone as int
    share_role,  ///< of a cell: 0 to 1
    spread_role, ///< of a cell: QVariantList min, q1, median, q3, max in % of the median, less 100
    colour_role, ///< of a cell: series slot as int
    chips_role,  ///< of a cell: QStringList of "tone:words"; tones: neutral accent good warn bad
                 ///< info
    muted_role,  ///< of a cell: true writes its number in text3, such as quality of random weights
};

} // namespace sweetspot::gui

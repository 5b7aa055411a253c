#pragma once
#include "app/gui/theme/theme.h"
#include <QIcon>
#include <QRectF>

class QPainter;

namespace sweetspot::gui {

/// Own strokes on a 24 x 24 grid, round caps and joins. An icon never stands for a state alone.
enum class Icon {
    none,
    home,
    sliders,
    live,
    table,
    target,
    compare,
    timeline,
    quality,
    history,
    play,
    pause,
    stop,
    plus,
    close,
    right,
    down,
    up,
    arrow_down,
    search,
    filter,
    sun,
    moon,
    alert,
    check,
    info,
    lock,
    cpu,
    gpu,
    memory,
    folder,
    download,
    pin,
    refresh,
    menu,
    log,
    clock,
    dice,
    file,
    swap,
    equal,
    link,
    bolt,
    cross,
    dot,
    keyboard,
    tag,
    note,
    trash,
    columns
};
constexpr int icon_count = int(Icon::columns) + 1;

/// Strokes an icon into a box in logical pixels.
void drawIcon(QPainter& painter, Icon icon, const QRectF& box, const QColor& colour,
              double stroke = 1.6);

/// An icon that is painted when it is shown: sharp at any scale, and it follows the theme.
QIcon themedIcon(Icon icon, Ink ink = Ink::text2);

} // namespace sweetspot::gui

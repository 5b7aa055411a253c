#pragma once
#include <QString>

namespace sweetspot::gui {

/// "1 point", "24 points"
inline QString counted(qint64 count, const QString& noun) {
    return QString("%1 %2%3").arg(QString::number(count), noun, count == 1 ? "" : "s");
}

} // namespace sweetspot::gui

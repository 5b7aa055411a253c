#pragma once
#include "app/gui/theme/theme.h"

namespace sweetspot::gui {

/// The application's stylesheet: shapes, and colours by widget property. A widget is styled by
///  - objectName: "content", "rail", "topbar", "statusbar", "card", "inset", "rule"
///  - QLabel[ink]: see Ink; QPushButton[kind]: primary, ghost, danger; QPushButton[tall]: large,
///    medium; QLineEdit[wrong="true"]
QString stylesheet(const Theme& theme);

} // namespace sweetspot::gui

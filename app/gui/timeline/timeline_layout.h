#pragma once
#include <QString>

/// What the timeline's layout and its painter agree on.
namespace sweetspot::gui {

// Pixels.
constexpr double label_width = 132;
constexpr double overview_top = 4, overview_height = 22, axis_height = 24;
constexpr double row_height = 20, row_gap = 2, lane_gap = 12, title_height = 26;

constexpr double nanosecond = 1e-9;

inline QString words(const std::string& text) {
    return QString::fromStdString(text);
}

} // namespace sweetspot::gui

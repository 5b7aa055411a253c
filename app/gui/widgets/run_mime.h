#pragma once
#include <QtGlobal>

class QMimeData;
class QWidget;

namespace sweetspot::gui {

/// What is dragged when a run is: its number, for windows of ours alone. The caller's to delete.
QMimeData* mimeOfRun(qint64 run_id);
/// Lets the mouse carry a run until it is let go.
void dragRun(QWidget* from, qint64 run_id);
/// 0 if it is something else.
qint64 runIn(const QMimeData& data);

} // namespace sweetspot::gui

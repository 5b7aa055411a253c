#include "app/gui/models/run_items.h"
#include "app/gui/widgets/run_mime.h"

namespace sweetspot::gui {

qint64 RunItems::runOf(int row) const {
    return index(row, 0).data(run_role).toLongLong();
}

QMimeData* RunItems::mimeData(const QModelIndexList& cells) const {
    return cells.isEmpty() ? nullptr : mimeOfRun(runOf(cells.front().row()));
}

} // namespace sweetspot::gui

#include "app/gui/widgets/run_mime.h"
#include "app/gui/widgets/chip.h"
#include <QDrag>
#include <QMimeData>

namespace sweetspot::gui {
namespace {
constexpr const char* type = "application/x-sweetspot-run";
}

QMimeData* mimeOfRun(qint64 run_id) {
    auto* data = new QMimeData;
    data->setData(type, QByteArray::number(run_id));
    return data;
}

void dragRun(QWidget* from, qint64 run_id) {
    auto* drag = new QDrag(from); // Qt deletes it
    drag->setMimeData(mimeOfRun(run_id));
    Chip chip(QString("#%1").arg(run_id), Tone::accent);
    chip.resize(chip.sizeHint());
    drag->setPixmap(chip.grab());
    drag->setHotSpot({-12, -8}); // beside the mouse, so that what lies under it is seen
    drag->exec(Qt::CopyAction);
}

qint64 runIn(const QMimeData& data) {
    return data.data(type).toLongLong();
}

} // namespace sweetspot::gui

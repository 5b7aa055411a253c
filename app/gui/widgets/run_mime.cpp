#include "app/gui/widgets/run_mime.h"
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

qint64 runIn(const QMimeData& data) {
    return data.data(type).toLongLong();
}

} // namespace sweetspot::gui

#include "app/gui/table/csv.h"
#include "app/analysis/csv.h"
#include "app/gui/table/table_roles.h"
#include <QAbstractItemModel>
#include <QDir>
#include <QFileDialog>
#include <QSaveFile>
#include <QSettings>

namespace sweetspot::gui {
namespace {

QString head(const QAbstractItemModel& model, int column) {
    const QString name = model.headerData(column, Qt::Horizontal).toString();
    const QString unit = model.headerData(column, Qt::Horizontal, unit_role).toString();
    return unit.isEmpty() ? name : QString("%1 (%2)").arg(name, unit);
}

QString cell(const QAbstractItemModel& model, int row, int column) {
    const QModelIndex index = model.index(row, column);
    const QVariant exact = index.data(export_role);
    if (exact.typeId() == QMetaType::Double) return QString::number(exact.toDouble(), 'g', 17);
    if (exact.isValid()) return exact.toString();
    const QStringList chips = index.data(chips_role).toStringList();
    if (chips.isEmpty()) return index.data().toString();
    QStringList words;
    for (const QString& chip : chips) words << chip.section(':', 1);
    return words.join("; ");
}

} // namespace

bool writeCsv(const QAbstractItemModel& model, QIODevice& device, const QList<int>& rows) {
    const int columns = model.columnCount();
    const auto write = [&](auto text_of) {
        QStringList texts;
        for (int column = 0; column < columns; ++column)
            texts << QString::fromStdString(csv_cell(text_of(column).toStdString()));
        const QByteArray line = texts.join(',').toUtf8() + "\r\n";
        return device.write(line) == line.size();
    };
    if (!write([&](int column) { return head(model, column); })) return false;
    const qsizetype count = rows.isEmpty() ? model.rowCount() : rows.size();
    for (qsizetype i = 0; i < count; ++i) {
        const int row = rows.isEmpty() ? int(i) : rows[i];
        if (!write([&](int column) { return cell(model, row, column); })) return false;
    }
    return true;
}

QString exportCsv(const QAbstractItemModel& model, const QString& path) {
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly))
        return QObject::tr("%1 cannot be written: %2.").arg(path, file.errorString());
    if (!writeCsv(model, file) || !file.commit())
        return QObject::tr("%1 could not be written: %2.").arg(path, file.errorString());
    return {};
}

QString askAndExportCsv(QWidget* parent, const QAbstractItemModel& model, const QString& name) {
    QSettings settings;
    const QString folder = settings.value("export/folder", QDir::homePath()).toString();
    const QString path = QFileDialog::getSaveFileName(
        parent, QObject::tr("Export the table"), QString("%1/%2.csv").arg(folder, name), "*.csv");
    if (path.isEmpty()) return {};
    settings.setValue("export/folder", QFileInfo(path).absolutePath());
    const QString problem = exportCsv(model, path);
    return problem.isEmpty() ? QObject::tr("The table was written to %1.").arg(path) : problem;
}

} // namespace sweetspot::gui

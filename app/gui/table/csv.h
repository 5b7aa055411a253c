#pragma once
#include <QList>
#include <QString>

class QAbstractItemModel;
class QIODevice;
class QWidget;

namespace sweetspot::gui {

/// Writes a table as CSV (csv_cell(), UTF-8, lines end in CR LF): a first line of names with their
/// units, "Peak (GiB)", then a line for each row, or for `rows` only if there are any. Cells are
/// export_role where the model has it, else the words; nothing is rounded that the model knows
/// better. Answers whether the device took it all.
bool writeCsv(const QAbstractItemModel& model, QIODevice& device, const QList<int>& rows = {});

/// Writes a table to a file. Answers what went wrong in a sentence, or nothing.
QString exportCsv(const QAbstractItemModel& model, const QString& path);

/// Asks where to, and writes. Answers a sentence for the user: where, or why not; empty: cancelled.
QString askAndExportCsv(QWidget* parent, const QAbstractItemModel& model, const QString& name);

} // namespace sweetspot::gui

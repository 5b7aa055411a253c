#include "app/gui/session/report_maker.h"
#include <QCoreApplication>
#include <QFileInfo>
#include <QStandardPaths>

namespace sweetspot::gui {
namespace {

/// The one beside this program, else the one that is installed.
QString commandLine() {
    const QString beside = QCoreApplication::applicationDirPath() + "/sweetspot";
    return QFileInfo(beside).isExecutable() ? beside : QStandardPaths::findExecutable("sweetspot");
}

} // namespace

ReportMaker::ReportMaker(QObject* parent) : QObject(parent) {
    connect(&process_, &QProcess::finished, this, [this](int code) {
        const QString said = QString::fromUtf8(process_.readAllStandardOutput());
        if (code == 0) return emit made(said.section('\n', 0, 0));
        emit failed(tr("The report was not written.\n%1")
                        .arg(QString::fromUtf8(process_.readAllStandardError()).trimmed()));
    });
    connect(&process_, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            emit failed(tr("The report was not written.\n%1").arg(process_.errorString()));
    });
}

void ReportMaker::make(qint64 sweep_id, const QString& store, const QString& format,
                       const QString& folder) {
    if (busy()) return emit failed(tr("A report is being written already."));
    const QString program = commandLine();
    if (program.isEmpty())
        return emit failed(tr("The program \"sweetspot\", which writes reports, is not beside this "
                              "one, nor installed."));
    process_.start(program, {"report", QString("s%1").arg(sweep_id), "-o", format, "--store", store,
                             "--out", folder});
}

} // namespace sweetspot::gui

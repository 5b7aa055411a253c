#pragma once
#include <QObject>
#include <QProcess>

namespace sweetspot::gui {

/// Writes the report of a sweep as `sweetspot report` does, by that program itself, so that both
/// are one. One at a time.
class ReportMaker : public QObject {
    Q_OBJECT
public:
    explicit ReportMaker(QObject* parent = nullptr);
    /// `format`: html, pdf or md. Answers made() or failed().
    void make(qint64 sweep_id, const QString& store, const QString& format, const QString& folder);
    bool busy() const { return process_.state() != QProcess::NotRunning; }

signals:
    void made(const QString& path);
    void failed(const QString& sentence);

private:
    QProcess process_;
};

} // namespace sweetspot::gui

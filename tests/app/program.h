#pragma once
#include <QtTest>

// The program sweetspot, called as people call it.

namespace sweetspot::called {

/// What the program said and how it ended.
struct Outcome {
    int status = -1;
    QString out, errors;
};

class Program : public QObject {
protected:
    QTemporaryDir folder_;
    QString store_;

    static QString program() { return SWEETSPOT_BINARY_DIR "/bin/sweetspot"; }

    static Outcome call(const QStringList& arguments, const QString& folder = {}) {
        QProcess process;
        process.setWorkingDirectory(folder);
        process.start(program(), arguments);
        if (!process.waitForFinished(120'000)) return {};
        return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -2,
                process.readAllStandardOutput(), process.readAllStandardError()};
    }

    /// A run of milliseconds: a small model, few tokens, two steps.
    QStringList quick(const QString& command, const QStringList& more) const {
        return in_rounds("1", "2", command, more);
    }
    QStringList in_rounds(const QString& rounds, const QString& steps, const QString& command,
                          const QStringList& more) const {
        return QStringList{command,   "-m",          "stories260k", "-t",
                           "1",       "--sequence",  "16",          "-r",
                           steps,     "--no-warmup", "--min-time",  "0",
                           "--store", store_,        "--rounds",    rounds} +
               more;
    }

    static QJsonObject object(const QString& line) {
        return QJsonDocument::fromJson(line.toUtf8()).object();
    }

    static void write(const QString& path, const QByteArray& text) {
        QDir().mkpath(QFileInfo(path).path());
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly) || file.write(text) != text.size()) qFatal("write");
    }

    static QStringList lines(const QString& text) { return text.split('\n', Qt::SkipEmptyParts); }

    /// Another store for each test.
    void renew() {
        QVERIFY(folder_.isValid());
        store_ = folder_.filePath(QString(QTest::currentTestFunction()) + ".sweetspot");
    }
};

} // namespace sweetspot::called

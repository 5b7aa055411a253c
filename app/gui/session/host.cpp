#include "app/gui/session/host.h"
#include "kernels/core/machine.h"
#include <QDir>
#include <QFile>
#include <QRegularExpression>
#include <QSet>

namespace sweetspot::gui {
namespace {

QByteArray contents(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QString firstLine(const QString& path) {
    return QString::fromUtf8(contents(path)).section('\n', 0, 0).trimmed();
}

/// What follows a name and a colon, in the first line that begins with the name.
QString entry(const QByteArray& text, const QByteArray& name) {
    for (const QByteArray& line : text.split('\n'))
        if (line.startsWith(name))
            return QString::fromUtf8(line.mid(line.indexOf(':') + 1)).trimmed();
    return {};
}

QString isaOf(const QString& flags) {
    const QStringList words = flags.split(' ', Qt::SkipEmptyParts);
    const QSet<QString> has(words.begin(), words.end());
    if (has.contains("amx_bf16")) return "AVX-512 with bf16 and AMX";
    if (has.contains("avx512_bf16")) return "AVX-512 with bf16";
    if (has.contains("avx512f")) return "AVX-512";
    if (has.contains("avx2")) return "AVX2";
    return flags.isEmpty() ? QString() : QString("SSE4.2, no AVX2");
}

} // namespace

Host readHost(const QString& root) {
    Host host;
    const QByteArray cpu = contents(root + "/proc/cpuinfo");
    host.cpu = entry(cpu, "model name");
    const Machine machine = read_machine(root.isEmpty() ? "/" : root.toStdString());
    host.threads = machine.threads;
    host.isa = isaOf(entry(cpu, "flags"));
    host.mhz = entry(cpu, "cpu MHz").toDouble();
    host.governor = firstLine(root + "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    host.memory_bytes = machine.memory_bytes;
    host.available_bytes = machine.available_bytes;
    host.load = firstLine(root + "/proc/loadavg").section(' ', 0, 0).toDouble();
    bool told = false;
    const int paranoid = firstLine(root + "/proc/sys/kernel/perf_event_paranoid").toInt(&told);
    if (told) host.counters_forbidden = paranoid;
    // One device a kind of core: "cpu", "cpu_core", "armv8_pmuv3_0".
    host.has_counters =
        !QDir(root + "/sys/bus/event_source/devices").entryList({"cpu*", "armv8*"}).isEmpty();
    return host;
}

QString shortCpuName(const QString& cpu) {
    static const QRegularExpression extra(
        R"(\((R|TM|r|tm)\)|\bIntel\b|\bAMD\b|\bCPU\b|\bProcessor\b|\d+-Core|@.*$)");
    const QString name = QString(cpu).remove(extra).simplified();
    return name.isEmpty() ? cpu : name;
}

} // namespace sweetspot::gui

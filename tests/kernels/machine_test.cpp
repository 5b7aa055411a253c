// What a process may use, from copies of /proc and /sys as machines and containers have them.
#include "kernels/core/machine.h"
#include "tests/suite.h"
#include <QtTest>
#include <sched.h>

using namespace sweetspot;

namespace {

/// A machine of 8 cores and 16 GiB, of which 12 are free; what is put beside counts too.
class Root {
public:
    Root() {
        put("proc/meminfo", "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 12582912 kB\n");
        put("sys/devices/system/cpu/online", "0-7\n");
        put("proc/self/status", "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-7\n");
    }
    Root& put(const QString& path, const QByteArray& text) {
        const QFileInfo place(folder_.filePath(path));
        QDir().mkpath(place.path());
        QFile file(place.filePath());
        if (file.open(QIODevice::WriteOnly)) file.write(text);
        return *this;
    }
    /// Groups as v2 has them, ours being `group` and the mount's first `top`.
    Root& second(const QByteArray& group, const QByteArray& top = "/") {
        put("proc/self/cgroup", "0::" + group + "\n");
        return put("proc/self/mountinfo",
                   "30 1 0:1 " + top + " /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
    }
    /// And v1.
    Root& first(const QByteArray& group, const QByteArray& top = "/") {
        put("proc/self/cgroup",
            "9:name=systemd:/\n4:memory:" + group + "\n1:cpu,cpuacct:" + group + "\n0::/\n");
        return put("proc/self/mountinfo",
                   "29 1 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
                   "30 29 0:1 " +
                       top +
                       " /sys/fs/cgroup/cpu,cpuacct rw shared:4 - cgroup cgroup rw,cpu,cpuacct\n"
                       "31 29 0:2 " +
                       top + " /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    }
    Machine read() const { return read_machine(folder_.path().toStdString()); }

private:
    QTemporaryDir folder_;
};

constexpr double gib = 1 << 30;

} // namespace

class MachineTest : public QObject {
    Q_OBJECT

private slots:
    void without_limits_all_of_it_may_be_used() {
        const auto machine = Root().read();
        QCOMPARE(machine.cores, 8);
        QCOMPARE(machine.threads, 8);
        QVERIFY(machine.threads_limit.empty());
        QCOMPARE(machine.memory_bytes, 16 * gib);
        QCOMPARE(machine.available_bytes, 12 * gib);
        QVERIFY(machine.memory_limit.empty());
    }

    void what_is_not_told_stays_unknown() {
        const QTemporaryDir empty;
        const auto machine = read_machine(empty.path().toStdString());
        QCOMPARE(machine.cores, 0);
        QCOMPARE(machine.threads, 0);
        QCOMPARE(machine.memory_bytes, 0.0);
        QCOMPARE(machine.available_bytes, 0.0);
    }

    void affinity_holds_threads() {
        const auto machine = Root().put("proc/self/status", "Cpus_allowed_list:\t1-2,5\n").read();
        QCOMPARE(machine.cores, 8);
        QCOMPARE(machine.threads, 3);
        QCOMPARE(machine.threads_limit, std::string("affinity to processors 1-2,5"));
    }

    void a_quota_is_rounded_up_data() {
        QTest::addColumn<QByteArray>("quota");
        QTest::addColumn<int>("threads");
        QTest::newRow("half") << QByteArray("50000 100000\n") << 1;
        QTest::newRow("one") << QByteArray("100000 100000\n") << 1;
        QTest::newRow("one and a bit") << QByteArray("100001 100000\n") << 2;
        QTest::newRow("two and a half") << QByteArray("25000 10000\n") << 3;
        QTest::newRow("more than there is") << QByteArray("3200000 100000\n") << 8;
        QTest::newRow("none") << QByteArray("max 100000\n") << 8;
    }
    void a_quota_is_rounded_up() {
        QFETCH(QByteArray, quota);
        QFETCH(int, threads);
        Root two;
        two.second("/box").put("sys/fs/cgroup/box/cpu.max", quota);
        QCOMPARE(two.read().threads, threads);
        const auto words = quota.simplified().split(' ');
        Root one;
        one.first("/box")
            .put("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us",
                 words[0] == "max" ? "-1\n" : words[0] + "\n")
            .put("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", words[1] + "\n");
        QCOMPARE(one.read().threads, threads);
        QCOMPARE(one.read().threads_limit.empty(), threads == 8);
        if (threads == 1 && words[0] == "50000")
            QCOMPARE(two.read().threads_limit,
                     std::string("CPU quota of 0.5 cores (/sys/fs/cgroup/box/cpu.max)"));
    }

    void the_smallest_share_on_the_way_to_the_top_holds() {
        Root root;
        root.second("/slice/box/inner")
            .put("sys/fs/cgroup/slice/cpu.max", "200000 100000")
            .put("sys/fs/cgroup/slice/box/cpu.max", "600000 100000")
            .put("sys/fs/cgroup/slice/box/inner/cpu.max", "max 100000")
            .put("sys/fs/cgroup/slice/memory.max", "max")
            .put("sys/fs/cgroup/slice/box/memory.max", "4294967296")
            .put("sys/fs/cgroup/slice/box/memory.current", "1073741824")
            .put("sys/fs/cgroup/slice/box/inner/memory.max", "8589934592")
            .put("sys/fs/cgroup/slice/other/memory.max", "1");
        const auto machine = root.read();
        QCOMPARE(machine.threads, 2);
        QCOMPARE(machine.threads_limit,
                 std::string("CPU quota of 2 cores (/sys/fs/cgroup/slice/cpu.max)"));
        QCOMPARE(machine.memory_bytes, 4 * gib);
        QCOMPARE(machine.available_bytes, 3 * gib);
        QCOMPARE(machine.memory_limit, std::string("/sys/fs/cgroup/slice/box/memory.max"));
    }

    void affinity_and_quota_the_lesser_holds() {
        Root root;
        root.second("/box").put("sys/fs/cgroup/box/cpu.max", "300000 100000");
        QCOMPARE(root.read().threads, 3);
        root.put("proc/self/status", "Cpus_allowed_list:\t0,4\n");
        QCOMPARE(root.read().threads_limit, std::string("affinity to processors 0,4"));
    }

    void the_first_version_limits_memory_too() {
        Root root;
        root.first("/docker/ab")
            .put("sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes", "2147483648")
            .put("sys/fs/cgroup/memory/docker/ab/memory.usage_in_bytes", "1610612736")
            .put("sys/fs/cgroup/memory/docker/ab/memory.stat",
                 "cache 9\ninactive_file 5\ntotal_inactive_file 1073741824\n")
            .put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
        const auto machine = root.read();
        QCOMPARE(machine.memory_bytes, 2 * gib);
        QCOMPARE(machine.available_bytes, 1.5 * gib); // page cache can be dropped
        QCOMPARE(machine.memory_limit,
                 std::string("/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes"));
    }

    void a_full_group_has_nothing_left_rather_than_something_unknown() {
        Root root;
        root.second("/box")
            .put("sys/fs/cgroup/box/memory.max", "1073741824")
            .put("sys/fs/cgroup/box/memory.current", "1073741824");
        QVERIFY(root.read().available_bytes > 0);
        QVERIFY(root.read().available_bytes < 4096);
    }

    void a_containers_mount_begins_at_its_own_group() {
        Root root; // no namespace: the path is the host's, the mount begins at our group
        root.first("/docker/ab/inner", "/docker/ab")
            .put("sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "1073741824");
        QCOMPARE(root.read().memory_bytes, gib);
        Root other; // a path that lies outside of what is mounted
        other.first("/docker/abc", "/docker/ab")
            .put("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824");
        QCOMPARE(other.read().memory_bytes, gib);
        Root outside; // as a namespace shows a group above its top
        outside.second("/../x").put("sys/fs/cgroup/memory.max", "1073741824");
        QCOMPARE(outside.read().memory_bytes, gib);
    }

    void this_machine_follows_its_affinity() {
        cpu_set_t before, one;
        QCOMPARE(sched_getaffinity(0, sizeof before, &before), 0);
        int first = 0;
        while (!CPU_ISSET(first, &before)) ++first;
        CPU_ZERO(&one);
        CPU_SET(first, &one);
        QVERIFY(usable_threads() >= 1 && usable_threads() <= CPU_COUNT(&before));
        QCOMPARE(sched_setaffinity(0, sizeof one, &one), 0);
        const auto machine = read_machine();
        QCOMPARE(sched_setaffinity(0, sizeof before, &before), 0);
        QCOMPARE(machine.threads, 1);
        QVERIFY(machine.memory_bytes > 0 && machine.available_bytes > 0);
    }
};

SWEETSPOT_TEST(MachineTest)
#include "machine_test.moc"

#include "kernels/core/error.h"
#include "profiler/energy/energy.h"
#include "tests/suite.h"
#include <QTemporaryDir>
#include <QTest>
#include <fstream>

// RAPL's files, made up.

using namespace sweetspot;
namespace fs = std::filesystem;

namespace {

class Tree {
public:
    void zone(const std::string& folder, const std::string& name, const std::string& microjoules,
              const std::string& full = "1000000") {
        fs::create_directories(root() / folder);
        write(folder + "/name", name);
        write(folder + "/max_energy_range_uj", full);
        count(folder, microjoules);
    }
    void count(const std::string& folder, const std::string& microjoules) {
        write(folder + "/energy_uj", microjoules);
    }
    fs::path root() const { return folder_.path().toStdString(); }

private:
    void write(const std::string& file, const std::string& text) {
        std::ofstream(root() / file) << text << '\n';
    }
    QTemporaryDir folder_{};
};

std::string why_not(const Tree& tree) {
    try {
        open_package_energy(tree.root());
    } catch (const Error& error) {
        return error.kind == Failure::unsupported ? error.what() : "another kind";
    }
    return {};
}

} // namespace

class EnergyTest : public QObject {
    Q_OBJECT

private slots:
    void all_packages_count_and_nothing_counts_twice() {
        Tree tree;
        tree.zone("intel-rapl:0", "package-0", "500000");
        tree.zone("intel-rapl:0:0", "core", "100");       // a part of a package
        tree.zone("intel-rapl-mmio:0", "package-0", "7"); // the same by another way
        tree.zone("intel-rapl:1", "package-1", "100000");
        tree.zone("intel-rapl:2", "psys", "100"); // the whole machine
        fs::create_directories(tree.root() / "intel-rapl");
        const auto energy = open_package_energy(tree.root());
        QCOMPARE(energy->what(), std::string("package-0, package-1 by RAPL"));
        QCOMPARE(*energy->joules(), 0.0);
        tree.count("intel-rapl:0", "800000");
        tree.count("intel-rapl:1", "150000");
        for (const char* other : {"intel-rapl:0:0", "intel-rapl-mmio:0", "intel-rapl:2"})
            tree.count(other, "900000");
        QCOMPARE(*energy->joules(), 0.35);
        QCOMPARE(*energy->joules(), 0.35);
    }

    void a_count_that_begins_anew_goes_on() {
        Tree tree;
        tree.zone("intel-rapl:0", "package-0", "900000");
        const auto energy = open_package_energy(tree.root());
        tree.count("intel-rapl:0", "200000");
        QCOMPARE(*energy->joules(), 0.3);
        tree.count("intel-rapl:0", "900000");
        QCOMPARE(*energy->joules(), 1.0);
        tree.count("intel-rapl:0", "100000");
        QCOMPARE(*energy->joules(), 1.2);
    }

    void what_cannot_be_read_is_unknown_and_never_nothing() {
        Tree none, denied, part, lost, endless;
        QVERIFY2(why_not(none).find("there is no RAPL package in") != std::string::npos,
                 why_not(none).c_str());
        denied.zone("intel-rapl:0", "package-0", ""); // root reads anything: empty stands for that
        QVERIFY2(why_not(denied).ends_with("intel-rapl:0/energy_uj cannot be read"),
                 why_not(denied).c_str());
        part.zone("intel-rapl:0", "package-0", "5"); // half of a machine is not the machine
        part.zone("intel-rapl:1", "package-1", "");
        QVERIFY(!why_not(part).empty());
        lost.zone("intel-rapl:0", "package-0", "500000");
        const auto energy = open_package_energy(lost.root());
        QVERIFY(energy->joules());
        lost.count("intel-rapl:0", "");
        QVERIFY(!energy->joules());
        lost.count("intel-rapl:0", "600000"); // nobody knows what was in between
        QVERIFY(!energy->joules());
        endless.zone("intel-rapl:0", "package-0", "500000", ""); // full at an unknown number
        const auto unknown = open_package_energy(endless.root());
        endless.count("intel-rapl:0", "100000");
        QVERIFY(!unknown->joules());
    }
};

SWEETSPOT_TEST(EnergyTest)
#include "energy_test.moc"

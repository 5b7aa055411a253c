// Every case of the selftest, on the CPU under the emulation, in several orders of threads.
// SWEETSPOT_CASES chooses those whose names contain it.
#include "kernels/core/context.h"
#include "kernels/cuda/device.h"
#include "kernels/emulation/block.h"
#include "kernels/emulation/runtime.h"
#include "kernels/selftest/bench.h"
#include "tests/suite.h"
#include <QTest>
#include <map>
#include <set>

using namespace sweetspot;
using namespace sweetspot::selftest;
using emulation::Order;

namespace {

/// ThreadSanitizer finds races in any order, and takes the longest.
const std::map<std::string, Order> orders{
    {"random 1", {Order::random, 1}},
#ifndef __SANITIZE_THREAD__
    {"forward", {Order::forward}},
#ifndef __SANITIZE_ADDRESS__
    {"reverse", {Order::reverse}},
    {"random 2", {Order::random, 2}},
#endif
#endif
};

/// Whether ThreadSanitizer is told nothing new by a case: both types of 16 bits go through the same
/// lines, so that of two cases that differ in them alone one shows the races.
bool is_twin([[maybe_unused]] const std::string& name,
             [[maybe_unused]] const std::set<std::string>& names) {
#ifdef __SANITIZE_THREAD__
    if (const auto at = name.find(" f16"); at != std::string::npos)
        return names.contains(std::string(name).replace(at, 4, " bf16"));
#endif
    return false;
}

/// The cases by the op that their names begin with.
std::map<std::string, std::vector<Case>> families() {
    const std::string part = qgetenv("SWEETSPOT_CASES").toStdString();
    const std::vector<Case> cases = all_cases();
    std::set<std::string> names;
    for (const Case& test : cases) names.insert(test.name);
    std::map<std::string, std::vector<Case>> families;
    for (const Case& test : cases)
        if (test.name.find(part) != std::string::npos && !is_twin(test.name, names))
            families[test.name.substr(0, test.name.find(','))].push_back(test);
    return families;
}

} // namespace

class KernelsTest : public QObject {
    Q_OBJECT
private slots:
    void every_kernel_agrees_with_the_cpu_in_every_order_of_threads_data() {
        QTest::addColumn<std::string>("family");
        QTest::addColumn<std::string>("order");
        for (const auto& [family, cases] : families())
            for (const auto& [name, order] : orders)
                QTest::newRow((family + ", " + name).c_str()) << family << name;
    }
    void every_kernel_agrees_with_the_cpu_in_every_order_of_threads() {
        QFETCH(const std::string, family);
        QFETCH(const std::string, order);
        emulation::set_order(orders.at(order));
        // One order on a GPU that gives a block little shared memory, the others on the oldest.
        emulation::set_capability(orders.at(order).kind == Order::forward ? 89 : 80);
        CudaDevice device;
        const auto memory = device.memory(MemoryKind::device);
        HostAllocator host;
        Context context(device.stream(), host);
        QStringList failures;
        const std::vector<Case> cases = families().at(family);
        for (const Case& test : cases)
            for (const std::string& failure : run_case(test, context, *memory, 1))
                failures << QString::fromStdString(failure);
        QVERIFY2(failures.isEmpty(), qPrintable(failures.join('\n')));
    }
};

SWEETSPOT_TEST(KernelsTest)
#include "kernels_test.moc"

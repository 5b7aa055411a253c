// Every case of the selftest, on the CPU under the emulation, in several orders of threads.
#include "kernels/core/context.h"
#include "kernels/cuda/device.h"
#include "kernels/emulation/block.h"
#include "kernels/selftest/bench.h"
#include <QTest>

using namespace sweetspot;
using namespace sweetspot::selftest;

class KernelsTest : public QObject {
    Q_OBJECT
private slots:
    void every_kernel_agrees_with_the_cpu_in_every_order_of_threads() {
        using emulation::Order;
        std::vector<Order> orders{{Order::forward}, {Order::reverse}};
        // ThreadSanitizer finds races in any order, and AddressSanitizer what is out of bounds.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
        orders.push_back({Order::random, 1});
        orders.push_back({Order::random, 2});
#endif
        CudaDevice device;
        const auto memory = device.memory(MemoryKind::device);
        HostAllocator host;
        for (const Order& order : orders) {
            emulation::set_order(order);
            Context context(device.stream(), host);
            for (const Case& test : all_cases())
                if (QString::fromStdString(test.name).contains(qgetenv("SWEETSPOT_CASES")))
                    for (const std::string& failure : run_case(test, context, *memory, 1))
                        QFAIL(failure.c_str());
        }
    }
};

QTEST_APPLESS_MAIN(KernelsTest)
#include "kernels_test.moc"

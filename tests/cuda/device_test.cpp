// The GPU as the host sees it, on the emulated machine.
#include "kernels/cuda/device.h"
#include "kernels/emulation/block.h"
#include "kernels/emulation/runtime.h"
#include "tests/suite.h"
#include <QTest>
#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

using namespace sweetspot;
using emulation::Order;

namespace {

/// What `work` throws: its kind and sentence. An empty sentence if nothing.
struct Thrown {
    Failure kind = Failure::bug;
    QString sentence{};
};
template <class Work>
Thrown thrown_by(Work&& work) {
    try {
        work();
    } catch (const Error& error) {
        return {error.kind, QString::fromStdString(error.what())};
    }
    return {};
}

#define VERIFY_THROWS(failure, words, work)                                                        \
    do {                                                                                           \
        const Thrown thrown = thrown_by([&] { work; });                                            \
        QVERIFY2(thrown.sentence.contains(words), qPrintable(thrown.sentence));                    \
        QCOMPARE(int(thrown.kind), int(failure));                                                  \
    } while (false)

/// Memory of a kind for a test.
struct Block {
    Block(CudaDevice& device, MemoryKind kind, std::size_t bytes)
        : source(device.memory(kind)), bytes(bytes), data(source->reserve(bytes)) {}
    ~Block() { source->release(data, bytes); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    int* numbers() const { return static_cast<int*>(data); }

    std::unique_ptr<MemorySource> source;
    std::size_t bytes;
    void* data;
};

constexpr int count = 1000;
constexpr std::size_t bytes = count * sizeof(int);

std::vector<Order> all_orders() {
    std::vector<Order> orders{{Order::forward}, {Order::reverse}};
    for (unsigned seed = 1; seed <= 8; ++seed) orders.push_back({Order::random, seed});
    return orders;
}

enum Forgotten { nothing, wait_for_the_copy, wait_for_the_use };

/// Weights of two layers go through one buffer: copied on a stream of their own, used on the one
/// that computes. True if both layers see their own weights.
bool layers_see_their_weights(const Order& order, Forgotten forgotten) {
    emulation::set_order(order);
    CudaDevice device;
    const auto transfers = device.transfers(1);
    const Block first(device, MemoryKind::pinned, bytes), second(device, MemoryKind::pinned, bytes);
    const Block buffer(device, MemoryKind::device, bytes),
        used(device, MemoryKind::device, 2 * bytes);
    const Block seen(device, MemoryKind::pinned, 2 * bytes);
    std::fill_n(first.numbers(), count, 1);
    std::fill_n(second.numbers(), count, 2);
    const auto copied = transfers->make_event(), done = transfers->make_event();
    for (int layer = 0; layer < 2; ++layer) {
        if (forgotten != wait_for_the_use) transfers->wait(0, *done);
        transfers->copy(0, buffer.data, (layer ? second : first).data, bytes);
        transfers->record(*copied, 0);
        if (forgotten != wait_for_the_copy) transfers->wait(Transfers::compute, *copied);
        transfers->copy(Transfers::compute, used.numbers() + layer * count, buffer.data, bytes);
        transfers->record(*done, Transfers::compute);
    }
    transfers->copy(Transfers::compute, seen.data, used.data, 2 * bytes);
    device.stream().synchronize();
    return std::count(seen.numbers(), seen.numbers() + count, 1) == count &&
           std::count(seen.numbers() + count, seen.numbers() + 2 * count, 2) == count;
}

/// How many of all orders show it.
int orders_that_go_wrong(Forgotten forgotten) {
    const auto orders = all_orders();
    return int(std::count_if(orders.begin(), orders.end(), [&](const Order& order) {
        return !layers_see_their_weights(order, forgotten);
    }));
}

} // namespace

class DeviceTest : public QObject {
    Q_OBJECT
private slots:
    void cleanup() {
        emulation::reset_device();
        emulation::set_order({Order::forward});
        qunsetenv("SWEETSPOT_CUDA_ARCH");
        qunsetenv("CUDA_VISIBLE_DEVICES");
    }

    void a_device_describes_itself() {
        emulation::set_capability(89);
        emulation::set_device_memory(std::size_t(3) << 30);
        const auto devices = cuda_devices();
        QCOMPARE(int(devices.size()), 1);
        const CudaDevice device(0);
        QCOMPARE(device.info().name, devices[0].name);
        QVERIFY(!device.info().name.empty());
        QCOMPARE(device.info().capability, 89);
        QCOMPARE(device.info().memory_bytes, std::size_t(3) << 30);
        QVERIFY(device.info().multiprocessors > 0 && device.info().shared_bytes_per_block >= 49152);
        QCOMPARE(device.info().driver_version, 13000);
    }

    void without_a_driver_the_sentence_says_what_is_missing() {
        emulation::set_driver_version(0);
        emulation::set_device_count(0);
        VERIFY_THROWS(Failure::device, "libcuda.so.1", cuda_devices());
        VERIFY_THROWS(Failure::device, "libcuda.so.1", CudaDevice());
    }

    void an_old_driver_is_named_with_the_version_that_is_needed() {
        emulation::set_driver_version(12040);
        const Thrown thrown = thrown_by([] { cuda_devices(); });
        QCOMPARE(int(thrown.kind), int(Failure::device));
        QVERIFY(thrown.sentence.contains("12.4") && thrown.sentence.contains("13.0"));
    }

    void a_driver_of_the_same_major_version_is_new_enough() {
        emulation::set_driver_version(13010);
        QCOMPARE(cuda_devices()[0].driver_version, 13010);
    }

    void a_driver_without_a_gpu_gets_a_sentence() {
        emulation::set_device_count(0);
        VERIFY_THROWS(Failure::device, "no GPU", cuda_devices());
        qputenv("CUDA_VISIBLE_DEVICES", "7");
        VERIFY_THROWS(Failure::device, "CUDA_VISIBLE_DEVICES is \"7\"", CudaDevice());
    }

    void an_index_past_the_last_gpu_is_refused() {
        emulation::set_device_count(2);
        QCOMPARE(CudaDevice(1).info().index, 1);
        VERIFY_THROWS(Failure::device, "no GPU 2: this machine has 2", CudaDevice(2));
        VERIFY_THROWS(Failure::device, "no GPU -1", CudaDevice(-1));
    }

    void a_gpu_older_than_ampere_is_refused() {
        emulation::set_capability(75);
        VERIFY_THROWS(Failure::unsupported, "7.5", CudaDevice());
        QCOMPARE(cuda_devices()[0].capability, 75);
    }

    void the_environment_lowers_the_capability_and_never_raises_it() {
        emulation::set_capability(90);
        qputenv("SWEETSPOT_CUDA_ARCH", "80");
        QCOMPARE(CudaDevice().capability(), 80);
        QCOMPARE(CudaDevice().info().capability, 90);
        qputenv("SWEETSPOT_CUDA_ARCH", "120");
        QCOMPARE(CudaDevice().capability(), 90);
        for (const char* text : {"70", "hopper", "90x"}) {
            qputenv("SWEETSPOT_CUDA_ARCH", text);
            VERIFY_THROWS(Failure::bad_input, "SWEETSPOT_CUDA_ARCH", CudaDevice());
        }
    }

    void memory_comes_in_three_kinds() {
        CudaDevice device;
        for (const MemoryKind kind :
             {MemoryKind::device, MemoryKind::managed, MemoryKind::pinned}) {
            const Block block(device, kind, bytes);
            QCOMPARE(int(block.source->kind()), int(kind));
            QVERIFY(block.data);
            QVERIFY(block.source->free_bytes() > 0);
            if (kind != MemoryKind::device) std::fill_n(block.numbers(), count, 3);
        }
        VERIFY_THROWS(Failure::bug, "device, managed or pinned", device.memory(MemoryKind::host));
    }

    void reserved_memory_is_missing_from_what_is_free() {
        CudaDevice device;
        const std::size_t before = device.free_bytes();
        const Block block(device, MemoryKind::device, 1 << 20);
        QVERIFY(device.free_bytes() + (1 << 20) <= before);
    }

    void memory_that_is_not_there_is_null_and_forgotten() {
        emulation::set_device_memory(1 << 20);
        CudaDevice device;
        const auto source = device.memory(MemoryKind::device);
        QVERIFY(!source->reserve(2 << 20));
        emulation::fail_allocation();
        QVERIFY(!device.memory(MemoryKind::pinned)->reserve(bytes));
        device.stream().synchronize();
        const Block block(device, MemoryKind::device, bytes);
        QVERIFY(block.data);
    }

    void the_clock_measures_what_the_stream_does() {
        using namespace std::chrono_literals;
        CudaDevice device;
        const auto clock = device.clock();
        const double seconds = seconds_of(*clock, [&] {
            emulation::enqueue(device.stream().handle, [] { std::this_thread::sleep_for(20ms); });
        });
        QVERIFY2(seconds >= 0.02 && seconds < 10, qPrintable(QString::number(seconds)));
        QVERIFY(seconds_of(*clock, [] {}) < seconds);
    }

    void streams_ordered_by_events_agree_in_every_order() {
        QCOMPARE(orders_that_go_wrong(nothing), 0);
    }
    void a_copy_that_is_not_waited_for_is_seen() {
        QVERIFY(orders_that_go_wrong(wait_for_the_copy) > 0);
    }
    void a_buffer_that_is_overwritten_too_early_is_seen() {
        QVERIFY(orders_that_go_wrong(wait_for_the_use) > 0);
    }

    void managed_memory_is_prefetched_and_advised() {
        CudaDevice device;
        const auto transfers = device.transfers(2);
        QCOMPARE(transfers->count(), 2);
        const Block managed(device, MemoryKind::managed, bytes);
        for (std::size_t i = 0; i < names_of(Advice{}).size(); ++i)
            transfers->advise(managed.data, bytes, Advice(i));
        transfers->prefetch(1, managed.data, bytes);
        transfers->prefetch(Transfers::compute, managed.data, bytes);
        const Block plain(device, MemoryKind::device, bytes);
        VERIFY_THROWS(Failure::device, "cudaMemPrefetchAsync",
                      transfers->prefetch(0, plain.data, bytes));
    }

    void a_graph_does_again_what_was_recorded() {
        for (const Order& order : all_orders()) {
            emulation::set_order(order);
            CudaDevice device;
            const auto recorder = device.graph_recorder();
            const auto transfers = device.transfers(0);
            const Block sum(device, MemoryKind::device, sizeof(int)),
                seen(device, MemoryKind::pinned, sizeof(int));
            *seen.numbers() = 0;
            transfers->copy(Transfers::compute, sum.data, seen.data, sizeof(int));
            recorder->begin();
            emulation::enqueue(device.stream().handle, [to = sum.numbers()] { ++*to; });
            const auto graph = recorder->end();
            for (int i = 0; i < 3; ++i) graph->launch();
            transfers->copy(Transfers::compute, seen.data, sum.data, sizeof(int));
            device.stream().synchronize();
            QCOMPARE(*seen.numbers(), 3);
        }
    }

    void memory_can_be_reserved_while_a_graph_is_recorded() {
        CudaDevice device;
        const auto recorder = device.graph_recorder();
        recorder->begin();
        { const Block block(device, MemoryKind::device, bytes); }
        recorder->end()->launch();
        device.stream().synchronize();
    }

    void a_recording_that_failed_leaves_a_usable_stream() {
        CudaDevice device;
        const auto recorder = device.graph_recorder();
        recorder->begin();
        VERIFY_THROWS(Failure::device, "cudaStreamSynchronize", device.stream().synchronize());
        VERIFY_THROWS(Failure::device, "cudaStreamEndCapture", recorder->end());
        recorder->abandon();
        device.stream().synchronize();
        recorder->begin();
        recorder->abandon();
        device.stream().synchronize();
        QVERIFY(!device.is_lost());
    }

    void after_a_sticky_error_the_process_has_to_end() {
        for (const cudaError_t error :
             {cudaErrorIllegalAddress, cudaErrorLaunchFailure, cudaErrorAssert,
              cudaErrorECCUncorrectable, cudaErrorMisalignedAddress}) {
            CudaDevice device;
            QVERIFY(!device.is_lost());
            emulation::break_device(error);
            const QString name = cudaGetErrorString(error);
            VERIFY_THROWS(Failure::device, name, device.stream().synchronize());
            VERIFY_THROWS(Failure::device, "it has to end", device.free_bytes());
            QVERIFY(device.is_lost());
            emulation::reset_device();
        }
    }

    void an_error_of_one_call_is_not_sticky() {
        CudaDevice device;
        const auto transfers = device.transfers(1);
        const Block block(device, MemoryKind::device, bytes);
        const Thrown thrown = thrown_by([&] { transfers->prefetch(0, block.data, bytes); });
        QVERIFY(thrown.sentence.contains("cudaMemPrefetchAsync"));
        QVERIFY(!thrown.sentence.contains("has to end"));
        QVERIFY(!device.is_lost());
        device.stream().synchronize();
    }

    void facts_are_noted_once_each() {
        CudaDevice device;
        device.note("matmul", "algorithm 1");
        device.note("matmul", "algorithm 2");
        const auto facts = device.facts();
        QCOMPARE(int(std::count_if(facts.begin(), facts.end(),
                                   [](const auto& fact) { return fact.first == "matmul"; })),
                 1);
        QCOMPARE(facts.back().second, std::string("algorithm 2"));
        const std::pair<std::string, std::string> driver{"cuda driver", "13.0"};
        QVERIFY(std::find(facts.begin(), facts.end(), driver) != facts.end());
    }
};

SWEETSPOT_TEST(DeviceTest)
#include "device_test.moc"

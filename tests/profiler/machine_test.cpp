// What is read beside a pass: the host, the processor's counters, and a GPU's clocks and power with
// a library that plays one.
#include "kernels/core/shared_library.h"
#include "kernels/core/team.h"
#include "profiler/machine/machine.h"
#include "profiler/nvml/nvml.h"
#include "profiler/perf/perf.h"
#include "profiler/recorder.h"
#include "profiler/team/team.h"
#include <QtTest>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <numeric>
#include <sys/mman.h>
#include <thread>

using namespace sweetspot;

namespace {

struct Watched {
    HostAllocator memory{};
    Context context{CpuStream{}, memory};

    template <class Pass>
    Trace record(Instrument& instrument, Pass&& pass) {
        return Recorder(context, {&instrument}).record(pass);
    }
};

std::vector<Reading> readings_of(const Trace& trace, const std::string& name) {
    std::vector<Reading> y;
    for (const Reading& one : trace.readings)
        if (trace.series[one.series].name == name) y.push_back(one);
    return y;
}

} // namespace

class MachineTest : public QObject {
    Q_OBJECT
private slots:
    void the_host_is_read_at_both_ends_and_in_between() {
        const auto machine = open_machine(5'000'000);
        const Trace trace = Watched().record(*machine, [] { QTest::qSleep(60); });
        const auto faults = readings_of(trace, "page faults");
        QVERIFY(faults.size() >= 4);
        QVERIFY(faults.front().time <= 0); // just before
        QVERIFY(faults.back().time >= trace.end);
        QVERIFY(faults.front().value > 0);
        QVERIFY(!readings_of(trace, "context switches").empty());
        for (const char* share : {"others' load", "stolen"})
            for (const Reading& one : readings_of(trace, share))
                QVERIFY2(one.value >= 0 && one.value <= 1, share);
        QVERIFY(trace.facts.contains("others' load"));
    }

    void page_faults_belong_to_the_op_that_made_them() {
        const auto perf = open_perf();
        Watched run;
        constexpr std::size_t pages = 512, page_bytes = 4096;
        const Trace trace = run.record(*perf, [&] {
            { const Region idle(run.context, "idle"); }
            const Region op(run.context, "touching");
            void* memory = mmap(nullptr, pages * page_bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            QVERIFY(memory != MAP_FAILED);
            madvise(memory, pages * page_bytes, MADV_NOHUGEPAGE); // which is one fault for all
            for (std::size_t i = 0; i < pages; ++i)
                static_cast<volatile char*>(memory)[i * page_bytes] = 1;
            munmap(memory, pages * page_bytes);
        });
        std::map<std::string, double> faults;
        for (const RegionCount& one : trace.counts)
            if (trace.counters[one.counter] == "page faults")
                faults[trace.path(one.region)] = one.value;
        QVERIFY(faults.at("touching") >= double(pages));
        QVERIFY(faults.at("idle") < 16);
    }

    void a_processor_without_counters_is_said_in_a_sentence() {
        const auto perf = open_perf();
        Watched run;
        const Trace trace = run.record(*perf, [&] { const Region op(run.context, "op"); });
        const bool counted =
            std::any_of(trace.counts.begin(), trace.counts.end(), [&](const RegionCount& one) {
                return trace.counters[one.counter] == "cycles";
            });
        QCOMPARE(trace.absent.contains("processor counters"), !counted);
        QVERIFY(perf_refusal(ENOENT, 2).find("no PMU in this virtual machine") !=
                std::string::npos);
        QVERIFY(perf_refusal(EACCES, 4).find("perf_event_paranoid is 4") != std::string::npos);
        QVERIFY(perf_refusal(ENOSYS, 4).find("built without") != std::string::npos);
    }

    void the_threads_of_the_cpu_tell_when_they_worked_and_for_which_op() {
        const auto team = open_team();
        Watched run;
        using std::chrono::milliseconds;
        // Two pieces, one a thread: that of the caller is short, so it waits for the other's.
        const auto share = [](milliseconds callers, milliseconds others) {
            std::atomic<int> inside = 0;
            for_pieces(2, 2, [&](std::int64_t, int thread) {
                ++inside;
                while (inside < 2) std::this_thread::yield(); // so that each does one
                std::this_thread::sleep_for(thread == 0 ? callers : others);
            });
        };
        share(milliseconds(0), milliseconds(0)); // starts the threads
        const Trace trace = run.record(*team, [&] {
            { const Region alone(run.context, {.name = "alone", .dtype = DType::f32}); }
            const Region layer(run.context, "layer");
            const Region op(run.context, {.name = "product", .dtype = DType::f32});
            share(milliseconds(10), milliseconds(40));
            std::this_thread::sleep_for(milliseconds(20)); // the rest of the op is the caller's
        });
        std::map<std::string, std::vector<ThreadSpan>> by_lane;
        for (const ThreadSpan& span : trace.threads)
            by_lane[std::to_string(span.thread) + " " + trace.path(span.region)].push_back(span);
        QCOMPARE(by_lane.size(), std::size_t(3));
        QCOMPARE(by_lane.at("0 alone").size(), std::size_t(1));
        const auto& own = by_lane.at("0 layer/product");
        const auto& other = by_lane.at("1 layer/product");
        QCOMPARE(own.size(), std::size_t(2));
        QCOMPARE(other.size(), std::size_t(1));
        QVERIFY(other[0].end - other[0].begin >= 40'000'000);
        QVERIFY(own[0].end < other[0].end);
        QVERIFY(own[1].begin >= other[0].end); // it waited in between
        QVERIFY(own[1].end - own[1].begin >= 20'000'000);
        share(milliseconds(0), milliseconds(0)); // nobody watches any more
        QVERIFY(run.record(*team, [] {}).threads.empty());
    }

    void a_gpu_tells_its_clocks_power_and_what_holds_it_back() {
        const SharedLibrary library({NVML_FILE}, "there is nothing to test with");
        const auto nvml = open_nvml("0000:1B:00.0", 2'000'000);
        const Trace trace = Watched().record(*nvml, [] { QTest::qSleep(30); });
        QVERIFY(readings_of(trace, "power").size() >= 3);
        QCOMPARE(readings_of(trace, "power").front().value, 612.5);
        QCOMPARE(readings_of(trace, "sm clock").front().value, 1980e6);
        QCOMPARE(readings_of(trace, "memory clock").front().value, 3201e6);
        QCOMPARE(readings_of(trace, "used memory").front().value, double(1 << 30));
        const auto energy = readings_of(trace, "energy");
        QCOMPARE(energy.back().value - energy.front().value, 0.5 * double(energy.size() - 1));
        QVERIFY(readings_of(trace, "temperature").empty()); // it does not tell
        QCOMPARE(trace.facts.at("gpu held back by"), std::string("the power limit"));
        QCOMPARE(trace.facts.at("gpu driver"), std::string("580.65.06"));
        QCOMPARE(trace.facts.at("gpu ecc"), std::string("on"));
        QVERIFY(!trace.facts.contains("gpu mig"));
        QCOMPARE(held_back_by(0x1), std::string()); // want of work
        QCOMPARE(held_back_by(0x28), std::string("hardware slowdown, its temperature"));
    }

    void a_gpu_counts_what_it_takes() {
        const SharedLibrary library({NVML_FILE}, "there is nothing to test with");
        const auto energy = open_gpu_energy("0000:1B:00.0");
        QCOMPARE(*energy->joules(), 0.5);
        QCOMPARE(*energy->joules(), 1.0);
        QCOMPARE(energy->what(), std::string("the GPU by NVML"));
        try {
            open_gpu_energy("0000:FF:00.0");
            QFAIL("opened");
        } catch (const Error& error) {
            QCOMPARE(int(error.kind), int(Failure::unsupported));
        }
    }

    void a_gpu_that_nvml_does_not_know_is_an_absence() {
        const SharedLibrary library({NVML_FILE}, "there is nothing to test with");
        try {
            open_nvml("0000:FF:00.0");
            QFAIL("opened");
        } catch (const Error& error) {
            QCOMPARE(int(error.kind), int(Failure::unsupported));
            QVERIFY(QString(error.what()).contains("Not Found"));
        }
    }
};

QTEST_GUILESS_MAIN(MachineTest)
#include "machine_test.moc"

// What CUPTI's records become, with a library that plays them, by hand and as the emulated GPU does
// its work.
#include "app/analysis/kernels.h"
#include "app/worker/instruments.h"
#include "engine/tasks/workload.h"
#include "kernels/core/shared_library.h"
#include "kernels/emulation/watch.h"
#include "profiler/cupti/counters.h"
#include "profiler/cupti/cupti.h"
#include "profiler/recorder.h"
#include "tests/profiler/counters_stand_in.h"
#include "tests/profiler/cupti_stand_in.h"
#include <QtTest>
#include <algorithm>
#include <deque>
#include <set>
#include <sys/syscall.h>
#include <unistd.h>

using namespace sweetspot;

namespace {

stand_in::Cupti& cupti() {
    static const SharedLibrary library({CUPTI_FILE}, "there is nothing to test with");
    decltype(&cupti_stand_in) find = nullptr;
    library.find(find, "cupti_stand_in");
    return *find();
}

stand_in::Counters& counters() {
    static const SharedLibrary library({CUPTI_FILE}, "there is nothing to test with"),
        driver({CUDA_FILE}, "there is nothing to test with");
    decltype(&counters_stand_in) find = nullptr;
    library.find(find, "counters_stand_in");
    return *find();
}
/// A hundred for each op before, and the metric's length.
double counted(std::size_t range, const std::string& metric) {
    return 100.0 * double(range) + double(metric.size());
}

std::uint32_t this_thread() {
    return std::uint32_t(syscall(SYS_gettid));
}

/// A run of ops that computes nothing, in which a test plays what a GPU would have done.
struct Played {
    HostAllocator memory{};
    Context context{CpuStream{}, memory};
    std::unique_ptr<Instrument> instrument = open_cupti();
    Recorder recorder{context, {instrument.get()}};

    /// Layers of two ops, each of which calls launch(layer, op) once.
    template <class Launch>
    void step(int layers, Launch&& launch) {
        for (int layer = 0; layer < layers; ++layer) {
            const Region region(context, "layer " + std::to_string(layer));
            for (const char* name : {"norm", "matmul"}) {
                const Region op(context, Work{.name = name, .dtype = DType::f32});
                launch(layer, std::string(name));
            }
        }
    }
    template <class Launch>
    Trace record(int layers, Launch&& launch) {
        return recorder.record([&] { step(layers, launch); });
    }
    /// A trace of so many layers, and the counts of steps of `counted_layers`.
    Trace count(int layers, int counted_layers) {
        const auto nothing = [](int, const std::string&) {};
        Trace trace = record(layers, nothing);
        add_gpu_counters(trace, context, 0, [&] { step(counted_layers, nothing); });
        return trace;
    }
};

std::string error_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        return error.kind == Failure::unsupported ? error.what() : "another kind of error";
    }
    return "no error";
}

std::vector<Activity> of_kind(const Trace& trace, ActivityKind kind) {
    std::vector<Activity> y;
    for (const Activity& one : trace.activities)
        if (one.kind == kind) y.push_back(one);
    return y;
}

/// Plays on the stand-in what the emulated GPU is given and does, and keeps a list of its own.
class Player : public emulation::Watcher {
public:
    Player() { emulation::watch(this); }
    ~Player() override { emulation::watch(nullptr); }

    std::uint64_t called() override {
        const auto time = std::uint64_t(now());
        cupti().call(++calls_, time, time, this_thread());
        return calls_;
    }
    std::uint64_t node_made() override {
        cupti().node_made(++nodes_);
        return nodes_;
    }
    std::uint64_t node_cloned(std::uint64_t original) override {
        cupti().node_cloned(original, ++nodes_);
        return nodes_;
    }
    void did(const emulation::Done& done) override {
        if (!cupti().watching()) return;
        names.emplace_back(done.name);
        stand_in::Kernel x{.name = names.back().c_str(),
                           .correlation = std::uint32_t(done.correlation),
                           .begin = std::uint64_t(done.begin),
                           .end = std::uint64_t(done.end),
                           .node = done.node,
                           .grid = {int(done.grid.x), int(done.grid.y), int(done.grid.z)},
                           .block = {int(done.block.x), int(done.block.y), int(done.block.z)},
                           .shared_bytes = int(done.shared_bytes)};
        switch (done.what) {
        case emulation::Done::kernel: cupti().kernel(x), ++kernels; break;
        case emulation::Done::copy: cupti().copy(x, done.bytes), copied += done.bytes; break;
        case emulation::Done::fill: cupti().fill(x, done.bytes); break;
        case emulation::Done::other: break;
        }
    }

    std::deque<std::string> names{};
    std::size_t kernels = 0, copied = 0;

private:
    std::uint32_t calls_ = 0;
    std::uint64_t nodes_ = 0;
};

RunConfig small_run(LaunchMode launch) {
    RunConfig config;
    config.model = "stories260k";
    config.device = DeviceKind::cuda;
    config.sequence = 8;
    config.batch = 1;
    config.launch = launch;
    return config;
}

} // namespace

class CuptiTest : public QObject {
    Q_OBJECT
private slots:
    void init() {
        cupti().reset();
        counters() = {.count = counted};
    }

    void a_kernel_belongs_to_the_op_that_launched_it() {
        Played run;
        std::uint32_t call = 0;
        const Trace trace = run.record(2, [&](int, const std::string&) {
            const auto time = std::uint64_t(now());
            cupti().call(++call, time, time + 10, this_thread());
            cupti().kernel({.name = "_Z4workPf",
                            .correlation = call,
                            .begin = time + 1000,
                            .end = time + 3000,
                            .grid = {4, 2, 1},
                            .block = {128, 1, 1},
                            .registers = 40,
                            .shared_bytes = 1024});
        });
        const auto kernels = of_kind(trace, ActivityKind::kernel);
        QCOMPARE(kernels.size(), std::size_t(4));
        QStringList paths;
        for (const Activity& one : kernels) paths << QString::fromStdString(trace.path(one.region));
        QCOMPARE(paths,
                 (QStringList{"layer 0/norm", "layer 0/matmul", "layer 1/norm", "layer 1/matmul"}));
        QCOMPARE(trace.names[kernels[0].name], std::string("work(float*)"));
        const KernelShape shape{{4, 2, 1}, {128, 1, 1}, 40, 1024};
        QCOMPARE(trace.shapes.size(), std::size_t(1));
        QVERIFY(trace.shapes[kernels[3].shape] == shape);
        QCOMPARE(kernels[0].end - kernels[0].begin, Nanoseconds(2000));
        QCOMPARE(attribution(trace).in_an_op, std::size_t(4));
        QCOMPARE(of_kind(trace, ActivityKind::runtime_call).size(), std::size_t(4));
        QCOMPARE(trace.names[of_kind(trace, ActivityKind::runtime_call)[0].name],
                 std::string("cudaLaunchKernel"));
        QCOMPARE(trace.dropped, std::uint64_t(0));
    }

    void records_may_come_in_any_order_and_any_buffer() {
        cupti().most_records = 1; // each in a buffer of its own
        Played run;
        std::vector<std::function<void()>> late;
        std::uint32_t call = 0;
        const Trace trace = run.record(3, [&](int layer, const std::string& op) {
            const auto time = std::uint64_t(now());
            const stand_in::Kernel kernel{.correlation = ++call, .begin = time, .end = time + 5};
            cupti().kernel(kernel); // before its call
            cupti().call(call, time, time, this_thread());
            if (layer == 2 && op == "matmul") {
                cupti().strange();
                cupti().kernel({.correlation = 1, .begin = time + 7, .end = time + 9});
            }
        });
        const auto kernels = of_kind(trace, ActivityKind::kernel);
        QCOMPARE(kernels.size(), std::size_t(7));
        QVERIFY(cupti().buffers >= 20);
        QCOMPARE(trace.path(kernels.back().region), std::string("layer 0/norm")); // by its call
        QVERIFY(std::is_sorted(kernels.begin(), kernels.end(),
                               [](const auto& a, const auto& b) { return a.begin < b.begin; }));
    }

    void without_a_correlation_the_time_of_the_call_tells() {
        Played run;
        std::uint32_t call = 0;
        const Trace trace = run.record(1, [&](int, const std::string& op) {
            const auto time = std::uint64_t(now());
            cupti().call(++call, time, time, op == "norm" ? this_thread() : this_thread() + 1,
                         true);
            cupti().kernel({.correlation = call, .begin = time, .end = time + 5});
        });
        const auto kernels = of_kind(trace, ActivityKind::kernel);
        QCOMPARE(trace.path(kernels.at(0).region), std::string("layer 0/norm"));
        QCOMPARE(kernels.at(1).region, none); // another thread's call is in no region of ours
        QCOMPARE(attribution(trace).in_an_op, std::size_t(1));
        QCOMPARE(trace.facts.at("activities by time of their call"), std::string("1"));
    }

    void memory_that_the_driver_is_asked_for_has_a_region_and_bytes() {
        Played run;
        std::uint32_t call = 0;
        const Trace trace = run.record(1, [&](int, const std::string& op) {
            const auto time = std::uint64_t(now());
            cupti().call(++call, time, time, this_thread());
            cupti().memory(call, time, 4096, op == "matmul");
        });
        const auto found = of_kind(trace, ActivityKind::memory);
        QCOMPARE(found.size(), std::size_t(2));
        QCOMPARE(trace.names[found[0].name], std::string("allocate device memory"));
        QCOMPARE(trace.path(found[0].region), std::string("layer 0/norm"));
        QCOMPARE(found[0].bytes, std::uint64_t(4096));
        QCOMPARE(found[0].begin, found[0].end);
        QCOMPARE(trace.names[found[1].name], std::string("free device memory"));
        QCOMPARE(trace.path(found[1].region), std::string("layer 0/matmul"));
    }

    void what_was_lost_is_counted() {
        cupti().lost = 12;
        Played run;
        const Trace trace = run.record(1, [&](int, const std::string& op) {
            cupti().kernel({.begin = std::uint64_t(now()), .end = std::uint64_t(now())});
            if (op == "matmul") cupti().cut_last_record = true;
        });
        QCOMPARE(of_kind(trace, ActivityKind::kernel).size(), std::size_t(1));
        QCOMPARE(trace.dropped, std::uint64_t(13)); // twelve, and one that was cut short
    }

    void only_the_pass_is_watched_and_the_driver_is_left_as_it_was() {
        {
            Played run;
            QVERIFY(!cupti().watching());
            run.record(1, [&](int, const std::string&) {
                QVERIFY(cupti().watching());
                QCOMPARE(cupti().regions, std::size_t(2));
            });
            QVERIFY(!cupti().watching());
            QCOMPARE(cupti().regions, std::size_t(0));
            QVERIFY(cupti().subscribed);
        }
        QVERIFY(!cupti().subscribed);
        QCOMPARE(cupti().finalized, 1);
    }

    void a_pass_that_fails_is_watched_no_more() {
        Played run;
        QVERIFY_THROWS_EXCEPTION(Error, run.record(1, [&](int, const std::string&) {
            throw Error(Failure::device, "planted");
        }));
        QVERIFY(!cupti().watching());
        const Trace trace = run.record(1, [&](int, const std::string&) {
            cupti().kernel({.begin = std::uint64_t(now()), .end = std::uint64_t(now())});
        });
        QCOMPARE(trace.regions.size(), std::size_t(3)); // of this pass alone
    }

    void each_reason_for_its_absence_is_a_sentence() {
        cupti().version = 120900;
        QVERIFY(error_of([] { open_cupti(); }).find("older than CUDA 13") != std::string::npos);
        cupti().reset();
        cupti().subscribe_result = 39; // MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED
        cupti().other_tool = "Nsight Systems";
        QVERIFY(error_of([] { open_cupti(); }).find("Nsight Systems has this process") !=
                std::string::npos);
        cupti().reset();
        cupti().subscribe_result = 40; // VIRTUALIZED_DEVICE_INSUFFICIENT_PRIVILEGES
        QVERIFY(error_of([] { open_cupti(); }).find("NVreg_RestrictProfilingToAdminUsers") !=
                std::string::npos);
        cupti().reset();
        cupti().enable_result = 43; // MIG_DEVICE_NOT_SUPPORTED
        Played run;
        QVERIFY(error_of([&] {
                    run.record(1, [](int, const std::string&) {});
                }).find("shared out") != std::string::npos);
        QVERIFY(!cupti().watching());
    }

    void there_is_one_at_a_time() {
        const auto first = open_cupti();
        QVERIFY(error_of([] { open_cupti(); }).find("already being traced") != std::string::npos);
    }

    void what_the_emulated_gpu_does_comes_out_kernel_by_kernel_data() {
        QTest::addColumn<bool>("graph");
        QTest::newRow("eager") << false;
        QTest::newRow("graph") << true;
    }
    void what_the_emulated_gpu_does_comes_out_kernel_by_kernel() {
        QFETCH(bool, graph);
        const RunConfig config = small_run(graph ? LaunchMode::graph : LaunchMode::eager);
        DeviceContext device(config);
        const auto work = make_workload(config, device.context());
        const auto step = [&] {
            for (std::size_t phase = 0; phase < work->phases().size(); ++phase)
                work->run_phase(phase);
        };
        step();
        step();
        Player player;
        const auto instrument = open_cupti();
        Recorder recorder(device.context(), {instrument.get()});
        recorder.prepare(step);
        const int recorded = device.totals().graphs_recorded;
        const Trace trace = recorder.record(step);
        QCOMPARE(device.totals().graphs_recorded, recorded);
        QVERIFY(player.kernels > 20);
        QCOMPARE(attribution(trace).kernels, player.kernels);
        QCOMPARE(attribution(trace).in_an_op, player.kernels);
        std::uint64_t copied = 0;
        for (const Activity& one : of_kind(trace, ActivityKind::copy)) copied += one.bytes;
        QCOMPARE(copied, std::uint64_t(player.copied));
        std::set<std::string> paths;
        for (const Activity& one : of_kind(trace, ActivityKind::kernel))
            paths.insert(trace.path(one.region));
        for (const char* layer : {"layer 0", "layer 4"})
            QVERIFY2(std::any_of(paths.begin(), paths.end(),
                                 [&](const auto& path) { return path.find(layer) != path.npos; }),
                     layer);
        QCOMPARE(trace.facts.at("activities by graph node") != "0", graph);
        QCOMPARE(trace.dropped, std::uint64_t(0));
    }

    void what_the_gpu_counted_is_its_ops() {
        Played run;
        const Trace trace = run.count(2, 2);
        QVERIFY2(trace.absent.empty(),
                 trace.absent.empty() ? "" : trace.absent.begin()->second.c_str());
        QCOMPARE(counters().passes_done, std::size_t(3));
        QCOMPARE(trace.facts.at("gpu counter passes"), std::string("3"));
        QCOMPARE(counters().ranges, (std::vector<std::string>{"0", "1", "2", "3"}));
        QCOMPARE(counters().objects, 0); // each that was made is ended
        QCOMPARE(trace.counts.size(), 4 * trace.counters.size());
        const double metric = double(std::string("dram__bytes.sum").size());
        for (const RegionCount& one : trace.counts)
            if (trace.counters[one.counter] == "DRAM bytes" &&
                trace.path(one.region) == "layer 1/norm")
                QCOMPARE(one.value, 200 + metric);
        // Both layers together: bytes add up; a share is a mean, between its least and its most.
        for (const RegionTime& time : region_times(trace)) {
            if (time.path != "layer */norm") continue;
            QCOMPARE(count_of(trace, time, "DRAM bytes").value(), 0 + metric + 200 + metric);
            const double share = count_of(trace, time, "SM busy %").value();
            QVERIFY(share > 60 && share < 270);
            return;
        }
        QFAIL("there is no such op");
    }

    void a_counter_that_the_gpu_does_not_have_is_named_and_the_others_count() {
        counters().unknown = {"sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed"};
        Played run;
        const Trace trace = run.count(1, 1);
        QVERIFY(trace.absent.at("gpu counter tensor cores busy %")
                    .starts_with("this GPU has no sm__pipe_tensor"));
        QCOMPARE(trace.counts.size(), 2 * trace.counters.size());
        QVERIFY(!trace.absent.contains("gpu counters"));
    }

    void counters_that_may_not_be_read_are_a_sentence() {
        Played run;
        counters().enable_result = 35; // INSUFFICIENT_PRIVILEGES
        Trace trace = run.count(1, 1);
        QVERIFY(trace.absent.at("gpu counters")
                    .find("may not be counted by this user: ask for the driver's option") !=
                std::string::npos);
        QVERIFY(trace.counts.empty() && trace.counters.empty());
        QCOMPARE(trace.regions.size(), std::size_t(3)); // the trace itself is there
        QCOMPARE(counters().objects, 0);
        counters() = {.passes = 1000, .count = counted};
        trace = run.count(1, 1);
        QCOMPARE(trace.absent.at("gpu counters"),
                 std::string("CUPTI asks for more than 64 passes"));
        counters() = {.count = counted};
        trace = run.count(2, 1);
        QCOMPARE(trace.absent.at("gpu counters"),
                 std::string("the step had 4 ops when it was traced, and 2 when it was counted"));
        QVERIFY(trace.counts.empty());
        QCOMPARE(counters().objects, 0);
    }

    void ranges_that_were_lost_are_counted() {
        counters().lost = 1;
        Played run;
        const Trace trace = run.count(2, 2);
        QCOMPARE(trace.facts.at("gpu counter ranges lost"), std::string("1"));
        QCOMPARE(trace.counts.size(), 3 * trace.counters.size());
    }

    void a_step_that_fails_is_counted_no_more() {
        Played run;
        Trace trace = run.record(1, [](int, const std::string&) {});
        QVERIFY_THROWS_EXCEPTION(Error, add_gpu_counters(trace, run.context, 0, [] {
                                     throw Error(Failure::device, "planted");
                                 }));
        QCOMPARE(counters().objects, 0);
    }

    void a_million_events_are_kept_and_joined() {
        Played run;
        constexpr int calls = 250'000; // each a region, a call and a kernel, and its correlation
        const Trace trace = run.recorder.record([&] {
            for (std::uint32_t i = 1; i <= calls; ++i) {
                const Region op(run.context, Work{.name = "op", .dtype = DType::f32});
                const auto time = std::uint64_t(now());
                cupti().call(i, time, time + 1, this_thread());
                cupti().kernel({.correlation = i, .begin = time + 2, .end = time + 3});
            }
        });
        QCOMPARE(attribution(trace).kernels, std::size_t(calls));
        QCOMPARE(attribution(trace).in_an_op, std::size_t(calls));
        QCOMPARE(trace.dropped, std::uint64_t(0));
    }
};

QTEST_GUILESS_MAIN(CuptiTest)
#include "cupti_test.moc"

#include "kernels/core/context.h"
#include "profiler/profiler.h"
#include "tests/suite.h"
#include <QtTest>
#include <thread>

using namespace sweetspot;

namespace {

struct Product {
    static constexpr auto name = "product";
    DType dtype() const { return DType::bf16; }
    void check() const {}
    Cost cost() const { return {2, 1}; }
};
struct Sum {
    static constexpr auto name = "sum";
    void check() const {}
    Cost cost() const { return {1, 1}; }
};
template <class Op, class Stream>
void launch(const Op&, Stream&) {}

} // namespace

class ProfilerTest : public QObject {
    Q_OBJECT
private slots:
    void a_path_names_the_regions_around_an_op_and_sums_its_calls();
    void a_turn_begins_whenever_the_first_region_does();
    void what_occurs_again_within_a_call_is_told_apart();
    void time_inside_counts_for_the_region_around_it();
    void memory_over_time_starts_with_what_is_live_and_follows_the_allocator();
    void merged_moments_keep_the_peak();
    void a_long_pass_keeps_few_moments_and_the_peak();
    void a_scope_that_fails_ends_the_watching();
    void a_region_lasts_as_long_as_the_devices_clock_says();
    void marks_are_given_back_and_few_are_kept();
    void a_clock_that_fails_gives_no_figure();
    void an_op_is_told_with_its_type_and_a_number();
};

void ProfilerTest::a_path_names_the_regions_around_an_op_and_sums_its_calls() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    HostClock clock;
    Profiler profiler(clock);
    context.watch(&profiler);
    for (int layer = 0; layer < 2; ++layer) {
        const Region outer(context, "layer " + std::to_string(layer));
        for (int i = 0; i < 3; ++i)
            const Region op(context, Work{.name = "matmul", .cost = {10, 4}});
    }
    const auto regions = profiler.regions();
    QCOMPARE(regions.size(), 4u);
    QCOMPARE(regions[0].path, std::string("layer 0"));
    QCOMPARE(regions[1].path, std::string("layer 0/matmul"));
    QCOMPARE(regions[3].path, std::string("layer 1/matmul"));
    QCOMPARE(regions[1].calls, 3);
    QCOMPARE(regions[1].cost.flops, 30.0);
    QCOMPARE(regions[0].cost.bytes, 12.0);
    QCOMPARE(profiler.total().flops, 60.0);
}

void ProfilerTest::what_occurs_again_within_a_call_is_told_apart() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    HostClock clock;
    Profiler profiler(clock);
    context.watch(&profiler);
    for (int batch = 0; batch < 3; ++batch) {
        const Region layer(context, "layer 0");
        for (double part = 1; part <= 2; ++part) {
            const Region attention(context, "attention");
            for (double product = 1; product <= 20; ++product)
                const Region op(context, Work{.name = "matmul", .cost = {part * product, 1}});
        }
        const Region norm(context, "norm");
    }
    const auto regions = profiler.regions();
    QCOMPARE(regions.size(), 4u);
    QVERIFY(regions[0].occurrences.empty()); // of each batch one: those are turns
    QVERIFY(regions[3].occurrences.empty());
    const auto& parts = regions[1].occurrences;
    QCOMPARE(parts.size(), 2u);
    QCOMPARE(parts[0].calls, 3);
    QCOMPARE(parts[1].cost.flops, 2 * parts[0].cost.flops);
    QCOMPARE(parts[0].cost.flops + parts[1].cost.flops, regions[1].cost.flops);
    const auto& products = regions[2].occurrences;
    QCOMPARE(products.size(), 16u);
    QCOMPARE(products[0].calls, 6);
    QCOMPARE(products[1].cost.flops, 3 * (1 + 2) * 2.0);
    QCOMPARE(products[15].calls, 6 * 5);
    double seconds = 0;
    for (const auto& one : products) seconds += one.seconds;
    QVERIFY(std::abs(seconds - regions[2].seconds) <= 1e-9);
}

void ProfilerTest::a_turn_begins_whenever_the_first_region_does() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    HostClock clock;
    Profiler profiler(clock);
    context.watch(&profiler);
    for (int batch = 0; batch < 3; ++batch) {
        { const Region first(context, "embedding"); }
        const Region layer(context, "layer 0");
        for (int call = 0; call < 2; ++call) const Region op(context, "matmul");
        if (batch == 1) const Region rare(context, "rare");
    }
    const auto regions = profiler.regions();
    for (const auto& region : regions) {
        double sum = 0;
        for (const double seconds : region.turns) sum += seconds;
        QVERIFY2(std::abs(sum - region.seconds) <= 1e-12, region.path.c_str());
        QCOMPARE(region.turns.size(), region.path.ends_with("rare") ? 2u : 3u);
    }
    QCOMPARE(regions.back().path, std::string("layer 0/rare"));
    QCOMPARE(regions.back().turns[0], 0.0);
}

void ProfilerTest::time_inside_counts_for_the_region_around_it() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    HostClock clock;
    Profiler profiler(clock);
    context.watch(&profiler);
    {
        const Region outer(context, "outer");
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        const Region inner(context, "inner");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const auto regions = profiler.regions();
    QVERIFY(regions[1].seconds >= 0.010);
    QVERIFY(regions[0].seconds >= regions[1].seconds + 0.005);
    QVERIFY(regions[1].start_seconds >= regions[0].start_seconds + 0.005);
}

void ProfilerTest::memory_over_time_starts_with_what_is_live_and_follows_the_allocator() {
    HostAllocator allocator;
    const Tensor weights(allocator, {100}, DType::f32,
                         Purpose::weights); // 400 bytes, rounded to 448
    HostClock clock;
    Profiler profiler(clock, allocator.use().live);
    allocator.observer = &profiler;
    { const Tensor activations(allocator, {16}, DType::f32); }
    allocator.observer = nullptr;
    const auto memory = profiler.memory();
    QCOMPARE(memory.size(), 3u);
    QCOMPARE(memory[0].total(), 448u);
    QCOMPARE(memory[1].bytes[std::size_t(Purpose::activations)], 64u);
    QCOMPARE(memory[1].total(), 512u);
    QCOMPARE(memory[2].total(), 448u);
}

void ProfilerTest::merged_moments_keep_the_peak() {
    PlanAllocator allocator;
    HostClock clock;
    Profiler profiler(clock);
    allocator.observer = &profiler;
    for (int i = 1; i <= 1000; ++i) const Tensor t(allocator, {i == 500 ? 100000 : i}, DType::f32);
    const auto memory = profiler.memory(10);
    QCOMPARE(memory.size(), 10u);
    const auto peak = std::max_element(memory.begin(), memory.end(),
                                       [](auto& a, auto& b) { return a.total() < b.total(); });
    QCOMPARE(peak->total(), 400000u);
}

void ProfilerTest::a_long_pass_keeps_few_moments_and_the_peak() {
    HostClock clock;
    Profiler profiler(clock);
    const int allocations = 100'000;
    for (int i = 0; i < allocations; ++i) {
        const std::size_t bytes = i == allocations / 3 ? 1000 : 10;
        profiler.allocated(Purpose::activations, MemoryKind::host, bytes);
        profiler.freed(Purpose::activations, MemoryKind::host, bytes);
    }
    const auto memory = profiler.memory(2 * allocations);
    QVERIFY(memory.size() <= std::size_t(1) << 16);
    const auto peak = std::max_element(memory.begin(), memory.end(),
                                       [](auto& a, auto& b) { return a.total() < b.total(); });
    QCOMPARE(peak->total(), 1000u);
    QVERIFY(std::is_sorted(memory.begin(), memory.end(),
                           [](auto& a, auto& b) { return a.seconds < b.seconds; }));
}

void ProfilerTest::a_scope_that_fails_ends_the_watching() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    HostClock clock;
    Profiler profiler(clock);
    try {
        const Watching watching(context, profiler);
        QCOMPARE(context.observer(), static_cast<Observer*>(&profiler));
        throw Error(Failure::out_of_memory, "a step that fails");
    } catch (const Error&) {}
    QVERIFY(!context.observer() && !allocator.observer);
}

namespace {

/// Of a device that falls behind: each mark is passed `step` seconds after the one before it, which
/// is known only when it is asked for.
class SlowClock : public DeviceClock {
public:
    Mark mark() override {
        if (made == fails_at) throw Error(Failure::device, "the device is lost");
        most_kept = std::max(most_kept, ++kept);
        return made++;
    }
    double seconds(Mark from, Mark to) override { return double(to - from) * step; }
    void release(Mark) noexcept override { --kept; }

    double step = 10;
    Mark made = 0, fails_at = ~Mark(0);
    int kept = 0, most_kept = 0;
};

} // namespace

void ProfilerTest::a_region_lasts_as_long_as_the_devices_clock_says() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    SlowClock clock;
    Profiler profiler(clock); // mark 0
    context.watch(&profiler);
    {
        const Region layer(context, "layer");                                // 1 to 6
        for (int i = 0; i < 2; ++i) const Region product(context, "matmul"); // 2 to 3, 4 to 5
    }
    const auto regions = profiler.regions();
    QCOMPARE(regions[0].seconds, 50.0);
    QCOMPARE(regions[0].start_seconds, 10.0);
    QCOMPARE(regions[1].seconds, 20.0);
    QCOMPARE(regions[1].start_seconds, 20.0);
    QCOMPARE(regions[1].calls, 2);
}

void ProfilerTest::marks_are_given_back_and_few_are_kept() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    SlowClock clock;
    {
        Profiler profiler(clock);
        context.watch(&profiler);
        const Region layer(context, "layer");
        for (int i = 0; i < 100000; ++i) const Region product(context, "matmul");
        QCOMPARE(profiler.regions()[1].seconds, 1e6);
        QVERIFY(clock.most_kept < 10000);
        context.watch(nullptr);
    }
    QCOMPARE(clock.kept, 0);
}

void ProfilerTest::a_clock_that_fails_gives_no_figure() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    SlowClock clock;
    clock.fails_at = 4;
    Profiler profiler(clock);
    context.watch(&profiler);
    for (int i = 0; i < 3; ++i) const Region product(context, "matmul");
    QVERIFY_THROWS_EXCEPTION(Error, profiler.regions());
}

void ProfilerTest::an_op_is_told_with_its_type_and_a_number() {
    struct Written : Observer {
        void began(const Work& work) noexcept override { works.push_back(work); }
        void ended() noexcept override {}
        void allocated(Purpose, MemoryKind, std::size_t) noexcept override {}
        void freed(Purpose, MemoryKind, std::size_t) noexcept override {}
        std::vector<Work> works;
    } written;
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    context.watch(&written);
    {
        const Region layer(context, "layer");
        run(Product{}, context);
        run(Sum{}, context);
    }
    QCOMPARE(written.works.size(), 3u);
    QVERIFY(!written.works[0].dtype);
    QCOMPARE(written.works[1].name, "product");
    QVERIFY(written.works[1].dtype == DType::bf16);
    QCOMPARE(written.works[1].cost.flops, 2.0);
    QVERIFY(written.works[2].dtype == DType::f32);
    for (std::size_t i = 0; i < 3; ++i) QCOMPARE(written.works[i].id, i + 1);
}

SWEETSPOT_TEST(ProfilerTest)
#include "profiler_test.moc"

#include "kernels/core/context.h"
#include "profiler/profiler.h"
#include <QtTest>
#include <thread>

using namespace sweetspot;

class ProfilerTest : public QObject {
    Q_OBJECT
private slots:
    void a_path_names_the_regions_around_an_op_and_sums_its_calls();
    void time_inside_counts_for_the_region_around_it();
    void memory_over_time_starts_with_what_is_live_and_follows_the_allocator();
    void merged_moments_keep_the_peak();
};

void ProfilerTest::a_path_names_the_regions_around_an_op_and_sums_its_calls() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    Profiler profiler;
    context.watch(&profiler);
    for (int layer = 0; layer < 2; ++layer) {
        const Region outer(context, "layer " + std::to_string(layer));
        for (int i = 0; i < 3; ++i) const Region op(context, "matmul", {.flops = 10, .bytes = 4});
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

void ProfilerTest::time_inside_counts_for_the_region_around_it() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    Profiler profiler;
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
    Profiler profiler(allocator.use().live);
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
    Profiler profiler;
    allocator.observer = &profiler;
    for (int i = 1; i <= 1000; ++i) const Tensor t(allocator, {i == 500 ? 100000 : i}, DType::f32);
    const auto memory = profiler.memory(10);
    QCOMPARE(memory.size(), 10u);
    const auto peak = std::max_element(memory.begin(), memory.end(),
                                       [](auto& a, auto& b) { return a.total() < b.total(); });
    QCOMPARE(peak->total(), 400000u);
}

QTEST_GUILESS_MAIN(ProfilerTest)
#include "profiler_test.moc"

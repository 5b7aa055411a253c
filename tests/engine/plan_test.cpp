#include "engine/config/catalogue.h"
#include "engine/config/model_files.h"
#include "engine/device/device.h"
#include "engine/tasks/workload.h"
#include "profiler/profiler.h"
#include "tests/engine/files.h"
#include "tests/suite.h"
#include <QElapsedTimer>
#include <QtTest>

using namespace sweetspot;

/// The device plan: predictions are exact, and cost next to nothing.
class PlanTest : public QObject {
    Q_OBJECT

    static MemoryUse used(const RunConfig& config, Stream stream, Allocator& allocator) {
        Context context(stream, allocator);
        const auto work = make_workload(config, context);
        for (std::size_t phase = 0; phase < work->phases().size(); ++phase) work->run_phase(phase);
        return allocator.use();
    }
    static std::string name_of(RunConfig config) {
        std::string name;
        for (const char* field : {"model", "task", "attention", "layout", "precision", "fusion"})
            name += " " + get_field(config, field);
        return name.substr(name.rfind('/') + 1);
    }
    static MemoryUse planned(RunConfig config) {
        PlanAllocator allocator;
        config.device = DeviceKind::plan; // no ids are drawn
        return used(config, PlanStream{.threads = config.threads}, allocator);
    }
    static MemoryUse computed(const RunConfig& config) {
        HostAllocator allocator;
        return used(config, CpuStream{.threads = config.threads}, allocator);
    }

    /// What a plan knows, as text.
    static std::string known(const RunConfig& config) {
        PlanAllocator allocator;
        Context context(PlanStream{.threads = 1}, allocator);
        const auto work = make_workload(config, context);
        HostClock clock;
        Profiler profiler(clock);
        context.watch(&profiler);
        for (std::size_t phase = 0; phase < work->phases().size(); ++phase) work->run_phase(phase);
        context.watch(nullptr);
        const Outcome outcome = work->outcome();
        std::string text;
        const auto add = [&](double value) { text += std::to_string(value) + " "; };
        add(double(allocator.use().peak_total));
        for (const auto bytes : allocator.use().at_peak) add(double(bytes));
        add(profiler.total().flops), add(profiler.total().bytes);
        add(double(outcome.tokens.nominal)), add(double(outcome.tokens.padded));
        add(double(outcome.tokens.computed)), add(double(outcome.scored_tokens));
        return text;
    }

private slots:
    void a_plan_without_ids_knows_what_one_with_ids_knows_data();
    void a_plan_without_ids_knows_what_one_with_ids_knows();
    void a_billion_tokens_are_planned_and_more_than_a_batch_can_hold_refused();
    void predicted_memory_is_what_is_used_data();
    void predicted_memory_is_what_is_used();
    void every_model_is_planned_within_50_ms_data();
    void every_model_is_planned_within_50_ms();
    void flash_needs_activations_in_proportion_to_the_length();
    void naive_attention_stores_all_scores();
    void a_plan_knows_the_tokens_and_no_loss();
    void a_tied_table_is_held_once();
    void a_prompt_beyond_a_window_is_refused_for_a_gpu();
};

void PlanTest::a_plan_without_ids_knows_what_one_with_ids_knows_data() {
    QTest::addColumn<RunConfig>("config");
    const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/";
    for (const std::string& model :
         {golden + "esm2-tiny", golden + "gpt2-tiny", std::string("stories260k")})
        for (const auto task : {Task::forward, Task::perplexity, Task::generate})
            for (const auto layout : {Layout::padded, Layout::bucketed, Layout::ragged})
                for (const std::string lengths : {"uniform:5:60", "esm2-study"})
                    for (const std::int64_t budget : {0, 100}) {
                        RunConfig config{{.model = model, .task = task, .threads = 1},
                                         {.batch = 3,
                                          .sequence = 70,
                                          .token_budget = budget,
                                          .batches = 2,
                                          .lengths = lengths},
                                         {.layout = layout},
                                         {},
                                         {.new_tokens = 4}};
                        const bool causal = model.find("esm2") == model.npos;
                        if (task == Task::generate && !causal) continue;
                        QTest::addRow("%s %s %s", name_of(config).c_str(), lengths.c_str(),
                                      budget ? "budget" : "")
                            << config;
                        if (task != Task::perplexity) continue;
                        config.max_tokens = 90;
                        if (!causal)
                            QTest::addRow("%s %s %s, masked", name_of(config).c_str(),
                                          lengths.c_str(), budget ? "budget" : "")
                                << config;
                        config.pseudo_perplexity = !causal;
                        QTest::addRow("%s %s %s, scored", name_of(config).c_str(), lengths.c_str(),
                                      budget ? "budget" : "")
                            << config;
                    }
}

void PlanTest::a_plan_without_ids_knows_what_one_with_ids_knows() {
    QFETCH(RunConfig, config);
    const std::string with_ids = known(config);
    config.device = DeviceKind::plan;
    QCOMPARE(known(config), with_ids);
}

void PlanTest::a_billion_tokens_are_planned_and_more_than_a_batch_can_hold_refused() {
    RunConfig config{{.model = "esm2-8m", .device = DeviceKind::plan}, {.batch = 1000}};
    config.sequence = 1'000'000;
    PlanAllocator allocator;
    Context context(PlanStream{.threads = 1}, allocator);
    const auto work = make_workload(config, context);
    work->run_phase(0);
    QCOMPARE(work->outcome().tokens.computed, std::int64_t(1'000'000'000));
    config.sequence = 10'000'000;
    try {
        make_workload(config, context)->run_phase(0);
        QFAIL("ten billion tokens are no batch");
    } catch (const Error& error) {
        QCOMPARE(error.what(), "a batch of 10000000000 tokens is more than the 2147483647 that can "
                               "be computed at once");
    }
}

void PlanTest::predicted_memory_is_what_is_used_data() {
    QTest::addColumn<RunConfig>("config");
    const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/";
    for (const std::string& model : {golden + "esm2-tiny", std::string("stories260k")})
        for (const auto attention : {AttentionVariant::naive, AttentionVariant::flash})
            for (const auto layout : {Layout::padded, Layout::bucketed, Layout::ragged})
                for (const auto precision : {Precision::f32, Precision::bf16})
                    for (const auto fusion : {Fusion::none, Fusion::epilogues})
                        for (const auto task : {Task::forward, Task::perplexity, Task::generate}) {
                            const RunConfig config{{.model = model, .task = task, .threads = 1},
                                                   {.batch = 3,
                                                    .sequence = 70,
                                                    .batches = 2,
                                                    .lengths = "uniform:5:60"},
                                                   {.attention = attention,
                                                    .layout = layout,
                                                    .precision = precision,
                                                    .fusion = fusion},
                                                   {},
                                                   {.new_tokens = 4}};
                            const bool decodes = task == Task::generate;
                            if (decodes && model != "stories260k") continue;
                            if (decodes && attention == AttentionVariant::naive) continue;
                            QTest::newRow(name_of(config).c_str()) << config;
                        }
    for (const char* model : {"llama-sharded", "gpt2-tiny", "gpt2-bare"})
        QTest::newRow(model) << RunConfig{
            {.model = golden + model, .weights = golden + model, .threads = 1}, {.sequence = 33}};
    for (const char* model : {"esm2-8m", "fms-micro"})
        QTest::newRow(model) << RunConfig{{.model = model, .threads = 2}, {.sequence = 50}};
    // More rows than go through a step at once, and more than one sequence a group.
    QTest::newRow("large") << RunConfig{{.model = golden + "esm2-tiny", .threads = 2},
                                        {.batch = 7, .sequence = 400}};
    QTest::newRow("kaiming") << RunConfig{{.model = "llama-head-study-5l",
                                           .threads = 2,
                                           .as_published = AsPublished::llm_compression},
                                          {.sequence = 9}};
}

void PlanTest::predicted_memory_is_what_is_used() {
    QFETCH(RunConfig, config);
    const MemoryUse plan = planned(config), use = computed(config);
    QCOMPARE(plan.peak_total, use.peak_total);
    QCOMPARE(plan.peak, use.peak);
    QCOMPARE(plan.at_peak, use.at_peak);
    QVERIFY(use.peak_total > 0);
}

void PlanTest::every_model_is_planned_within_50_ms_data() {
    QTest::addColumn<QString>("model");
    for (const auto& name : model_names()) QTest::newRow(name.c_str()) << name.c_str();
}

void PlanTest::every_model_is_planned_within_50_ms() {
    QFETCH(QString, model);
    qint64 fastest = std::numeric_limits<qint64>::max(); // of three, so that a busy machine passes
    for (int i = 0; i < 3; ++i) {
        QElapsedTimer clock;
        clock.start();
        const auto use =
            planned({{.model = model.toStdString(), .threads = 2}, {.batch = 16, .sequence = 512}});
        QVERIFY(use.peak_total > 0);
        fastest = std::min(fastest, clock.elapsed());
    }
    QVERIFY2(fastest <= 50, qPrintable(QString("%1 ms").arg(fastest)));
}

void PlanTest::flash_needs_activations_in_proportion_to_the_length() {
    const auto activations = [](int sequence) {
        const RunConfig config{{.model = "esm2-8m", .threads = 2}, {.sequence = sequence}};
        return double(planned(config).peak[std::size_t(Purpose::activations)]);
    };
    QVERIFY(activations(16384) / activations(4096) < 4.01);
    QVERIFY(activations(16384) / activations(4096) > 3.5);
}

void PlanTest::naive_attention_stores_all_scores() {
    RunConfig config{{.model = "esm2-8m", .threads = 2}, {.batch = 4, .sequence = 512}};
    const auto flash = planned(config).peak[std::size_t(Purpose::activations)];
    config.attention = AttentionVariant::naive;
    const auto naive = planned(config).peak[std::size_t(Purpose::activations)];
    QVERIFY(naive - flash > 4u * 20 * 512 * 512 * 4); // batch, heads, queries, keys, bytes
}

void PlanTest::a_plan_knows_the_tokens_and_no_loss() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    const auto work = make_workload(
        {{.model = "gpt3-175b", .task = Task::perplexity}, {.batch = 2, .sequence = 10}}, context);
    work->run_phase(0);
    QCOMPARE(work->outcome().tokens.computed, std::int64_t(20));
    QCOMPARE(work->outcome().scored_tokens, std::int64_t(18));
    QVERIFY(!work->outcome().loss_nats);
    QCOMPARE(work->parameters(), std::int64_t(175'209'234'432));
}

void PlanTest::a_tied_table_is_held_once() {
    const RunConfig config{{.model = "gpt2", .threads = 1}, {.batch = 1, .sequence = 8}};
    const double parameters = double(parameter_count(load_model_config("gpt2")));
    for (const bool gpu : {false, true}) {
        PlanAllocator allocator;
        const auto use = used(config, PlanStream{.threads = 1, .gpu = gpu}, allocator);
        const double bytes = double(use.peak[std::size_t(Purpose::weights)]) / parameters;
        QVERIFY2(bytes >= 4 && bytes < 4.01, qPrintable(QString::number(bytes)));
    }
}

void PlanTest::a_prompt_beyond_a_window_is_refused_for_a_gpu() {
    const QTemporaryDir folder;
    ModelConfig model = load_model_config("fms-micro"); // whose ids are bytes
    model.window = 8;
    RunConfig run;
    run.model = folder.filePath("windowed.json").toStdString();
    files::written(run.model, dump(fields_of(model)));
    run.task = Task::generate, run.device = DeviceKind::plan;
    run.tokenizer = "bytes", run.prompt = "twelve bytes", run.new_tokens = 2;
    const auto refusal = [&] {
        return files::error_of([&] {
            DeviceContext device(run);
            make_workload(run, device.context());
        });
    };
    run.plan_for = PlanFor::cuda;
    QVERIFY2(refusal().endsWith("tokens, sequences up to 14"), qPrintable(refusal()));
    run.plan_for = PlanFor::cpu;
    QCOMPARE(refusal(), QString("no error"));
}

SWEETSPOT_TEST(PlanTest)
#include "plan_test.moc"

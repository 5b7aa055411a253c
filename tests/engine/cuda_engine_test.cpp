// Whole models on the device cuda, whose kernels run on the CPU under the emulation.
#include "engine/device/device.h"
#include "kernels/emulation/block.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/transfer.h"
#include "tests/engine/files.h"
#include "tests/engine/golden.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>
#include <bit>
#include <random>

using namespace sweetspot;
using files::error_of;

namespace {

constexpr int steps = 3; // as it is, recorded, repeated

/// What a run of some steps found out, and what memory it took.
struct Found {
    std::vector<std::string> texts{};
    std::vector<double> losses{};
    Outcome outcome{};
    DeviceTotals totals{};
};

Found run_of(const RunConfig& config) {
    DeviceContext device(config);
    const auto work = make_workload(config, device.context());
    Found y;
    for (int step = 0; step < steps; ++step) {
        for (std::size_t phase = 0; phase < work->phases().size(); ++phase) work->run_phase(phase);
        y.outcome = work->outcome();
        y.texts.push_back(y.outcome.text);
        y.losses.push_back(y.outcome.loss_nats.value_or(0));
    }
    y.totals = device.totals();
    return y;
}

RunConfig planned(RunConfig config) {
    config.plan_for = config.device == DeviceKind::cuda ? PlanFor::cuda : PlanFor::cpu;
    config.device = DeviceKind::plan;
    return config;
}

RunConfig on_cpu(RunConfig config) {
    config.device = DeviceKind::cpu;
    config.threads = 1;
    config.precision = Precision::f32;
    config.launch = LaunchMode::eager;
    config.weight_memory = WeightMemory::device;
    config.prefetch = Prefetch::none;
    config.memory_advice = MemoryAdvice::none;
    if (config.attention == AttentionVariant::vendor) config.attention = AttentionVariant::flash;
    if (config.fusion > Fusion::epilogues) config.fusion = Fusion::epilogues;
    return config;
}

/// What two predictions and runs of the same work must have alike.
void compare_ledgers(const DeviceTotals& plan, const DeviceTotals& run) {
    QCOMPARE(plan.memory.peak_total, run.memory.peak_total);
    QCOMPARE(plan.memory.peak, run.memory.peak);
    QCOMPARE(plan.memory.at_peak, run.memory.at_peak);
    QCOMPARE(plan.memory.live, run.memory.live);
    QCOMPARE(plan.host_peak, run.host_peak);
    QCOMPARE(plan.pinned_peak, run.pinned_peak);
}

/// Logits of the real tokens of all sequences, by the steps that a graph may record; of the last
/// of several steps.
std::vector<std::vector<float>> logits_on(const RunConfig& config, const Batch& batch) {
    DeviceContext device(config);
    Context& context = device.context();
    const ModelConfig model_config = load_model_config(config.model);
    Model model(model_config, config, weights_for(config, model_config, context).weights,
                int(batch.longest()), context);
    const InputRows input = lay_out(batch, config.layout, 32); // ESM-2's <mask>
    const auto width = std::size_t(model_config.vocabulary);
    const Tensor all(context.allocator, {input.rows(), std::int64_t(width)}, DType::f32);
    std::vector<float> values(std::size_t(input.rows()) * width);
    for (int step = 0; step < steps; ++step) {
        model.stage(input);
        context.replay(model.staged_key("logits"), [&] {
            Residual stream = model.encode_staged();
            model.each_logits(stream, [&](std::int64_t first, In y) {
                run(Convert{.x = y, .y = rows(all.out(), first, y.shape[0])}, context);
            });
        });
    }
    run(Download{.x = all, .y = {values.data(), all.shape(), DType::f32}}, context);
    context.synchronize();
    std::vector<std::vector<float>> y;
    for (int s = 0; s < input.segments.count(); ++s) {
        const auto first =
            values.begin() +
            std::ptrdiff_t(std::size_t(input.segments.offsets[std::size_t(s)]) * width);
        y.emplace_back(
            first,
            first + std::ptrdiff_t(std::size_t(input.segments.lengths[std::size_t(s)]) * width));
    }
    return y;
}

void set(RunConfig& config, const QString& fields) {
    for (const QString& field : fields.split(' ', Qt::SkipEmptyParts)) {
        const auto parts = field.split('=');
        QVERIFY2(set_field(config, parts[0].toStdString(), parts[1].toStdString()),
                 qPrintable(field));
    }
}

} // namespace

class CudaEngineTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    std::map<QString, std::string> models_;

    /// Small models of each family whose tokens are bytes, so that their texts tell the ids.
    void write_model(const QString& name, const std::string& fields, int heads = 4) {
        models_[name] = files::written(
            folder_.filePath(name + ".json").toStdString(),
            R"({"layers": 4, "width": 32, "positions": 96, "init_range": 0.3, "heads": )" +
                std::to_string(heads) + ", " + fields + "}");
    }

    RunConfig config_of(const QString& model, const QString& fields = {}) {
        RunConfig config{{.model = models_.at(model), .device = DeviceKind::cuda},
                         {.batch = 3, .sequence = 11, .lengths = "uniform:3:11"},
                         {},
                         {},
                         {.new_tokens = 5, .temperature = 0.8}};
        set(config, fields);
        return config;
    }
    std::size_t weight_bytes(const RunConfig& config) {
        DeviceContext device(planned(config));
        const auto work = make_workload(planned(config), device.context());
        return device.totals().memory.live[std::size_t(Purpose::weights)];
    }

private slots:
    void initTestCase();
    void init() { emulation::set_order({emulation::Order::forward}); }
    void logits_are_the_cpus_data();
    void logits_are_the_cpus();
    void losses_are_the_cpus_data();
    void losses_are_the_cpus();
    void texts_are_the_cpus_data();
    void texts_are_the_cpus();
    void launches_and_memory_change_no_bit_data();
    void launches_and_memory_change_no_bit();
    void predicted_memory_is_what_is_used_data();
    void predicted_memory_is_what_is_used();
    void a_graph_serves_all_tokens_and_batches_of_a_shape();
    void batches_of_as_many_rows_but_other_sequences_have_other_graphs();
    void weights_that_stream_are_copied_in_each_step();
    void a_budget_below_one_block_is_refused();
    void a_weight_in_blocks_beyond_a_panel_is_whole();
    void memory_beyond_the_limit_is_refused();
    void an_unknown_gpu_is_refused();
    void a_library_that_is_missing_fails_one_run();
};

void CudaEngineTest::initTestCase() {
    const std::string bytes = R"("vocabulary": 256, )";
    write_model("gpt2", bytes + R"("family": "gpt2", "mlp_width": 64, "position": "learned",
        "mlp": "gelu_tanh", "causal": true, "bias": true, "tied_head": true)");
    write_model("llama", bytes + R"("family": "llama", "mlp_width": 48, "kv_heads": 2,
        "norm": "rms", "mlp": "swiglu", "causal": true)");
    write_model("llama of one head", bytes + R"("family": "llama", "mlp_width": 64, "kv_heads": 1,
        "norm": "rms", "mlp": "swiglu", "causal": true)",
                1);
    write_model("esm2", R"("vocabulary": 33, "family": "esm2", "mlp_width": 64, "head": "masked",
        "bias": true, "tied_head": true, "token_dropout": true)");
}

void CudaEngineTest::logits_are_the_cpus_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("fields");
    int row = 0;
    for (const char* model : {"esm2-tiny", "esm2-head24", "llama-tiny", "gpt2-tiny"})
        for (const char* attention : {"naive", "flash"})
            for (const char* layout : {"padded", "ragged"})
                for (const char* precision : {"f32", "tf32", "bf16", "f16"}) {
                    const char* fusion = (row ^ row / 4) % 2 ? "none" : "epilogues";
                    const char* launch = row++ / 2 % 2 ? "graph" : "eager";
                    QTest::addRow("%s %s %s %s %s %s", model, attention, layout, precision, fusion,
                                  launch)
                        << model
                        << QString("attention=%1 layout=%2 precision=%3 fusion=%4 launch=%5")
                               .arg(attention, layout, precision, fusion, launch);
                }
    for (const char* model : {"esm2-tiny", "llama-tiny", "gpt2-tiny"})
        for (const char* format : {"int8", "int4", "nf4", "nf4_dq", "q4_0", "q5_1"})
            for (const char* fields : {"precision=f32 launch=graph", "precision=bf16"})
                QTest::addRow("%s %s %s", model, format, fields)
                    << model << QString("weight_format=%1 %2").arg(format, fields);
    for (const char* model : {"esm2-tiny", "llama-tiny", "gpt2-tiny"})
        for (const char* fields : {"precision=bf16 layout=padded launch=graph",
                                   "precision=f16 layout=ragged launch=eager"})
            QTest::addRow("%s attention_projection %s", model, fields)
                << model << QString("fusion=attention_projection %1").arg(fields);
}
void CudaEngineTest::logits_are_the_cpus() {
    QFETCH(QString, model);
    QFETCH(QString, fields);
    const std::string folder = golden::folder(model.toStdString());
    RunConfig config{{.model = folder, .weights = folder, .device = DeviceKind::cuda}};
    set(config, fields);
    Batch batch = golden::Outputs(model.toStdString()).sequences();
    batch.rows.resize(3);
    const auto found = logits_on(config, batch), expected = logits_on(on_cpu(config), batch);
    QCOMPARE(found.size(), std::size_t(3));
    const std::map<Precision, double> allowed = {{Precision::f32, 2e-5},
                                                 {Precision::tf32, 1e-2},
                                                 {Precision::bf16, 4e-2},
                                                 {Precision::f16, 6e-3}};
    for (std::size_t s = 0; s < found.size(); ++s) {
        const auto off = golden::difference(found[s], expected[s]);
        QVERIFY2(
            off.relative <= allowed.at(config.precision),
            qPrintable(QString("sequence %1: off by %2 of the largest").arg(s).arg(off.relative)));
    }
}

void CudaEngineTest::losses_are_the_cpus_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("fields");
    const auto row = [](const char* model, const char* fields) {
        QTest::addRow("%s %s", model, fields) << model << fields;
    };
    for (const char* fields : {"layout=padded", "layout=bucketed batches=3 launch=graph",
                               "layout=ragged attention=naive", "layout=ragged batches=2"})
        for (const char* model : {"gpt2", "llama", "esm2"}) row(model, fields);
    row("esm2", "pseudo_perplexity=true batch=2 launch=graph");
    for (const char* model : {"gpt2", "llama"}) row(model, "kv_cache_format=f32");
    for (const char* format : {"q8_0", "q4_0"})
        row("llama of one head", qPrintable(QString("kv_cache_format=%1").arg(format)));
    for (const char* fusion : {"none", "epilogues", "dropout_norm"})
        row("gpt2", qPrintable(QString("dropout=0.2 fusion=%1").arg(fusion)));
    for (const char* model : {"gpt2", "llama", "esm2"})
        for (const char* fields : {"fusion=attention_norm", "fusion=mlp_norm layout=ragged"})
            row(model, fields);
    for (const char* study : {"attention_norm", "mlp_norm", "attention_projection"})
        row("gpt2", qPrintable(QString("as_published=%1 fusion=none").arg(study)));
}
void CudaEngineTest::losses_are_the_cpus() {
    QFETCH(QString, model);
    QFETCH(QString, fields);
    const RunConfig config = config_of(model, "task=perplexity " + fields);
    const Found found = run_of(config), expected = run_of(on_cpu(config));
    QCOMPARE(found.outcome.scored_tokens, expected.outcome.scored_tokens);
    QVERIFY(found.outcome.scored_tokens > 0);
    for (const double loss : found.losses) {
        QCOMPARE(loss, found.losses[0]);
        QVERIFY2(std::abs(loss - expected.losses[0]) <= 1e-5 * expected.losses[0],
                 qPrintable(QString("%1 instead of %2").arg(loss).arg(expected.losses[0])));
    }
}

void CudaEngineTest::texts_are_the_cpus_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("fields");
    for (const char* model : {"gpt2", "llama"})
        for (const char* fields : {"layout=padded", "layout=ragged launch=graph",
                                   "layout=bucketed launch=graph", "temperature=0 fusion=none"})
            QTest::addRow("%s %s", model, fields) << model << fields;
    for (const char* fields :
         {"weight_format=q4_0", "weight_format=q8_0 launch=graph", "kv_cache_format=q8_0",
          "kv_cache_format=q4_0 launch=graph", "kv_cache_format=bf16 weight_format=q5_0"})
        QTest::addRow("llama of one head %s", fields) << "llama of one head" << fields;
}
void CudaEngineTest::texts_are_the_cpus() {
    QFETCH(QString, model);
    QFETCH(QString, fields);
    const RunConfig config = config_of(model, "task=generate tokenizer=bytes " + fields);
    const Found found = run_of(config), expected = run_of(on_cpu(config));
    QCOMPARE(expected.texts[0].size(), std::size_t(3 * config.new_tokens + 2));
    for (const std::string& text : found.texts) QCOMPARE(text, expected.texts[0]);
}

void CudaEngineTest::launches_and_memory_change_no_bit_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("fields");
    for (const char* fields :
         {"launch=graph", "weight_memory=managed", "weight_memory=managed launch=graph",
          "weight_memory=managed prefetch=on_use prefetch_streams=5 memory_advice=read_mostly",
          "weight_memory=managed prefetch=lookahead prefetch_depth=3",
          "weight_memory=managed prefetch=lookahead prefetch_streams=0",
          "weight_memory=streamed weight_budget_bytes=0.7",
          "weight_memory=streamed "
          "weight_budget_bytes=0.8 prefetch_streams=1 prefetch_depth=1",
          "weight_memory=streamed weight_budget_bytes=2"})
        for (const char* model : {"gpt2", "llama"})
            QTest::addRow("%s %s", model, fields) << model << fields;
}
void CudaEngineTest::launches_and_memory_change_no_bit() {
    QFETCH(QString, model);
    QFETCH(QString, fields);
    const QString task = model == "gpt2" ? "task=perplexity layout=ragged batches=2"
                                         : "task=generate tokenizer=bytes precision=bf16";
    const RunConfig usual = config_of(model, task);
    RunConfig config = config_of(model, task + " " + fields);
    config.weight_budget_bytes *= double(weight_bytes(usual)); // given as a share
    const Found expected = run_of(usual);
    for (const auto order : {emulation::Order::forward, emulation::Order::reverse}) {
        emulation::set_order({order});
        const Found found = run_of(config);
        QCOMPARE(found.texts, expected.texts);
        QCOMPARE(found.losses, expected.losses);
        const bool graph = config.launch == LaunchMode::graph;
        QCOMPARE(found.totals.graphs_recorded > 0, graph);
        QCOMPARE(found.totals.graphs_launched > found.totals.graphs_recorded, graph);
    }
}

void CudaEngineTest::predicted_memory_is_what_is_used_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("fields");
    const QStringList choices = {"",
                                 "attention=naive fusion=none",
                                 "precision=bf16 layout=ragged launch=graph",
                                 "precision=f16 weight_memory=managed",
                                 "precision=bf16 fusion=attention_projection",
                                 "precision=bf16 fusion=mlp_norm",
                                 "precision=tf32 weight_memory=streamed weight_budget_bytes=0.8"};
    for (const char* task : {"forward", "perplexity", "generate"})
        for (int i = 0; i < choices.size(); ++i) {
            const bool generates = task == QString("generate");
            if (generates &&
                (choices[i].contains("attention=") || choices[i].contains("attention_projection")))
                continue;
            const char* model = std::array{"gpt2", "llama", "esm2"}[i % (generates ? 2 : 3)];
            QTest::addRow("%s %s %s", model, task, qPrintable(choices[i]))
                << model << QString("task=%1 batches=2 %2").arg(task, choices[i]);
        }
    for (const char* fields :
         {"task=forward precision=bf16 weight_format=q4_0",
          "task=forward weight_format=q8_0 weight_memory=streamed weight_budget_bytes=0.8",
          "task=perplexity precision=f16 weight_format=q5_1 kv_cache_format=q8_0",
          "task=generate precision=bf16 weight_format=q4_0 kv_cache_format=q4_0 launch=graph",
          "task=generate precision=bf16 weight_format=q8_0 kv_cache_format=f32"})
        QTest::addRow("llama of one head %s", fields) << "llama of one head" << fields;
    QTest::newRow("esm2 pseudo") << "esm2"
                                 << "task=perplexity pseudo_perplexity=true";
    QTest::newRow("as published") << "gpt2"
                                  << "as_published=attention_norm";
}
void CudaEngineTest::predicted_memory_is_what_is_used() {
    QFETCH(QString, model);
    QFETCH(QString, fields);
    RunConfig config = config_of(model, fields);
    if (config.weight_memory == WeightMemory::streamed) {
        RunConfig resident = config;
        resident.weight_memory = WeightMemory::device;
        config.weight_budget_bytes *= double(weight_bytes(resident));
    }
    const Found plan = run_of(planned(config)), found = run_of(config);
    compare_ledgers(plan.totals, found.totals);
    QVERIFY(found.totals.memory.peak_total > 0);
    QVERIFY(found.totals.pool.peak_reserved >= 0.5 * double(found.totals.memory.peak_total));
    QCOMPARE(plan.outcome.tokens.computed, found.outcome.tokens.computed);
    QCOMPARE(plan.outcome.moved_bytes, found.outcome.moved_bytes);
}

void CudaEngineTest::a_graph_serves_all_tokens_and_batches_of_a_shape() {
    const Found text = run_of(config_of("llama", "task=generate tokenizer=bytes launch=graph"));
    QCOMPARE(text.totals.graphs_recorded, 2); // the prefill and all decodes
    QCOMPARE(text.totals.graphs_launched, (steps - 1) + (steps * 4 - 1));
    const Found alike =
        run_of(config_of("llama", "task=perplexity launch=graph batches=4 lengths=fixed"));
    QCOMPARE(alike.totals.graphs_recorded, 1);
    QCOMPARE(alike.totals.graphs_launched, steps * 4 - 1);
    const Found ragged =
        run_of(config_of("llama", "task=forward launch=graph batches=4 layout=ragged"));
    QCOMPARE(ragged.totals.graphs_recorded, 4);
}

void CudaEngineTest::batches_of_as_many_rows_but_other_sequences_have_other_graphs() {
    const auto lengths = files::written(folder_.filePath("lengths").toStdString(), "3\n8\n");
    RunConfig config = config_of("llama", "task=perplexity batch=2 batches=6 layout=ragged");
    config.lengths = "file:" + lengths;
    const Found eager = run_of(config);
    config.launch = LaunchMode::graph;
    const Found graph = run_of(config);
    QCOMPARE(graph.losses, eager.losses);
    QCOMPARE(graph.totals.graphs_recorded, 2); // 3 and 8 tokens, 8 and 3
}

void CudaEngineTest::weights_that_stream_are_copied_in_each_step() {
    RunConfig config = config_of("gpt2");
    const double all = double(weight_bytes(config));
    QCOMPARE(run_of(config).outcome.moved_bytes, std::int64_t(0));
    config.weight_memory = WeightMemory::streamed;
    config.weight_budget_bytes = 0.7 * all;
    const Found found = run_of(config);
    QVERIFY(found.outcome.moved_bytes > 0.1 * all && found.outcome.moved_bytes < all);
    QVERIFY(found.totals.memory.peak[std::size_t(Purpose::weights)] <= config.weight_budget_bytes);
    QVERIFY(found.totals.pinned_peak > 0);
    config.weight_budget_bytes = 2 * all;
    QCOMPARE(run_of(config).outcome.moved_bytes, std::int64_t(0)); // all stay
}

void CudaEngineTest::a_budget_below_one_block_is_refused() {
    const auto config = config_of("gpt2", "weight_memory=streamed weight_budget_bytes=1000");
    QVERIFY(
        error_of([&] { run_of(config); }).startsWith("bad_input: streamed weights need at least "));
}

/// Rows so long that a panel has 64 of them.
void CudaEngineTest::a_weight_in_blocks_beyond_a_panel_is_whole() {
    constexpr std::int64_t n = 70, k = std::int64_t(MatMul::gpu_panel_bytes) / 64 / 4;
    constexpr std::int64_t m = MatMul::gpu_few_rows + 1;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> x(std::size_t(m * k)), numbers(std::size_t(n * k)), bias(n);
    for (auto* all : {&x, &numbers, &bias})
        for (float& one : *all) one = normal(random);
    const auto product = [&](const RunConfig& config) {
        DeviceContext device(config);
        Context& context = device.context();
        const auto uploaded = [&](const std::vector<float>& from, const Shape& shape) {
            Tensor y(context.allocator, shape, DType::f32);
            run(Upload{.x = {from.data(), shape, DType::f32}, .y = y}, context);
            return y;
        };
        const Tensor a = uploaded(x, {m, k}), b = uploaded(bias, {n});
        const Tensor packed(context.allocator, packed_shape(WeightFormat::q8_0, n, k, DType::f32),
                            DType::u8);
        run(PackWeight{.sources = {{numbers.data(), {n, k}, DType::f32}},
                       .packed = packed,
                       .format = WeightFormat::q8_0},
            context);
        const Tensor c(context.allocator, {m, n}, DType::f32);
        const MatMul op{.a = a,
                        .weight = {.data = packed, .n = n, .k = k, .format = WeightFormat::q8_0},
                        .bias = b,
                        .c = c,
                        .activation = Activation::silu};
        if (op.gpu_panel_rows() != 64) qFatal("a panel has other rows");
        run(op, context);
        std::vector<float> y(std::size_t(m * n));
        run(Download{.x = c, .y = {y.data(), c.shape(), DType::f32}}, context);
        context.synchronize();
        return y;
    };
    RunConfig config{{.device = DeviceKind::cuda}};
    const auto found = product(config), expected = product(on_cpu(config));
    QVERIFY(golden::difference(found, expected).relative < 1e-5);
}

void CudaEngineTest::memory_beyond_the_limit_is_refused() {
    const auto config = config_of("gpt2", "memory_limit_bytes=100000");
    QVERIFY(error_of([&] { run_of(config); }).startsWith("out_of_memory: "));
}

void CudaEngineTest::an_unknown_gpu_is_refused() {
    const QString said = error_of([&] { run_of(config_of("gpt2", "gpu=7")); });
    QVERIFY2(said.startsWith("device: "), qPrintable(said));
}

void CudaEngineTest::a_library_that_is_missing_fails_one_run() {
    const auto config = config_of("gpt2", "attention=vendor precision=bf16");
    const QString said = error_of([&] { run_of(config); });
    QVERIFY2(said.startsWith("unsupported: ") && said.contains("cuDNN"), qPrintable(said));
    QCOMPARE(error_of([&] { run_of(config_of("gpt2")); }), "no error");
}

SWEETSPOT_TEST(CudaEngineTest)
#include "cuda_engine_test.moc"

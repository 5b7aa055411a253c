// Steps of training on the device cuda, whose kernels run on the CPU under the emulation: held
// against the CPU's own, recorded as graphs, in f16, and with what is left in pinned memory.
#include "kernels/emulation/block.h"
#include "tests/engine/files.h"
#include "tests/engine/training_support.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

namespace {

void set(RunConfig& config, const QString& fields) {
    for (const QString& field : fields.split(' ', Qt::SkipEmptyParts)) {
        const auto parts = field.split('=');
        QVERIFY2(set_field(config, parts[0].toStdString(), parts[1].toStdString()),
                 qPrintable(field));
    }
}

RunConfig planned(RunConfig run) {
    run.device = DeviceKind::plan, run.plan_for = PlanFor::cuda;
    return run;
}

} // namespace

class CudaTrainTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    std::map<QString, std::string> models_;

    std::string classes_, numbers_; ///< tables of proteins

    /// Small models of each family, for an emulation; "deep" ones have more blocks than the room
    /// that their gradients pass through.
    void write_model(const QString& name, const std::string& fields) {
        for (const int layers : {2, 3}) {
            const QString one = layers == 3 ? "deep " + name : name;
            models_[one] = files::written(
                folder_.filePath(one + ".json").toStdString(),
                R"({"width": 16, "heads": 2, "positions": 64, "init_range": 0.3, "layers": )" +
                    std::to_string(layers) + ", " + fields + "}");
        }
    }

    void write_tables() {
        std::string rows_of[2];
        for (int row = 0; row < 12; ++row) {
            const int a = row % 5, length = 6 + row % 3;
            const std::string start = std::string(std::size_t(a), 'A') +
                                      std::string(std::size_t(length - a), "KLV"[row % 3]) + ",",
                              split = row % 4 == 3   ? ",test,\n"
                                      : row % 4 == 2 ? ",train,True\n"
                                                     : ",train,\n";
            rows_of[0] += start + (row % 2 ? "in" : "out") + split;
            rows_of[1] += start + std::to_string(a) + split;
        }
        const std::string head = "sequence,target,set,validation\n";
        classes_ = files::written(folder_.filePath("classes.csv").toStdString(), head + rows_of[0]);
        numbers_ = files::written(folder_.filePath("numbers.csv").toStdString(), head + rows_of[1]);
    }

    /// Batches of one shape, so that a step that was recorded serves the next.
    RunConfig config_of(const QString& model, const QString& fields) {
        RunConfig run = tiny_run();
        run.model = models_.at(model);
        run.device = DeviceKind::cuda;
        run.batch = 2, run.batches = 2, run.lengths = "fixed", run.sequence = 6, run.steps = 3;
        set(run, fields);
        return run;
    }

private slots:
    void initTestCase() {
        const std::string vocabulary = R"("vocabulary": 64, )";
        write_model("gpt2", vocabulary + R"("family": "gpt2", "mlp_width": 32,
            "position": "learned", "mlp": "gelu_tanh", "causal": true, "bias": true,
            "tied_head": true)");
        write_model("llama", vocabulary + R"("family": "llama", "mlp_width": 24, "kv_heads": 1,
            "norm": "rms", "mlp": "swiglu", "causal": true)");
        models_["llama of blocks"] =
            files::written(folder_.filePath("blocks.json").toStdString(),
                           R"({"layers": 2, "width": 64, "heads": 2, "positions": 64,
            "init_range": 0.1, "vocabulary": 64, "family": "llama", "mlp_width": 64,
            "norm": "rms", "mlp": "swiglu", "causal": true})");
        write_model("qwen3", vocabulary + R"("family": "llama", "mlp_width": 24, "kv_heads": 1,
            "norm": "rms", "mlp": "swiglu", "causal": true, "qk_norm": true)");
        write_model("llama of heads", vocabulary + R"("family": "llama", "mlp_width": 24,
            "norm": "rms", "mlp": "swiglu", "causal": true, "head_mlp": "per_head")");
        write_model("esm2", R"("vocabulary": 33, "family": "esm2", "mlp_width": 32,
            "head": "masked", "bias": true, "tied_head": true, "token_dropout": true)");
        write_tables();
    }
    void init() { emulation::set_order({emulation::Order::forward}); }

    void steps_are_the_cpus_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("fields");
        const auto row = [](const char* model, const QString& fields) {
            QTest::addRow("%s %s", model, qPrintable(fields.section("data=", 0, 0)))
                << model << fields;
        };
        const char* half = "precision=f16 fusion=dropout_norm loss_scale=1024"; // no overflow
        for (const char* model : {"gpt2", "esm2"}) row(model, "layout=ragged");
        for (const char* model : {"llama", "esm2"}) row(model, "precision=bf16 recompute=full");
        for (const char* model : {"gpt2", "llama"}) row(model, half);
        row("qwen3", "layout=ragged");
        row("qwen3", "precision=bf16 recompute=full lora_rank=4");
        row("qwen3",
            "precision=f16 loss_scale=1024 launch=graph attention=naive learning_rate=0.001");
        row("llama", "attention=naive layout=ragged");
        row("esm2", "attention=naive precision=bf16 recompute=full");
        row("gpt2", "attention=naive precision=f16 loss_scale=1024 launch=graph");
        for (const char* model : {"llama", "esm2"})
            row(model, "lora_rank=4 lora_dropout=0.2 fusion=none");
        row("llama of blocks", "lora_rank=2 weight_format=nf4");
        row("llama of blocks", "lora_rank=2 weight_format=nf4_dq recompute=full");
        row("llama of blocks", "lora_rank=2 weight_format=nf4_dq precision=bf16 launch=graph "
                               "lora_targets=q_proj+v_proj");
        row("gpt2", "prune=magnitude sparsity=0.7");
        row("llama", "prune=magnitude prune_scope=global prune_steps=2 prune_every=1");
        const auto of_table = [&](const char* fields, const std::string& data) {
            row("esm2", QString(fields) +
                            "learn=target batch=3 dropout=0 data=" + QString::fromStdString(data));
        };
        for (const auto& data : {classes_, numbers_}) of_table("", data);
        of_table("precision=f16 launch=graph ", classes_);
        of_table("lora_rank=4 ", numbers_);
    }
    void steps_are_the_cpus() {
        QFETCH(QString, model);
        QFETCH(QString, fields);
        const RunConfig run = config_of(model, "steps=3 dropout=0.1 lengths=uniform:6:14 "
                                               "sequence=14 " +
                                                   fields);
        RunConfig plain = run;
        plain.device = DeviceKind::cpu, plain.threads = 1, plain.precision = Precision::f32;
        plain.attention = AttentionVariant::flash;
        plain.launch = LaunchMode::eager, plain.fusion = std::min(run.fusion, Fusion::epilogues);
        const Trained gpu = run_of(run), cpu = run_of(plain), plan = run_of(planned(run));
        const auto &found = gpu.series.at("train_loss"), &expected = cpu.series.at("train_loss");
        const double limit = run.precision == Precision::bf16  ? 0.05
                             : run.precision == Precision::f16 ? 0.01
                                                               : 1e-4;
        for (std::size_t i = 0; i < 3; ++i)
            QVERIFY2(
                std::abs(found[i] - expected[i]) < limit,
                qPrintable(QString("step %1: %2, not %3").arg(i).arg(found[i]).arg(expected[i])));
        QVERIFY(found[0] != found[2]);
        QCOMPARE(gpu.predicted.has_value(), run.learn == Learn::target);
        if (gpu.predicted) {
            QCOMPARE(gpu.predicted->classes, cpu.predicted->classes);
            for (std::size_t i = 0; i < gpu.predicted->numbers.size(); ++i)
                QVERIFY(std::abs(gpu.predicted->numbers[i] - cpu.predicted->numbers[i]) <
                        5 * limit);
        }
        QCOMPARE(plan.totals.memory.peak_total, gpu.totals.memory.peak_total);
        QCOMPARE(plan.totals.memory.peak, gpu.totals.memory.peak);
    }

    void a_recorded_step_is_the_same_to_the_bit_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("fields");
        const auto row = [](const char* model, const char* fields) {
            QTest::addRow("%s %s", model, fields) << model << fields;
        };
        row("llama", "");
        row("gpt2", "dropout=0.2 schedule=cosine warmup_steps=2");
        row("gpt2", "dropout=0.2 fusion=dropout_norm recompute=full");
        row("esm2", "accumulation=2 fusion=none validation=0.5 batches=4");
        row("llama of heads", "precision=bf16 master_weights=false");
        row("llama", "precision=f16 loss_scale_steps=2 steps=4");
        row("gpt2", "optimizer=sgd momentum=0.9 decay=all clip=0.1");
        row("esm2", "lora_rank=4 lora_dropout=0.3 weight_decay=0.1");
        row("llama", "precision=bf16 lora_rank=4 dropout=0.1 recompute=selective");
    }
    void a_recorded_step_is_the_same_to_the_bit() {
        QFETCH(QString, model);
        QFETCH(QString, fields);
        const RunConfig eager = config_of(model, fields);
        RunConfig recorded = eager;
        recorded.launch = LaunchMode::graph;
        const Trained expected = run_of(eager), found = run_of(recorded);
        for (const char* metric : {"train_loss", "gradient_norm", "learning_rate"})
            QCOMPARE(found.series.at(metric), expected.series.at(metric));
        const auto& losses = found.series.at("train_loss");
        QVERIFY(losses.front() != losses.back());
        QCOMPARE(found.outcome.loss_nats, expected.outcome.loss_nats);
        QCOMPARE(expected.totals.graphs_recorded, 0);
        const bool rescaled = eager.precision == Precision::f16; // each scale has its own
        QCOMPARE(found.totals.graphs_recorded, rescaled ? 2 : 1);
        QCOMPARE(found.totals.graphs_launched, 2);
        const DeviceTotals plan = run_of(planned(recorded)).totals;
        QCOMPARE(plan.memory.peak, found.totals.memory.peak);
        QCOMPARE(plan.memory.peak_total, found.totals.memory.peak_total);
        QCOMPARE(plan.memory.peak_total, expected.totals.memory.peak_total);
    }

    void tokens_masked_by_themselves_share_recorded_steps() {
        RunConfig run = config_of("esm2", "masking=bernoulli sequence=48 mask_fraction=0.3 "
                                          "batches=4 steps=7 learning_rate=1e-3");
        run.layout = Layout::padded;
        const Trained eager = run_of(run);
        run.launch = LaunchMode::graph;
        const Trained graph = run_of(run);
        for (std::size_t i = 0; i < 7; ++i)
            QVERIFY(std::abs(graph.series.at("train_loss")[i] - eager.series.at("train_loss")[i]) <
                    1e-5);
        QVERIFY(graph.totals.graphs_launched >= 3);
        QCOMPARE(run_of(planned(run)).totals.memory.peak, graph.totals.memory.peak);
    }

    void in_f16_losses_are_scaled_and_fall_as_in_f32() {
        const QString fields = "batches=1 steps=10 learning_rate=3e-3 loss_scale_steps=4";
        const Trained half = run_of(config_of("llama", "precision=f16 " + fields)),
                      full = run_of(config_of("llama", fields));
        const auto &found = half.series.at("train_loss"), &expected = full.series.at("train_loss");
        QVERIFY(expected.front() - expected.back() > 0.05); // ten times what they may differ by
        for (std::size_t i = 0; i < found.size(); ++i) {
            QVERIFY2(std::abs(found[i] - expected[i]) < 5e-3,
                     qPrintable(QString::number(found[i])));
            const double norm = half.series.at("gradient_norm")[i];
            QVERIFY(std::abs(norm / full.series.at("gradient_norm")[i] - 1) < 0.02);
            QCOMPARE(half.series.at("loss_scale")[i], i < 4 ? 65536. : i < 8 ? 131072. : 262144.);
        }
        QCOMPARE(half.outcome.skipped_steps, 0);
        QVERIFY(full.series.at("loss_scale")[0] == Trained::missing);
    }

    void a_step_whose_gradients_overflow_is_skipped_and_changes_nothing_data() {
        QTest::addColumn<QString>("launch");
        for (const char* launch : {"eager", "graph"}) QTest::newRow(launch) << launch;
    }
    void a_step_whose_gradients_overflow_is_skipped_and_changes_nothing() {
        QFETCH(QString, launch);
        const QString fields =
            "precision=f16 batches=1 batch=1 weight_decay=0.5 steps=14 launch=" + launch;
        RunConfig run = config_of("gpt2", fields);
        run.loss_scale = 0x1p22;
        const Trained found = run_of(run);
        const auto skipped = std::size_t(found.outcome.skipped_steps);
        QVERIFY2(skipped > 0 && skipped < 13, qPrintable(QString::number(skipped)));
        run.loss_scale = 0x1p10;
        const Trained expected = run_of(run, 14 - int(skipped));
        QCOMPARE(expected.outcome.skipped_steps, 0);
        for (std::size_t i = 0; i < 14; ++i) {
            QCOMPARE(found.series.at("gradient_norm")[i] == Trained::missing, i < skipped);
            QCOMPARE(found.series.at("loss_scale")[i], 0x1p22 / double(1 << std::min(i, skipped)));
            const double loss = expected.series.at("train_loss")[i < skipped ? 0 : i - skipped];
            QVERIFY(std::abs(found.series.at("train_loss")[i] - loss) < 2e-3);
        }
    }

    void a_training_in_f16_goes_on_with_its_scale() {
        const QTemporaryDir folder;
        RunConfig run = config_of("llama", "precision=f16 loss_scale_steps=2 steps=8 "
                                           "checkpoint_steps=3");
        const Trained whole = run_of(run);
        run.checkpoint = folder.filePath("checkpoints").toStdString();
        run_of(run, 5);
        const Trained rest = run_of(run);
        for (const char* metric : {"train_loss", "loss_scale"}) {
            const auto& all = whole.series.at(metric);
            QCOMPARE(rest.series.at(metric), std::vector<double>(all.begin() + 3, all.end()));
        }
    }

    void offloading_changes_where_things_lie_and_no_bit_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("fields");
        QTest::addColumn<QString>("switches");
        const auto row = [](const char* model, const char* fields, const char* switches) {
            QTest::addRow("%s %s %s", model, fields, switches) << model << fields << switches;
        };
        const char* all = "offload_optimizer=true offload_gradients=true offload_activations=true "
                          "weight_memory=streamed weight_budget_bytes=0.7";
        for (const char* one :
             {"offload_optimizer=true", "offload_gradients=true", "offload_activations=true",
              "weight_memory=streamed weight_budget_bytes=0.7 prefetch_depth=1", all})
            row(QString(one).contains("gradients") || QString(one).contains("streamed")
                    ? "deep llama"
                    : "llama",
                "accumulation=2 validation=0.3 batches=4 steps=2", one);
        for (const char* model : {"deep gpt2", "deep esm2"})
            row(model, "steps=2 precision=bf16 dropout=0.2 recompute=selective", all);
        row("deep gpt2", "precision=f16 loss_scale_steps=1 optimizer=sgd momentum=0.5 steps=2",
            all);
        row("deep llama", "precision=bf16 master_weights=false steps=2", all);
        row("deep llama", "prune=magnitude sparsity=0.5 steps=2",
            "weight_memory=streamed weight_budget_bytes=0.7");
        row("llama of blocks", "lora_rank=2 weight_format=nf4_dq steps=2",
            "weight_memory=streamed weight_budget_bytes=0.9");
        row("esm2", "lora_rank=4 lora_dropout=0.2 recompute=full steps=2",
            "offload_optimizer=true offload_activations=true");
    }
    void offloading_changes_where_things_lie_and_no_bit() {
        QFETCH(QString, model);
        QFETCH(QString, fields);
        QFETCH(QString, switches);
        const RunConfig usual = config_of(model, fields);
        RunConfig run = usual;
        set(run, switches);
        const Trained expected = run_of(usual);
        const std::size_t weights = expected.totals.memory.peak[std::size_t(Purpose::weights)];
        run.weight_budget_bytes *= double(weights);
        const Trained found = run_of(run);
        QCOMPARE(found.series.at("train_loss"), expected.series.at("train_loss"));
        QCOMPARE(found.series.at("gradient_norm"), expected.series.at("gradient_norm"));
        const Trained plan = run_of(planned(run));
        QCOMPARE(plan.totals.memory.peak, found.totals.memory.peak);
        QCOMPARE(plan.totals.memory.at_peak, found.totals.memory.at_peak);
        QCOMPARE(plan.totals.pinned, found.totals.pinned);
        QCOMPARE(plan.totals.pinned_peak, found.totals.pinned_peak);
        QCOMPARE(plan.outcome.offload_bytes, found.outcome.offload_bytes);
        QVERIFY(found.outcome.offload_bytes > 0 && found.totals.pinned_peak > 0);
        const auto is_aside = [&](Purpose p) { return found.totals.pinned[std::size_t(p)] > 0; };
        QCOMPARE(is_aside(Purpose::optimizer), run.offload_optimizer);
        QCOMPARE(is_aside(Purpose::gradients), run.offload_gradients);
        QCOMPARE(is_aside(Purpose::weights), run.weight_memory == WeightMemory::streamed);
        QCOMPARE(expected.outcome.offload_bytes, std::int64_t(0));
    }

    void pieces_of_a_large_table_are_stepped_one_by_one() {
        const QTemporaryDir folder;
        const std::string model = files::written(
            folder.filePath("wide.json").toStdString(),
            R"({"family": "gpt2", "layers": 2, "width": 32, "heads": 2, "mlp_width": 64,
                "vocabulary": 34000, "positions": 64, "position": "learned", "mlp": "gelu_tanh",
                "causal": true, "bias": true, "tied_head": true})");
        RunConfig run = config_of("gpt2", "steps=2 batch=1 batches=1 sequence=4");
        run.model = model;
        const Trained expected = run_of(run);
        run.offload_optimizer = true;
        const Trained found = run_of(run);
        QCOMPARE(found.series.at("train_loss"), expected.series.at("train_loss"));
        QVERIFY(found.totals.pinned[std::size_t(Purpose::optimizer)] > 34000 * 32 * 3 * 4);
        QCOMPARE(run_of(planned(run)).totals.memory.peak, found.totals.memory.peak);
    }

    void offloading_takes_less_of_the_gpu_and_a_checkpoint_goes_on_with_it() {
        const QTemporaryDir folder;
        RunConfig run = config_of("llama", "precision=bf16 steps=4 checkpoint_steps=2 "
                                           "offload_optimizer=true offload_gradients=true "
                                           "offload_activations=true");
        const Trained whole = run_of(run);
        run.checkpoint = folder.filePath("checkpoints").toStdString();
        run_of(run, 3);
        const auto& all = whole.series.at("train_loss");
        QCOMPARE(run_of(run).series.at("train_loss"),
                 std::vector<double>(all.begin() + 2, all.end()));
        RunConfig large = planned(config_of("llama", "precision=bf16 steps=1 batches=1"));
        large.model = "gpt2-xl", large.weights = "random", large.sequence = 256;
        const auto most = [&](const char* field) {
            RunConfig one = large;
            if (*field) set(one, field);
            return run_of(one).totals.memory.peak;
        };
        const auto usual = most("");
        for (const auto& [field, purpose] :
             {std::pair("offload_optimizer=true", Purpose::optimizer),
              std::pair("offload_gradients=true", Purpose::gradients),
              std::pair("offload_activations=true", Purpose::activations)}) {
            const auto p = std::size_t(purpose);
            QVERIFY2(most(field)[p] < usual[p] / 2, field);
        }
    }

    void what_cannot_be_offloaded_is_refused() {
        RunConfig run = tiny_run();
        run.offload_activations = true;
        QCOMPARE(
            refusal_of(run),
            std::string("offload_activations true needs task train on device cuda: a CPU has no "
                        "other memory"));
        run = planned(config_of("llama", "offload_gradients=true lora_rank=4"));
        QVERIFY(refusal_of(run).starts_with("offload_gradients is of the weights of blocks;"));
        run = planned(config_of("llama", "offload_optimizer=true launch=graph"));
        QVERIFY(refusal_of(run).starts_with("launch graph repeats one stream's work"));
        run = planned(config_of("llama", "offload_activations=true prune=magnitude"));
        QVERIFY2(refusal_of(run).starts_with("prune magnitude masks what is learned where the GPU"),
                 refusal_of(run).c_str());
    }

    void what_is_no_number_is_named_and_learned_from_no_more_data() {
        QTest::addColumn<QString>("fields");
        for (const char* fields :
             {"", "launch=graph", "precision=f16", "precision=f16 launch=graph"})
            QTest::newRow(fields) << fields;
    }
    void what_is_no_number_is_named_and_learned_from_no_more() {
        QFETCH(QString, fields);
        const RunConfig run = config_of("llama", "learning_rate=1e30 clip=0 steps=60 " + fields);
        const std::string reason = refusal_of(run);
        QVERIFY2(reason.starts_with("training went astray: in step ") &&
                     reason.find("is not finite") != reason.npos,
                 reason.c_str());
    }
};

SWEETSPOT_TEST(CudaTrainTest)
#include "cuda_train_test.moc"

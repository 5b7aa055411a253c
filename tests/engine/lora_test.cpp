// Adapters: their gradients and losses are peft's, their files too, and their memory is predicted.
#include "engine/train/trained_files.h"
#include "tests/engine/files.h"
#include "tests/engine/lora_support.h"
#include "tests/suite.h"
#include <filesystem>

using namespace sweetspot;
namespace fs = std::filesystem;

namespace {

/// How often each op ran.
struct OpCounts : Observer {
    std::map<std::string, int, std::less<>> all{};

    void began(const Work& work) noexcept override { ++all[std::string(work.name)]; }
    void ended() noexcept override {}
    void allocated(Purpose, MemoryKind, std::size_t) noexcept override {}
    void freed(Purpose, MemoryKind, std::size_t) noexcept override {}
};

/// The gradients of adapters by name, and what ran for them.
struct Backward {
    std::map<std::string, std::vector<float>> gradients{};
    OpCounts ops{};
};

/// Of adapters whose matrices have numbers of their own, but for those that `silent` names: their B
/// is 0, so that they change nothing.
Backward backward_of(const RunConfig& run, const std::function<bool(const std::string&)>& silent) {
    const Example example = golden_example("llama-tiny", run.layout);
    HostAllocator allocator;
    Context context(CpuStream{.threads = 2}, allocator);
    TrainedModel trained(load_model_config(run.model), run, 70, context);
    for (const Learned& learned : trained.learned()) {
        const std::string name = learned.name();
        const bool zero = silent(name) && name.find(".lora_B") != std::string::npos;
        float* value = learned.value().as<float>();
        for (std::int64_t i = 0; i < learned.shape().count(); ++i)
            value[i] = zero ? 0 : 0.1f * std::sin(float(i + std::int64_t(name.size())));
        trained.refresh(learned);
    }
    Backward y;
    context.watch(&y.ops);
    trained.gradients_of({&example, 1}, {.scored = example.count});
    context.watch(nullptr);
    for (const Learned& learned : trained.learned()) {
        const float* found = learned.gradient->as<float>();
        y.gradients[learned.name()] = {found, found + learned.shape().count()};
    }
    return y;
}

} // namespace

class LoraTest : public QObject {
    Q_OBJECT
private slots:
    void steps_are_pefts_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<Precision>("precision");
        QTest::addColumn<Recompute>("recompute");
        for (const char* model : {"esm2-head24", "llama-tiny", "gpt2-tiny"})
            for (const auto precision : {Precision::f32, Precision::bf16})
                for (const auto recompute : {Recompute::none, Recompute::full})
                    QTest::newRow(
                        (std::string(model) + " " + to_text(precision) + " " + to_text(recompute))
                            .c_str())
                        << QString(model) << precision << recompute;
    }
    void steps_are_pefts() {
        QFETCH(QString, model);
        QFETCH(Precision, precision);
        QFETCH(Recompute, recompute);
        follow_golden_steps(model.toStdString(), "lora.safetensors", {.precision = precision},
                            recompute);
    }

    void only_adapters_are_learned() {
        const RunConfig run = tiny_lora();
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        TrainedModel trained(load_model_config(run.model), run, 70, context);
        std::int64_t count = 0;
        for (const Learned& learned : trained.learned()) {
            QVERIFY2(learned.name().find(".lora_") != std::string::npos, learned.name().c_str());
            count += learned.shape().count();
        }
        QCOMPARE(trained.trainable_parameters(), count);
        // Gradients and moments are of adapters, and moments and masters are the optimizer's.
        const auto use = allocator.use();
        QCOMPARE(use.live[std::size_t(Purpose::gradients)], std::size_t(count) * 4);
        QVERIFY(use.live[std::size_t(Purpose::optimizer)] < std::size_t(count) * 12 + 4096);
        QCOMPARE(run_of(run).outcome.trainable_parameters, count);
    }

    void nothing_goes_backward_below_what_is_learned_data() {
        QTest::addColumn<QString>("targets");
        QTest::addColumn<int>("products"); // by what a linear reads
        QTest::addColumn<int>("norms");
        QTest::addColumn<int>("attentions");
        const auto row = [](const char* targets, int products, int norms, int attentions) {
            QTest::newRow(targets) << QString(targets) << products << norms << attentions;
        };
        // Of the head 1; of a block with 7 adapters 4 of linears and 2 of each adapter, and of the
        // lowest one none that would go on below: of q, k and v, and of their linear.
        row("all-linear", 1 + 18 + 14, 4, 2);
        row("model.layers.1.self_attn.q_proj", 1 + 3 + 1, 2, 1);
        row("model.layers.1.self_attn.o_proj", 1 + 2 + 1, 2, 0);
        row("model.layers.1.mlp.up_proj", 1 + 1 + 1, 1, 0);
        row("model.layers.1.mlp.down_proj", 1 + 1, 1, 0);
        row("model.layers.0.mlp.down_proj+model.layers.1.self_attn.v_proj", 1 + 4 + 2 + 1, 3, 1);
    }
    void nothing_goes_backward_below_what_is_learned() {
        QFETCH(QString, targets);
        RunConfig run = tiny_lora();
        run.lora_targets = targets.toStdString();
        for (const auto recompute : {Recompute::none, Recompute::selective, Recompute::full}) {
            run.recompute = recompute;
            auto ops = backward_of(run, [](const std::string&) { return false; }).ops.all;
            QTEST(ops["matmul_backward"], "products");
            QTEST(ops["norm_backward"], "norms");
            QTEST(ops["attention_backward"], "attentions");
        }
    }

    void gradients_are_the_same_whatever_is_learned_below_data() {
        nothing_goes_backward_below_what_is_learned_data();
    }
    void gradients_are_the_same_whatever_is_learned_below() {
        QFETCH(QString, targets);
        for (const auto precision : {Precision::f32, Precision::bf16}) {
            RunConfig run = tiny_lora(), whole = run;
            run.precision = whole.precision = precision;
            run.lora_targets = targets.toStdString();
            const auto part = backward_of(run, [](const std::string&) { return false; }).gradients;
            const auto all = backward_of(whole, [&](const std::string& name) {
                                 return !part.contains(name);
                             }).gradients;
            QVERIFY(!part.empty());
            for (const auto& [name, gradient] : part)
                QVERIFY2(gradient == all.at(name), name.c_str());
        }
    }

    void blocks_below_what_is_learned_keep_nothing() {
        RunConfig run = tiny_lora();
        run.lora_targets = "model.layers.1.mlp.down_proj";
        const auto upper = totals_of(run).memory.peak[std::size_t(Purpose::activations)];
        run.lora_targets = "model.layers.0.mlp.down_proj";
        QVERIFY(upper < totals_of(run).memory.peak[std::size_t(Purpose::activations)]);
    }

    void at_first_an_adapter_changes_nothing() {
        RunConfig run = tiny_lora();
        const double adapted = losses_of(run, 1).front();
        run.lora_rank = 0;
        QCOMPARE(adapted, losses_of(run, 1).front());
    }

    void a_plan_knows_the_memory_of_every_step_data() {
        QTest::addColumn<QString>("fields");
        for (const char* fields :
             {"", "model=gpt2-tiny", "model=esm2-head24", "precision=bf16", "recompute=full",
              "lora_dropout=0.3", "precision=bf16,lora_dropout=0.3,model=esm2-head24",
              "recompute=selective,validation=0.2,accumulation=2", "optimizer=sgd",
              "lora_targets=model.layers.1.mlp.down_proj",
              "lora_targets=model.layers.1.self_attn.o_proj,recompute=full,precision=bf16"})
            QTest::newRow(fields) << QString(fields);
    }
    void a_plan_knows_the_memory_of_every_step() {
        QFETCH(QString, fields);
        RunConfig run = tiny_lora();
        apply(fields, run);
        RunConfig plan = run;
        plan.device = DeviceKind::plan;
        const DeviceTotals measured = totals_of(run), predicted = totals_of(plan);
        QCOMPARE(predicted.memory.peak, measured.memory.peak);
        QCOMPARE(predicted.memory.at_peak, measured.memory.at_peak);
        QVERIFY(measured.memory.peak[std::size_t(Purpose::gradients)] > 0);
        RunConfig whole = plan;
        whole.lora_rank = 0;
        const auto all = totals_of(whole).memory.peak;
        for (const auto purpose : {Purpose::gradients, Purpose::optimizer}) {
            // Sgd keeps nothing of weights in f32, which are their own masters.
            if (purpose == Purpose::optimizer && run.optimizer == OptimizerKind::sgd) continue;
            QVERIFY(predicted.memory.peak[std::size_t(purpose)] < all[std::size_t(purpose)] / 2);
        }
    }

    void dropout_draws_anew_where_blocks_are_computed_again() {
        RunConfig run = tiny_lora();
        const auto without = losses_of(run);
        run.lora_dropout = 0.5;
        const auto kept = losses_of(run);
        QVERIFY(kept != without);
        QCOMPARE(kept.front(), without.front()); // b is 0
        run.recompute = Recompute::full;
        QCOMPARE(losses_of(run), kept);
    }

    void losses_fall_and_a_stopped_training_goes_on_to_the_bit() {
        for (const char* model : {"llama-tiny", "gpt2-tiny", "esm2-head24"}) {
            RunConfig run = tiny_lora();
            run.model = run.weights = golden::folder(model);
            run.batch = 3, run.batches = 1, run.steps = 12, run.mask_fraction = 0.9;
            run.lora_dropout = 0.1, run.lora_rslora = true;
            const auto whole = losses_of(run);
            QVERIFY2(whole.back() < whole.front() - 0.3, model);
            const QTemporaryDir folder;
            run.checkpoint = folder.filePath("checkpoints").toStdString();
            run.checkpoint_steps = 5;
            losses_of(run, 7);
            QCOMPARE(losses_of(run), std::vector<double>(whole.begin() + 5, whole.end()));
            QVERIFY(fs::exists(run.checkpoint + "/step-00000012/adapter_model.safetensors"));
        }
    }

    void what_is_saved_is_read_again_and_merged_is_the_same_model_data() {
        QTest::addColumn<QString>("model");
        for (const char* model : {"esm2-head24", "llama-tiny", "gpt2-tiny"})
            QTest::newRow(model) << QString(model);
    }
    void what_is_saved_is_read_again_and_merged_is_the_same_model() {
        QFETCH(QString, model);
        const QTemporaryDir folder;
        RunConfig run = tiny_lora();
        run.model = run.weights = golden::folder(model.toStdString());
        run.save = folder.filePath("adapter").toStdString();
        losses_of(run);
        RunConfig merged = run;
        merged.save_merged = true, merged.save = folder.filePath("merged").toStdString();
        losses_of(merged);
        RunConfig more = run;
        more.adapter = run.save, more.save.clear(), more.lora_rank = 0;
        const double adapted = losses_of(more, 1).front();
        more.model = more.weights = merged.save, more.adapter.clear();
        QVERIFY(std::abs(losses_of(more, 1).front() - adapted) < 1e-5);
        QVERIFY(std::abs(adapted - losses_of(run, 1).front()) > 0.01); // there was a change
        // Saved again without a step in between it is the same, whatever else was set there.
        Json settings = read_json(run.save + "/adapter_config.json");
        QCOMPARE(settings.find("r")->get<int>(), 4);
        QCOMPARE(settings.find("fan_in_fan_out")->get<bool>(), model.startsWith("gpt2"));
        settings["some_hint"] = Json();
        files::written(run.save + "/adapter_config.json", dump(settings));
        RunConfig again = run;
        again.lora_rank = 0, again.adapter = run.save, again.steps = 1;
        again.learning_rate = 1e-30, again.save = folder.filePath("again").toStdString();
        losses_of(again);
        QCOMPARE(files::read(again.save + "/adapter_model.safetensors"),
                 files::read(run.save + "/adapter_model.safetensors"));
        QVERIFY(read_json(again.save + "/adapter_config.json").contains("some_hint"));
    }

    void adapters_of_pefts_making_are_read_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("model");
        QTest::addColumn<int>("kv_heads");
        QTest::addColumn<int>("mlp_width");
        QTest::addColumn<int>("modules");
        QTest::newRow("esm") << "esm"
                             << "esm2-8m" << 4 << 64 << 4;
        QTest::newRow("gpt2") << "gpt2"
                              << "gpt2-large" << 4 << 128 << 4;
        QTest::newRow("llama") << "llama"
                               << "llama-110m" << 2 << 64 << 7;
    }
    void adapters_of_pefts_making_are_read() {
        QFETCH(QString, name);
        QFETCH(QString, model);
        QFETCH(int, kv_heads);
        QFETCH(int, mlp_width);
        QFETCH(int, modules);
        RunConfig run = tiny_run();
        run.model = model.toStdString();
        run.adapter = SWEETSPOT_SOURCE_DIR "/tests/golden/peft/" + name.toStdString();
        ModelConfig config = load_model_config(run.model);
        config.layers = 1, config.width = 32, config.heads = 4, config.head_size = 8;
        config.kv_heads = kv_heads, config.mlp_width = mlp_width, config.vocabulary = 40;
        const AdapterPlan plan = adapter_plan(run, config);
        QCOMPARE(int(plan.modules.size()), modules);
        QCOMPARE(plan.rank, 8);
        QCOMPARE(plan.scale(), 2.0);
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        const TrainedModel trained(config, run, 16, context);
        const QTemporaryDir folder;
        save_trained(folder.path().toStdString(), run, trained, context);
        const StoredTensors before = open_weights(run.adapter + "/adapter_model.safetensors"),
                            after = open_weights(folder.path().toStdString() +
                                                 "/adapter_model.safetensors");
        QCOMPARE(after.tensors.size(), before.tensors.size());
        for (const auto& [tensor, bytes] : before.tensors)
            QVERIFY2(floats_of(after, tensor) == floats_of(before, tensor), tensor.c_str());
    }

    void an_adapter_that_does_not_fit_is_refused_by_name() {
        const QTemporaryDir folder;
        RunConfig run = tiny_lora();
        run.lora_rank = 0, run.adapter = folder.filePath("adapter").toStdString();
        write_golden_adapter(run.adapter, "gpt2-tiny");
        const std::string path = run.adapter + "/adapter_model.safetensors";
        QVERIFY2(refusal_of(run).starts_with(path + ": 12 of its 12 tensors have no place in ") &&
                     refusal_of(run).find("the first is \"base_model.model.transformer.h.0") !=
                         std::string::npos,
                 refusal_of(run).c_str());
        write_golden_adapter(run.adapter, "llama-tiny");
        QCOMPARE(refusal_of(run), std::string());
        const auto with = [&](const std::string& setting) {
            files::written(run.adapter + "/adapter_config.json",
                           R"({"peft_type":"LORA","r":4,)" + setting + "}");
            return QString::fromStdString(refusal_of(run));
        };
        QVERIFY(with(R"("use_dora":false,"rank_pattern":{},"layer_replication":null)").isEmpty());
        QVERIFY(with(R"("use_dora":true)").contains("\"use_dora\" is true: an adapter that"));
        QVERIFY(with(R"("bias":"all")").contains("\"bias\" is \"all\""));
        QVERIFY(with(R"("rank_pattern":{"q_proj":2})").contains("\"rank_pattern\" is an object"));
        QVERIFY(with(R"("modules_to_save":["lm_head"])").contains("\"modules_to_save\" is a list"));
        files::written(run.adapter + "/adapter_config.json", R"({"peft_type":"LORA","r":8})");
        QVERIFY2(refusal_of(run).find("need [8, ") != std::string::npos, refusal_of(run).c_str());
        for (const char* rank : {"4.5", "0", "1e300"}) {
            files::written(run.adapter + "/adapter_config.json",
                           std::string(R"({"peft_type":"LORA","r":)") + rank + "}");
            QVERIFY2(refusal_of(run).find(": r is ") != std::string::npos, rank);
        }
        files::written(run.adapter + "/adapter_config.json", R"({"peft_type":"IA3"})");
        QVERIFY(refusal_of(run).find("\"peft_type\" is \"IA3\"") != std::string::npos);
    }

    void targets_that_match_nothing_are_told_what_there_is() {
        RunConfig run = tiny_lora();
        run.lora_targets = "q_proj+c_attn";
        const std::string reason = refusal_of(run);
        QVERIFY2(reason.starts_with("lora_targets: \"c_attn\" matches no linear of ") &&
                     reason.ends_with("there are self_attn.q_proj, self_attn.k_proj, "
                                      "self_attn.v_proj, self_attn.o_proj, mlp.gate_proj, "
                                      "mlp.up_proj, mlp.down_proj, and all-linear"),
                 reason.c_str());
        run.lora_targets = "proj"; // no end of a name at a dot
        QVERIFY(!refusal_of(run).empty());
    }

    void what_has_no_place_for_adapters_is_refused() {
        RunConfig run = tiny_lora();
        run.device = DeviceKind::plan, run.plan_for = PlanFor::cuda;
        QCOMPARE(refusal_of(run), std::string());
        run.weight_format = WeightFormat::nf4_dq;
        QCOMPARE(refusal_of(run), std::string());
        run.weight_format = WeightFormat::two_of_four_bf16, run.precision = Precision::bf16;
        QVERIFY2(refusal_of(run).find("needs a task other than train or, but for 2:4, adapters") !=
                     std::string::npos,
                 refusal_of(run).c_str());
        run = tiny_lora();
        run.task = Task::forward, run.adapter = "somewhere";
        QCOMPARE(refusal_of(run), std::string("adapter somewhere needs task train"));
    }

private:
    void apply(const QString& fields, RunConfig& run) {
        for (const QString& one : fields.split(',', Qt::SkipEmptyParts)) {
            const auto parts = one.split('=');
            if (parts[0] == "model")
                run.model = run.weights = golden::folder(parts[1].toStdString());
            else
                QVERIFY(set_field(run, parts[0].toStdString(), parts[1].toStdString()));
        }
    }
};

SWEETSPOT_TEST(LoraTest)
#include "lora_test.moc"

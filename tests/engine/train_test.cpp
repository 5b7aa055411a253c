// What a step of training computes: gradients, losses and memory, beside PyTorch's and the plan's.
#include "engine/config/catalogue.h"
#include "engine/config/model_files.h"
#include "engine/data/masking.h"
#include "engine/device/device.h"
#include "engine/tasks/workload.h"
#include "engine/train/trained_files.h"
#include "engine/train/trained_model.h"
#include "tests/engine/files.h"
#include "tests/engine/training_support.h"
#include "tests/suite.h"
#include <QtTest>
#include <set>

using namespace sweetspot;

namespace {

RunConfig golden_run(const std::string& model, Layout layout, Precision precision) {
    RunConfig run;
    run.model = golden_model(model), run.weights = golden::folder(model);
    run.task = Task::train;
    run.layout = layout;
    run.precision = precision;
    return run;
}

constexpr std::array golden_models{"esm2-head24",        "llama-tiny",      "gpt2-tiny",
                                   "llama-heads-shared", "llama-heads-own", "families/qwen3",
                                   "families/mistral"};

struct Gradients {
    StoredTensors stored;
    explicit Gradients(const std::string& model)
        : stored(open_weights(golden::folder(model) + "/gradients.safetensors")) {}
    bool has(const std::string& name) const { return stored.tensors.contains(name); }
    std::vector<float> floats(const std::string& name) const {
        const auto& bytes = stored.tensors.at(name).bytes;
        std::vector<float> y(bytes.size() / sizeof(float));
        std::memcpy(y.data(), bytes.data(), bytes.size());
        return y;
    }
};

double norm_of(const std::vector<float>& x) {
    double sum = 0;
    for (const float v : x) sum += double(v) * double(v);
    return std::sqrt(sum);
}

} // namespace

class TrainTest : public QObject {
    Q_OBJECT
private slots:
    void gradients_are_pytorchs_data();
    void gradients_are_pytorchs();
    void twenty_steps_have_pytorchs_losses_data();
    void twenty_steps_have_pytorchs_losses();
    void batches_add_up_to_one_of_all_their_tokens();
    void dropout_is_the_same_where_blocks_are_computed_again();
    void a_run_is_repeated_to_the_bit();
    void losses_fall_on_what_can_be_learned();
    void a_plan_knows_the_memory_of_every_step_data();
    void a_plan_knows_the_memory_of_every_step();
    void masks_chosen_by_themselves_are_planned_and_new_in_each_epoch();
    void without_fusion_a_step_is_the_same_in_more_passes_data();
    void without_fusion_a_step_is_the_same_in_more_passes();
    void steps_too_small_for_16_bits_add_up_without_masters();
    void recomputing_takes_less_memory();
    void naive_attention_keeps_the_scores_of_every_block();
    void in_f32_no_weight_is_held_twice();
    void logits_of_a_whole_batch_are_never_there();
    void a_batch_with_a_token_that_the_model_lacks_is_named();
    void the_first_tensor_that_is_no_number_is_named();
};

void TrainTest::gradients_are_pytorchs_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<Layout>("layout");
    QTest::addColumn<Precision>("precision");
    QTest::addColumn<Recompute>("recompute");
    QTest::addColumn<AttentionVariant>("attention");
    for (const char* model : golden_models)
        for (const auto layout : {Layout::padded, Layout::ragged})
            for (const auto precision : {Precision::f32, Precision::bf16})
                for (const auto recompute :
                     {Recompute::none, Recompute::selective, Recompute::full})
                    for (const auto attention :
                         {AttentionVariant::flash, AttentionVariant::naive}) {
                        const std::string name = std::string(model) + " " + to_text(layout) + " " +
                                                 to_text(precision) + " " + to_text(recompute) +
                                                 " " + to_text(attention);
                        QTest::newRow(name.c_str())
                            << QString(model) << layout << precision << recompute << attention;
                    }
}

void TrainTest::gradients_are_pytorchs() {
    QFETCH(QString, model);
    QFETCH(Layout, layout);
    QFETCH(Precision, precision);
    QFETCH(Recompute, recompute);
    const std::string name = model.toStdString();
    QFETCH(AttentionVariant, attention);
    RunConfig run = golden_run(name, layout, precision);
    run.recompute = recompute, run.attention = attention;
    const ModelConfig config = load_model_config(run.model);
    const Example example = golden_example(name, layout);
    HostAllocator allocator;
    Context context(CpuStream{.threads = 2}, allocator);
    TrainedModel trained(config, run, 70, context);
    const double loss = trained.gradients_of({&example, 1}, {.scored = example.count});
    const Gradients expected(name);
    const bool exact = precision == Precision::f32;
    QVERIFY2(std::abs(loss - double(expected.floats("loss")[0])) < (exact ? 1e-5 : 0.05),
             qPrintable(QString::number(loss)));
    std::set<std::string> seen;
    for (const Learned& learned : trained.learned())
        for (const auto& [key, shape, all] :
             as_in_files(learned, config, learned.gradient->as<float>())) {
            QVERIFY2(expected.has("gradient " + key), key.c_str());
            seen.insert(key);
            std::vector<float> found;
            for (std::size_t i = 0; i<all.size(); i += all.size()> 512 ? 7 : 1)
                found.push_back(all[i]);
            const auto wanted = expected.floats("gradient " + key);
            QCOMPARE(found.size(), wanted.size());
            double off = 0;
            for (std::size_t i = 0; i < wanted.size(); ++i)
                off += std::pow(double(found[i]) - double(wanted[i]), 2);
            const double norm = norm_of(wanted), limit = exact ? 2e-5 : 0.06;
            // Of a bias that softmax does not see only rounding is left.
            const double floor = exact ? 1e-6 : 5e-3;
            QVERIFY2(
                std::sqrt(off) <= limit * norm + floor,
                qPrintable(
                    QString("%1: off by %2 of %3").arg(key.c_str()).arg(std::sqrt(off)).arg(norm)));
            const double whole = double(expected.floats("norm " + key)[0]);
            QVERIFY2(std::abs(norm_of(all) - whole) <= limit * whole + floor, key.c_str());
        }
    for (const auto& [key, tensor] : expected.stored.tensors)
        if (key.starts_with("gradient "))
            QVERIFY2(seen.contains(key.substr(9)), (key + " is not learned").c_str());
}

void TrainTest::twenty_steps_have_pytorchs_losses_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<Precision>("precision");
    for (const char* model : golden_models)
        for (const auto precision : {Precision::f32, Precision::bf16})
            QTest::newRow((std::string(model) + " " + to_text(precision)).c_str())
                << QString(model) << precision;
}

void TrainTest::twenty_steps_have_pytorchs_losses() {
    QFETCH(QString, model);
    QFETCH(Precision, precision);
    const std::string name = model.toStdString();
    RunConfig run = golden_run(name, Layout::ragged, precision);
    run.learning_rate = 1e-3, run.weight_decay = 0.1, run.clip = 1;
    const Example example = golden_example(name, run.layout);
    HostAllocator allocator;
    Context context(CpuStream{.threads = 2}, allocator);
    TrainedModel trained(load_model_config(run.model), run, 70, context);
    const auto expected = Gradients(name).floats("losses");
    QCOMPARE(expected.size(), std::size_t(20));
    QVERIFY(expected.front() - expected.back() > 0.5f); // there is something to follow
    for (int step = 0; step < 20; ++step) {
        const StepSettings settings{.step = step,
                                    .updates = step,
                                    .scored = example.count,
                                    .learning_rate = run.learning_rate};
        const double off = std::abs(trained.take({&example, 1}, settings).loss -
                                    double(expected[std::size_t(step)]));
        QVERIFY2(off < (precision == Precision::f32 ? 2e-4 : 0.08),
                 qPrintable(QString("step %1: off by %2").arg(step).arg(off)));
    }
}

void TrainTest::batches_add_up_to_one_of_all_their_tokens() {
    const std::string name = "llama-tiny";
    const RunConfig run = golden_run(name, Layout::ragged, Precision::f32);
    const Batch all = golden::Outputs(name).sequences();
    const auto example_of = [](const Batch& batch) {
        Example y{.input = lay_out(batch, Layout::ragged, -1)};
        for (int s = 0; s < y.input.segments.count(); ++s)
            for (std::int32_t i = 0; i + 1 < y.input.segments.lengths[std::size_t(s)]; ++i) {
                y.scored.push_back(y.input.segments.offsets[std::size_t(s)] + i);
                y.targets.push_back(batch.rows[std::size_t(s)][std::size_t(i) + 1]);
            }
        y.count = std::int64_t(y.scored.size());
        return y;
    };
    const Example whole = example_of(all);
    HostAllocator allocator;
    Context context(CpuStream{.threads = 1}, allocator);
    TrainedModel once(load_model_config(run.model), run, 70, context),
        thrice(load_model_config(run.model), run, 70, context);
    const StepSettings settings{.scored = whole.count};
    std::vector<Example> parts;
    for (const Batch& part : split_by_rows(all, 2)) parts.push_back(example_of(part));
    const double loss = thrice.gradients_of(parts, settings);
    QVERIFY(std::abs(once.gradients_of({&whole, 1}, settings) - loss) < 1e-5);
    for (std::size_t i = 0; i < once.learned().size(); ++i) {
        const Tensor &a = *once.learned()[i].gradient, &b = *thrice.learned()[i].gradient;
        double off = 0, size = 0;
        for (std::int64_t j = 0; j < a.shape().count(); ++j) {
            off += std::pow(double(a.as<float>()[j]) - double(b.as<float>()[j]), 2);
            size += std::pow(double(a.as<float>()[j]), 2);
        }
        QVERIFY2(off <= 1e-10 * size + 1e-14, once.learned()[i].name().c_str());
    }
}

void TrainTest::dropout_is_the_same_where_blocks_are_computed_again() {
    RunConfig run = tiny_run();
    run.dropout = 0.3;
    const auto kept = losses_of(run);
    run.recompute = Recompute::full;
    const auto again = losses_of(run);
    QCOMPARE(again, kept);
    run.dropout = 0;
    QVERIFY(losses_of(run) != kept);
}

void TrainTest::a_run_is_repeated_to_the_bit() {
    const RunConfig run = tiny_run();
    const auto losses = losses_of(run);
    QCOMPARE(losses.size(), std::size_t(8));
    QCOMPARE(losses_of(run), losses);
    RunConfig other = run;
    other.seed = 2;
    QVERIFY(losses_of(other) != losses);
}

void TrainTest::losses_fall_on_what_can_be_learned() {
    for (const char* model : {"llama-tiny", "gpt2-tiny", "esm2-head24"})
        for (const auto optimizer : {OptimizerKind::adamw, OptimizerKind::sgd}) {
            RunConfig run = tiny_run();
            run.model = golden::folder(model);
            run.optimizer = optimizer;
            run.batch = 3, run.batches = 1; // the same sequences again and again
            run.steps = 40;
            if (optimizer == OptimizerKind::sgd) run.learning_rate = 0.5, run.momentum = 0.9;
            if (optimizer == OptimizerKind::sgd) run.weight_decay = 0;
            run.mask_fraction = 0.9;
            const auto losses = losses_of(run);
            const double first = losses.front(), last = losses.back();
            QVERIFY2(last < first - 0.5, qPrintable(QString("%1 %2: %3 to %4")
                                                        .arg(model, to_text(optimizer).c_str())
                                                        .arg(first)
                                                        .arg(last)));
        }
}

void TrainTest::a_plan_knows_the_memory_of_every_step_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<Layout>("layout");
    QTest::addColumn<Precision>("precision");
    QTest::addColumn<Recompute>("recompute");
    QTest::addColumn<AttentionVariant>("attention");
    for (const char* model : golden_models)
        for (const auto layout : {Layout::padded, Layout::ragged})
            for (const auto precision : {Precision::f32, Precision::bf16})
                for (const auto recompute : {Recompute::none, Recompute::full})
                    for (const auto attention : {AttentionVariant::flash, AttentionVariant::naive})
                        QTest::newRow((std::string(model) + " " + to_text(layout) + " " +
                                       to_text(precision) + " " + to_text(recompute) + " " +
                                       to_text(attention))
                                          .c_str())
                            << QString(model) << layout << precision << recompute << attention;
}

void TrainTest::a_plan_knows_the_memory_of_every_step() {
    QFETCH(QString, model);
    QFETCH(Layout, layout);
    QFETCH(Precision, precision);
    QFETCH(Recompute, recompute);
    RunConfig run = tiny_run();
    run.model = golden_model(model.toStdString());
    QFETCH(AttentionVariant, attention);
    run.layout = layout, run.precision = precision, run.recompute = recompute;
    run.attention = attention;
    run.validation = 0.2, run.validation_steps = 2, run.accumulation = 2, run.dropout = 0.1;
    RunConfig plan = run;
    plan.device = DeviceKind::plan;
    const DeviceTotals measured = totals_of(run), predicted = totals_of(plan);
    QCOMPARE(predicted.memory.peak_total, measured.memory.peak_total);
    QCOMPARE(predicted.memory.at_peak, measured.memory.at_peak);
    QCOMPARE(predicted.memory.peak, measured.memory.peak);
    QVERIFY(measured.memory.peak[std::size_t(Purpose::gradients)] > 0);
    QVERIFY(measured.memory.peak[std::size_t(Purpose::optimizer)] > 0);
}

void TrainTest::masks_chosen_by_themselves_are_planned_and_new_in_each_epoch() {
    RunConfig run = tiny_run();
    run.model = golden::folder("esm2-head24");
    run.masking = Masking::bernoulli, run.layout = Layout::padded;
    run.batch = 3, run.batches = 1, run.steps = 4; // an epoch each
    run.learning_rate = 1e-30, run.weight_decay = 0;
    RunConfig plan = run;
    plan.device = DeviceKind::plan;
    const auto losses = losses_of(run);
    for (std::size_t i = 1; i < losses.size(); ++i) QVERIFY(losses[i] != losses[0]);
    QCOMPARE(totals_of(plan).memory.peak, totals_of(run).memory.peak);
    run.batches = plan.batches = 3, run.validation = plan.validation = 0.3;
    QCOMPARE(totals_of(plan).memory.peak, totals_of(run).memory.peak);
    run.masking = Masking::exact;
    QVERIFY(losses_of(run) != losses);
}

void TrainTest::without_fusion_a_step_is_the_same_in_more_passes_data() {
    QTest::addColumn<QString>("model");
    for (const char* model : golden_models) QTest::newRow(model) << QString(model);
}

void TrainTest::without_fusion_a_step_is_the_same_in_more_passes() {
    QFETCH(QString, model);
    RunConfig run = tiny_run();
    run.model = golden_model(model.toStdString());
    run.batches = 1, run.steps = 3;
    const auto fused = losses_of(run);
    run.fusion = Fusion::none;
    const auto eager = losses_of(run);
    for (std::size_t i = 0; i < 3; ++i) QVERIFY(std::abs(eager[i] - fused[i]) < 1e-4);
    RunConfig plan = run;
    plan.device = DeviceKind::plan;
    QCOMPARE(totals_of(plan).memory.peak, totals_of(run).memory.peak);
}

void TrainTest::steps_too_small_for_16_bits_add_up_without_masters() {
    RunConfig run = tiny_run();
    run.precision = Precision::bf16;
    run.steps = 60, run.learning_rate = 3e-4; // by far below 2^-8 of a weight
    const auto with = losses_of(run);
    run.master_weights = false;
    const auto without = losses_of(run);
    QVERIFY(without != with && without == losses_of(run));
    const double fell = with.front() - with.back();
    QVERIFY(fell > 0.05);
    QVERIFY2(without.front() - without.back() > 0.7 * fell, qPrintable(QString::number(fell)));
    run.steps = 8;
    RunConfig plan = run;
    plan.device = DeviceKind::plan;
    const DeviceTotals measured = totals_of(run), predicted = totals_of(plan);
    QCOMPARE(predicted.memory.peak, measured.memory.peak);
    run.master_weights = true;
    QVERIFY(measured.memory.peak[std::size_t(Purpose::optimizer)] <
            totals_of(run).memory.peak[std::size_t(Purpose::optimizer)]);
}

void TrainTest::naive_attention_keeps_the_scores_of_every_block() {
    RunConfig run = tiny_run();
    run.device = DeviceKind::plan;
    run.model = "gpt2", run.batch = 2, run.batches = 1, run.steps = 1;
    run.lengths = "fixed", run.sequence = 512;
    run.precision = Precision::bf16;
    const auto activations = [](const RunConfig& run) {
        return double(totals_of(run).memory.peak[std::size_t(Purpose::activations)]);
    };
    RunConfig naive = run;
    naive.attention = AttentionVariant::naive;
    const double scores = 2.0 * 12 * 512 * 512 * 4; // of a block: 12 heads, in f32
    const double more = activations(naive) - activations(run);
    QVERIFY2(more > 11.9 * scores && more < 13.1 * scores, qPrintable(QString::number(more)));
    run.recompute = naive.recompute = Recompute::full; // those of one, and the gradients by them
    QVERIFY(activations(naive) - activations(run) < 2.1 * scores);
}

void TrainTest::in_f32_no_weight_is_held_twice() {
    RunConfig run = tiny_run();
    run.device = DeviceKind::plan;
    run.model = "gpt2", run.batches = 1, run.steps = 1;
    const auto peak = totals_of(run).memory.peak;
    const double weights = double(peak[std::size_t(Purpose::weights)]);
    QVERIFY(weights > 4 * 124e6); // AdamW's means are two more of them
    QVERIFY(double(peak[std::size_t(Purpose::optimizer)]) < 2.01 * weights);
}

void TrainTest::recomputing_takes_less_memory() {
    RunConfig run = tiny_run();
    run.device = DeviceKind::plan;
    run.batch = 64;
    std::vector<std::size_t> peaks;
    for (const auto recompute : {Recompute::none, Recompute::selective, Recompute::full}) {
        run.recompute = recompute;
        DeviceContext device(run);
        losses_of(run, device.context());
        peaks.push_back(device.totals().memory.peak[std::size_t(Purpose::activations)]);
    }
    QVERIFY(peaks[1] < peaks[0] && peaks[2] < peaks[1]);
}

void TrainTest::logits_of_a_whole_batch_are_never_there() {
    const QTemporaryDir folder;
    ModelConfig model = load_model_config("gpt2"); // of 50257 tokens
    model.layers = 1, model.width = 16, model.mlp_width = 32;
    model.heads = model.kv_heads = 2, model.head_size = 8;
    RunConfig run;
    run.model = folder.filePath("narrow.json").toStdString();
    files::written(run.model, dump(fields_of(model)));
    run.task = Task::train, run.device = DeviceKind::plan;
    run.sequence = 512, run.steps = 1;
    for (const PlanFor device : {PlanFor::cpu, PlanFor::cuda}) {
        run.plan_for = device;
        const auto peak = [&](int batch) {
            run.batch = batch;
            return double(totals_of(run).memory.peak[std::size_t(Purpose::activations)]);
        };
        const double rows = 16 * 512, logits = rows * model.vocabulary * sizeof(float);
        QVERIFY(peak(32) - peak(16) < logits / 50);
    }
}

void TrainTest::a_batch_with_a_token_that_the_model_lacks_is_named() {
    const RunConfig run = golden_run("llama-tiny", Layout::ragged, Precision::f32);
    HostAllocator allocator;
    Context context(CpuStream{.threads = 1}, allocator);
    const ModelConfig model = load_model_config(run.model);
    TrainedModel trained(model, run, 70, context);
    for (const bool label : {false, true})
        for (const std::int32_t wrong : {-2, model.vocabulary}) {
            Example example = golden_example("llama-tiny", Layout::ragged);
            (label ? example.targets : example.input.ids)[5] = wrong;
            try {
                trained.gradients_of({&example, 1}, {.scored = 1});
                QFAIL("it was taken");
            } catch (const Error& e) {
                QCOMPARE(std::string(e.what()), std::string(label ? "a label is " : "a token is ") +
                                                    to_text(wrong) + ", but " + model.name +
                                                    " has a vocabulary of " +
                                                    to_text(model.vocabulary));
            }
        }
}

void TrainTest::the_first_tensor_that_is_no_number_is_named() {
    const RunConfig run = golden_run("llama-tiny", Layout::ragged, Precision::f32);
    const Example example = golden_example("llama-tiny", Layout::ragged);
    const auto reason_of = [&](bool weight, float value) {
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        TrainedModel trained(load_model_config(run.model), run, 70, context);
        const StepSettings settings{.step = 6, .scored = 1, .learning_rate = 0.1};
        trained.gradients_of({&example, 1}, settings);
        const Learned& victim = trained.learned()[3];
        (weight ? *victim.weight : *victim.gradient).as<float>()[2] = value;
        try {
            trained.update(settings);
        } catch (const Error& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    const std::string name = "layer 0 attention_output weight", begin = "training went astray: in "
                                                                        "step 7 ";
    QVERIFY2(
        reason_of(false, NAN).starts_with(begin + "the gradient by " + name + " is not finite;"),
        reason_of(false, NAN).c_str());
    QVERIFY(reason_of(false, 1e30f)
                .starts_with(begin + "the gradient by " + name + " is so large that its norm"));
    QVERIFY(reason_of(true, NAN).empty()); // nothing has been computed with it yet
}

SWEETSPOT_TEST(TrainTest)
#include "train_test.moc"

// A training from its data to what it leaves: which rows it sees, when it ends, what it saves, and
// what it refuses.
#include "engine/config/catalogue.h"
#include "engine/data/shuffled_batches.h"
#include "engine/device/device.h"
#include "engine/tasks/workload.h"
#include "engine/train/schedule.h"
#include "engine/weights/open_model.h"
#include "tests/engine/training_support.h"
#include "tests/suite.h"
#include <QtTest>
#include <set>

using namespace sweetspot;

namespace {

QByteArray bytes_of(const std::string& folder) {
    QFile file(QString::fromStdString(folder) + "/model.safetensors");
    return file.open(QFile::ReadOnly) ? file.readAll() : QByteArray();
}

BatchOf<TokenRow> views_of(const Batch& batch) {
    return {{batch.rows.begin(), batch.rows.end()}, batch.specials_per_row};
}

} // namespace

class TrainRunTest : public QObject {
    Q_OBJECT
private slots:
    void learning_rates_follow_their_schedule();
    void the_hyperpod_studys_trace_of_rates_is_met();
    void an_epoch_has_every_row_once_and_the_next_another_order();
    void held_out_rows_are_never_trained_on();
    void trained_weights_are_a_model_for_others_data();
    void trained_weights_are_a_model_for_others();
    void weights_that_cannot_be_written_are_named();
    void what_follows_a_step_is_timed_by_itself();
    void a_run_ends_by_its_time();
    void a_run_ends_by_its_tokens();
    void a_run_ends_where_validation_gets_no_better();
    void what_cannot_be_trained_is_refused();
    void a_gradient_that_is_no_number_ends_the_run();
};

/// As experiments/esm2-pretrain.json has it: it falls to a 97th at the last step, and would be 0 at
/// the next. What the study's log says of steps 16, 32, …, is the rate that follows each of them.
void TrainRunTest::the_hyperpod_studys_trace_of_rates_is_met() {
    const Training run{.steps = 97,
                       .learning_rate = 5e-5,
                       .schedule = Schedule::linear,
                       .final_rate = 0.010309278350515464};
    const std::array logged{4.175e-5, 3.351e-5, 2.526e-5, 1.701e-5, 8.763e-6};
    for (int i = 0; i < 5; ++i)
        QVERIFY(std::abs(learning_rate_of(run, 16 * (i + 1)) / logged[std::size_t(i)] - 1) < 2e-4);
}

void TrainRunTest::learning_rates_follow_their_schedule() {
    Training run{.steps = 12, .learning_rate = 1, .warmup_steps = 2, .final_rate = 0.1};
    const auto rates = [&] {
        std::vector<double> y;
        for (const int step : {0, 1, 2, 6, 11}) y.push_back(learning_rate_of(run, step));
        return y;
    };
    const auto near = [&](const std::vector<double>& expected) {
        const auto found = rates();
        for (std::size_t i = 0; i < expected.size(); ++i)
            if (std::abs(found[i] - expected[i]) > 1e-12) return false;
        return true;
    };
    QVERIFY(near({0.5, 1, 1, 1, 1}));
    run.schedule = Schedule::linear;
    QVERIFY(near({0.5, 1, 1, 0.1 + 0.9 * 5 / 9, 0.1}));
    run.schedule = Schedule::cosine;
    QVERIFY(near({0.5, 1, 1, 0.1 + 0.9 * 0.5 * (1 + std::cos(M_PI * 4 / 9)), 0.1}));
}

void TrainRunTest::an_epoch_has_every_row_once_and_the_next_another_order() {
    Batch rows;
    for (std::int32_t i = 0; i < 10; ++i) rows.rows.push_back(Tokens(std::size_t(i % 4) + 1, i));
    RunConfig run;
    run.batch = 3;
    ShuffledBatches<TokenRow> batches(views_of(rows), run), same(views_of(rows), run);
    ShuffledBatches<std::int32_t> shapes(shape_of(rows), run);
    std::vector<std::vector<std::int32_t>> epochs(3);
    for (int i = 0; i < 9; ++i) {
        const Batch batch = copy_of(batches.next());
        QCOMPARE(batch.rows.size(), std::size_t(3));
        QCOMPARE(batch, copy_of(same.next()));
        QCOMPARE(shapes.next(), shape_of(batch));
        QCOMPARE(batches.epoch(), i / 3);
        for (const Tokens& row : batch.rows) epochs[std::size_t(batches.epoch())].push_back(row[0]);
    }
    for (const auto& epoch : epochs)
        QCOMPARE(std::set<std::int32_t>(epoch.begin(), epoch.end()).size(), std::size_t(9));
    QVERIFY(epochs[0] != epochs[1] && epochs[1] != epochs[2]);
    run.token_budget = 8;
    ShuffledBatches<TokenRow> budgeted(views_of(rows), run);
    for (int i = 0; i < 20; ++i) QVERIFY(count_tokens(budgeted.next()).real <= 8);
}

void TrainRunTest::held_out_rows_are_never_trained_on() {
    Batch rows;
    for (std::int32_t i = 0; i < 20; ++i) rows.rows.push_back({i});
    const auto parted = [&](std::int64_t seed) {
        auto rest = views_of(rows);
        const Batch held = copy_of(hold_out(rest, 0.25, seed));
        return std::pair(held, copy_of(rest));
    };
    const auto [held, rest] = parted(1);
    QCOMPARE(held.rows.size(), std::size_t(5));
    QCOMPARE(rest.rows.size(), std::size_t(15));
    std::set<Tokens> all(rest.rows.begin(), rest.rows.end());
    for (const Tokens& row : held.rows) QVERIFY(all.insert(row).second);
    QCOMPARE(parted(1).first, held);
    QVERIFY(parted(2).first != held);
    RunConfig run = tiny_run();
    run.validation = 0.25, run.validation_steps = 4;
    DeviceContext device(run);
    const auto work = make_workload(run, device.context());
    std::vector<int> validated;
    int waited = 0;
    for (int step = 1; !work->done(); ++step) {
        take_step(*work);
        for (const auto& [metric, value] : work->series()) {
            if (metric == "validation_loss") validated.push_back(step);
            waited += metric == "data_seconds" && value > 0;
        }
    }
    QCOMPARE(validated, (std::vector<int>{4, 8}));
    QCOMPARE(waited, 8);
}

void TrainRunTest::what_follows_a_step_is_timed_by_itself() {
    const QTemporaryDir folder;
    RunConfig run = tiny_run();
    run.validation = 0.25, run.validation_steps = 4;
    run.checkpoint = folder.filePath("checkpoints").toStdString(), run.checkpoint_steps = 3;
    run.save = folder.filePath("trained").toStdString();
    DeviceContext device(run);
    const auto work = make_workload(run, device.context());
    const auto has = [&](std::string_view metric) {
        for (const auto& [name, value] : work->series())
            if (name == metric) return value > 0;
        return false;
    };
    std::vector<int> validated, kept;
    for (int step = 1; !work->done(); ++step) {
        work->run_phase(0);
        QVERIFY(!has("validation_loss") && !has("validation_seconds"));
        QVERIFY(!has("checkpoint_seconds"));
        const bool something = work->after_step();
        QCOMPARE(has("validation_seconds"), has("validation_loss"));
        QCOMPARE(something, has("validation_seconds") || has("checkpoint_seconds"));
        if (has("validation_seconds")) validated.push_back(step);
        if (has("checkpoint_seconds")) kept.push_back(step);
    }
    QCOMPARE(validated, (std::vector<int>{3, 4, 6, 8})); // a checkpoint knows its loss
    QCOMPARE(kept, (std::vector<int>{3, 6, 8}));
    QVERIFY(std::filesystem::exists(run.save + "/model.safetensors"));
}

void TrainRunTest::trained_weights_are_a_model_for_others_data() {
    QTest::addColumn<QString>("model");
    for (const char* model : {"esm2-head24", "llama-tiny", "gpt2-tiny"})
        QTest::newRow(model) << QString(model);
}

void TrainRunTest::trained_weights_are_a_model_for_others() {
    QFETCH(QString, model);
    const QTemporaryDir folder;
    RunConfig run = tiny_run();
    run.model = run.weights = golden::folder(model.toStdString());
    run.steps = 3, run.save = folder.filePath("trained").toStdString();
    const auto losses = losses_of(run);
    HostAllocator allocator;
    Context context(CpuStream{.threads = 2}, allocator);
    const ModelConfig config = load_model_config(run.save);
    RunConfig again = run;
    again.model = again.weights = run.save;
    const auto loaded = weights_for(again, config, context);
    QVERIFY(loaded.provenance.loaded);
    again.save.clear(), again.steps = 1;
    QVERIFY(losses_of(again).front() < losses.front()); // of the same first batch
    const QByteArray saved = bytes_of(run.save);
    DeviceContext device(run);
    const auto work = make_workload(run, device.context());
    while (!work->done()) take_step(*work);
    work->run_phase(0); // as a trace does once more
    QCOMPARE(bytes_of(run.save), saved);
    QCOMPARE(QDir(QString::fromStdString(run.save)).entryList(QDir::Files),
             (QStringList{"config.json", "model.safetensors"}));
}

void TrainRunTest::weights_that_cannot_be_written_are_named() {
    RunConfig run = tiny_run();
    run.steps = 1, run.save = "/dev/null/trained";
    const std::string refusal = [&] {
        try {
            DeviceContext device(run);
            make_workload(run, device.context()); // before anything is learned
        } catch (const Error& e) {
            return std::string(e.what());
        }
        return std::string();
    }();
    QVERIFY2(refusal.starts_with("/dev/null/trained cannot be made: "), refusal.c_str());
    const QTemporaryDir folder;
    QVERIFY(QDir(folder.path()).mkpath("trained/model.safetensors.partial"));
    run.save = folder.filePath("trained").toStdString();
    QVERIFY(refusal_of(run).find("model.safetensors cannot be written: ") != std::string::npos);
}

void TrainRunTest::a_run_ends_by_its_time() {
    RunConfig run = tiny_run();
    const QTemporaryDir folder;
    run.steps = 1000000, run.train_seconds = 1e-6;
    run.save = folder.filePath("trained").toStdString();
    QCOMPARE(losses_of(run).size(), std::size_t(1));
    QVERIFY(!bytes_of(run.save).isEmpty());
}

void TrainRunTest::a_run_ends_by_its_tokens() {
    RunConfig run = tiny_run();
    run.lengths = "fixed"; // 4 times 16 tokens a step
    run.steps = 1000000, run.train_tokens = 3 * 64 - 1;
    QCOMPARE(losses_of(run).size(), std::size_t(3));
}

void TrainRunTest::a_run_ends_where_validation_gets_no_better() {
    RunConfig run = tiny_run();
    run.steps = 200, run.learning_rate = 1e-30; // nothing is learned
    run.validation = 0.3, run.validation_steps = 2, run.patience = 3;
    QCOMPARE(losses_of(run).size(), std::size_t(8)); // the first is the best
    run.model = golden::folder("esm2-head24");       // learns which tokens are residues
    run.learning_rate = 0.003, run.steps = 10;
    QCOMPARE(losses_of(run).size(), std::size_t(10)); // it falls
}

void TrainRunTest::what_cannot_be_trained_is_refused() {
    RunConfig run = tiny_run();
    run.batch = 50, run.batches = 1;
    run.validation = 0.5;
    QCOMPARE(refusal_of(run), std::string("the data have 25 sequences to train on, which fill no "
                                          "batch of 50 sequences"));
    run = tiny_run();
    run.device = DeviceKind::plan, run.plan_for = PlanFor::cuda;
    run.precision = Precision::bf16, run.attention = AttentionVariant::vendor;
    QCOMPARE(refusal_of(run), std::string("task train goes with attention naive or flash: of the "
                                          "vendor's it has no gradients"));
    run.model = golden::folder("families/mistral");
    run.attention = AttentionVariant::flash;
    QCOMPARE(refusal_of(run), std::string("attention through a window is computed on the CPU only: "
                                          "that of mistral has 7 tokens, sequences up to 16"));
    run = tiny_run();
    run.warmup_steps = 8;
    QCOMPARE(refusal_of(run), std::string("warmup_steps (8) leaves none of the 8 steps"));
    run = tiny_run();
    run.device = DeviceKind::plan, run.plan_for = PlanFor::cuda;
    run.fusion = Fusion::mlp_norm;
    QCOMPARE(refusal_of(run), std::string("task train goes with fusion none, epilogues or "
                                          "dropout_norm: mlp_norm keeps nothing for the backward "
                                          "pass"));
    run.fusion = Fusion::epilogues;
    run.precision = Precision::f16, run.master_weights = false;
    QCOMPARE(refusal_of(run),
             std::string("task train in f16 needs master_weights: only bf16 is rounded at random"));
    run = tiny_run();
    run.masking = Masking::bernoulli;
    QCOMPARE(refusal_of(run), std::string("masking bernoulli is for models that see both sides; "
                                          "llama-tiny is causal"));
}

void TrainRunTest::a_gradient_that_is_no_number_ends_the_run() {
    RunConfig run = tiny_run();
    run.learning_rate = 1e30, run.clip = 0;
    const std::string reason = refusal_of(run);
    QVERIFY2(reason.starts_with("training went astray: in step ") &&
                 reason.find("is not finite") != reason.npos,
             reason.c_str());
}

SWEETSPOT_TEST(TrainRunTest)
#include "train_run_test.moc"

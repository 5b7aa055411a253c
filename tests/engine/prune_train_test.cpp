// Pruning and training again: what is gone stays 0 while the rest learns, at once or little by
// little.
#include "engine/config/catalogue.h"
#include "engine/config/json.h"
#include "engine/config/possible.h"
#include "engine/config/pruned_model.h"
#include "engine/train/pruned_learning.h"
#include "engine/train/schedule.h"
#include "engine/train/trained_files.h"
#include "engine/weights/stored_tensors.h"
#include "tests/engine/files.h"
#include "tests/engine/prune_support.h"
#include "tests/engine/training_support.h"
#include "tests/suite.h"
#include <QtTest>
#include <bit>

using namespace sweetspot;

namespace {

RunConfig retraining(PruneBy by = PruneBy::magnitude) {
    RunConfig run = tiny_run();
    run.weights = run.model;
    run.prune = by;
    return run;
}

void set(RunConfig& run, const QString& fields) {
    for (const QString& field : fields.split(' ', Qt::SkipEmptyParts))
        QVERIFY2(set_field(run, field.section('=', 0, 0).toStdString(),
                           field.section('=', 1).toStdString()),
                 qPrintable(field));
}

/// The tensors that a training saved, by name.
using Saved = std::map<std::string, std::vector<float>>;
Saved saved_by(RunConfig run) {
    const QTemporaryDir folder;
    run.save = folder.filePath("trained").toStdString();
    losses_of(run);
    const StoredTensors stored = open_weights(run.save);
    Saved y;
    for (const auto& [name, tensor] : stored.tensors) {
        std::vector<float> numbers(tensor.bytes.size() / sizeof(float));
        std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
        y[name] = numbers;
    }
    return y;
}

bool is_linear_of_block(const std::string& name) {
    return name.ends_with("proj.weight");
}

} // namespace

class PruneTrainTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    pruning::CalibratedRuns calibrated_{};

private slots:
    void the_sparsity_grows_as_a_cubic() {
        const Pruning run{.sparsity = 0.8, .prune_steps = 25, .prune_every = 10};
        for (const int step : {0, 1, 9, 11, 26, 30, 100})
            QVERIFY2(!sparsity_before(run, step), qPrintable(QString::number(step)));
        const auto near = [&](int step, double expected) {
            return std::abs(sparsity_before(run, step).value_or(-1) - expected) < 1e-12;
        };
        QVERIFY(near(10, 0.8 * (1 - 0.6 * 0.6 * 0.6)));
        QVERIFY(near(20, 0.8 * (1 - 0.2 * 0.2 * 0.2)));
        QVERIFY(near(25, 0.8)); // the last, whatever divides it
        for (int step = 0; step < 30; ++step) QVERIFY(!sparsity_before({.sparsity = 0.8}, step));
    }

    void what_is_gone_stays_0_while_the_rest_learns_data() {
        QTest::addColumn<QString>("fields");
        for (const char* fields :
             {"", "prune_scope=row", "prune_scope=global sparsity=0.7", "prune_pattern=2:4",
              "prune_pattern=4:8 weight_decay=0.1", "optimizer=sgd momentum=0.9", "precision=bf16",
              "precision=bf16 master_weights=false", "prune=wanda",
              "prune=sparsegpt prune_pattern=2:4", "accumulation=2 clip=0.1"})
            QTest::newRow(fields) << fields;
    }
    void what_is_gone_stays_0_while_the_rest_learns() {
        QFETCH(QString, fields);
        RunConfig run = retraining();
        set(run, fields);
        if (run.calibrated()) {
            const RunConfig text = calibrated_.config("llama-tiny", run.prune);
            run.tokenizer = text.tokenizer, run.prune_data = text.prune_data;
            run.prune_windows = text.prune_windows, run.prune_window = text.prune_window;
        }
        run.steps = 1, run.learning_rate = 1e-30;
        const Saved before = saved_by(run);
        run.steps = 6, run.learning_rate = 0.01;
        const Saved after = saved_by(run);
        std::size_t zeros = 0, all = 0;
        for (const auto& [name, numbers] : before) {
            const auto& learned = after.at(name);
            QVERIFY2(learned != numbers, name.c_str());
            if (!is_linear_of_block(name)) continue;
            QCOMPARE(pruning::zeros(learned), pruning::zeros(numbers));
            zeros += pruning::zeros(numbers).size(), all += numbers.size();
        }
        QCOMPARE(all, std::size_t(61440));
        QCOMPARE(zeros, std::size_t(std::llround(run.sparsity * double(all))));
    }

    void weights_that_go_little_by_little_never_come_back() {
        RunConfig run = retraining();
        run.sparsity = 0.75, run.prune_steps = 6, run.prune_every = 2;
        std::vector<std::size_t> gone;
        for (const int steps : {7, 8, 12}) {
            run.steps = steps;
            gone.push_back(0);
            for (const auto& [name, numbers] : saved_by(run))
                if (is_linear_of_block(name)) gone.back() += pruning::zeros(numbers).size();
        }
        QCOMPARE(gone, std::vector<std::size_t>(3, 61440 * 3 / 4));
        // Between them the share is the schedule's, and moments of what is gone are 0.
        DeviceContext device(run);
        TrainedModel model(load_model_config(run.model), run, 16, device.context());
        model.prune_to(0.25);
        QCOMPARE(model.pruning().pruned, std::int64_t(61440 / 4));
        QCOMPARE(model.pruning().prunable, std::int64_t(61440));
        std::map<std::string, std::vector<std::size_t>> first;
        for (const Learned& learned : model.learned())
            if (is_prunable(learned))
                first[learned.name()] = pruning::zeros(on_host(learned.value(), device.context()));
        for (const Learned& learned : model.learned()) // as steps leave them
            for (const Tensor* moment : {&learned.mean, &learned.square})
                std::fill_n(moment->as<float>(), moment->shape().count(), 1.0f);
        model.prune_to(0.5);
        for (const Learned& learned : model.learned()) {
            const auto moments = pruning::zeros(on_host(learned.mean, device.context()));
            if (!is_prunable(learned)) {
                QVERIFY(moments.empty());
                continue;
            }
            const auto now = pruning::zeros(on_host(learned.value(), device.context()));
            QCOMPARE(now.size(), 2 * first.at(learned.name()).size());
            QVERIFY(std::ranges::includes(now, first.at(learned.name())));
            QCOMPARE(moments, now);
        }
    }

    void a_training_that_goes_on_is_the_one_that_never_stopped_data() {
        QTest::addColumn<QString>("fields");
        for (const char* fields : {"", "prune_steps=6 prune_every=2", "prune_pattern=2:4",
                                   "prune_steps=5 prune_every=3 prune_scope=global",
                                   "prune_pattern=structured", "lora_rank=2"})
            QTest::newRow(fields) << fields;
    }
    void a_training_that_goes_on_is_the_one_that_never_stopped() {
        QFETCH(QString, fields);
        RunConfig run = retraining();
        set(run, fields);
        const auto expected = losses_of(run);
        const QTemporaryDir folder;
        run.checkpoint = folder.filePath("c").toStdString(), run.checkpoint_steps = 3;
        auto found = losses_of(run, 4); // stopped behind a checkpoint
        found.resize(3);
        const auto rest = losses_of(run);
        found.insert(found.end(), rest.begin(), rest.end());
        QCOMPARE(found, expected);
    }

    void a_tied_head_stays_tied_and_whole() {
        for (const char* name : {"gpt2-tiny", "esm2-tiny"}) {
            RunConfig run = retraining();
            run.model = run.weights = golden::folder(name);
            run.steps = 4;
            const Saved saved = saved_by(run);
            std::size_t tables = 0;
            for (const auto& [tensor, numbers] : saved) {
                QVERIFY(tensor.find("lm_head.decoder.weight") == std::string::npos);
                if (tensor.find("wte") == tensor.npos &&
                    tensor.find("word_embeddings") == tensor.npos)
                    continue;
                ++tables;
                QVERIFY(pruning::zeros(numbers).empty());
            }
            QCOMPARE(tables, std::size_t(1));
        }
    }

    void a_smaller_model_learns() {
        RunConfig run = retraining();
        run.prune_pattern = PrunePattern::structured;
        run.steps = 20;
        DeviceContext device(run);
        const auto work = make_workload(run, device.context());
        std::vector<double> losses;
        while (!work->done()) {
            take_step(*work);
            losses.push_back(work->series().front().second);
        }
        QVERIFY(losses.back() < losses.front());
        const Outcome outcome = work->outcome();
        QVERIFY(outcome.trainable_parameters < 61440);
        QVERIFY2(outcome.pruning.note.find("is a smaller model") != std::string::npos,
                 outcome.pruning.note.c_str());
    }

    void a_smaller_model_is_saved_as_what_it_is_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("pattern");
        QTest::addColumn<bool>("transformers");
        const auto row = [](const char* model, const char* pattern, bool transformers) {
            QTest::addRow("%s %s", model, pattern) << model << pattern << transformers;
        };
        row("llama-tiny", "structured", true);
        row("gpt2-tiny", "channels", true);
        row("gpt2-tiny", "heads", false); // whose heads are channels over heads wide
        row("esm2-tiny", "channels", true);
        row("esm2-tiny", "structured", false);
    }
    void a_smaller_model_is_saved_as_what_it_is() {
        QFETCH(QString, model);
        QFETCH(QString, pattern);
        QFETCH(bool, transformers);
        RunConfig run = retraining();
        run.model = run.weights = golden::folder(model.toStdString());
        set(run, "prune_pattern=" + pattern + " steps=3 batches=6 validation=0.3");
        run.validation_steps = 1;
        run.save = folder_.filePath(QTest::currentDataTag()).toStdString();
        const auto last_validation = [](const RunConfig& training) {
            DeviceContext device(training);
            const auto work = make_workload(training, device.context());
            double loss = 0;
            while (!work->done()) {
                take_step(*work);
                for (const auto& [metric, value] : work->series())
                    if (metric == "validation_loss") loss = value;
            }
            return loss;
        };
        const double expected = last_validation(run);

        QCOMPARE(read_json(run.save + "/config.json").contains("model_type"), transformers);
        ModelConfig left = pruned_model(load_model_config(run.model), run),
                    saved = load_model_config(run.save);
        QVERIFY(left.heads + left.mlp_width <
                load_model_config(run.model).heads + load_model_config(run.model).mlp_width);
        for (ModelConfig* described : {&left, &saved}) described->name = described->source = "";
        QVERIFY(saved == left);

        RunConfig again = run; // no step is taken from what was saved
        again.model = again.weights = run.save;
        again.prune = PruneBy::none;
        again.steps = 1, again.learning_rate = 1e-30, again.save.clear();
        QCOMPARE(last_validation(again), expected);
    }

    void training_gives_back_what_pruning_took() {
        RunConfig run;
        run.task = Task::train;
        run.model = run.weights = golden::folder("llama-trained");
        run.data = run.model + "/calibration.txt";
        run.threads = 2, run.batch = 8, run.sequence = 64, run.steps = 16;
        run.learning_rate = 1e-3, run.schedule = Schedule::cosine;
        run.validation = 0.05, run.validation_steps = 1;
        const auto validated = [&] {
            DeviceContext device(run);
            const auto work = make_workload(run, device.context());
            std::vector<double> losses;
            while (!work->done()) {
                take_step(*work);
                for (const auto& [metric, value] : work->series())
                    if (metric == "validation_loss") losses.push_back(value);
            }
            return losses;
        };
        run.prune = PruneBy::magnitude, run.sparsity = 0.7;
        const auto at_once = validated();
        constexpr int last_pruning = 4;
        run.prune_steps = last_pruning, run.prune_every = 2;
        const auto little_by_little = validated();
        run.prune = PruneBy::none, run.prune_steps = 0;
        const auto whole = validated();
        const auto said = [&] {
            return QString("%1, %2 at once to %3, little by little to %4")
                .arg(whole.back())
                .arg(at_once.front())
                .arg(at_once.back())
                .arg(little_by_little.back());
        };
        QVERIFY2(at_once.back() < at_once.front() - 0.1, qPrintable(said()));
        QVERIFY2(whole.back() < at_once.back(), qPrintable(said()));
        const double after_the_last = little_by_little.at(std::size_t(last_pruning));
        QVERIFY2(little_by_little.back() < after_the_last - 0.05,
                 qPrintable(said() + QString(" from %1").arg(after_the_last)));
    }

    void what_was_trained_in_2_4_is_stored_in_2_4() {
        RunConfig run = retraining();
        run.prune_pattern = PrunePattern::two_of_four;
        run.steps = 3, run.save = folder_.filePath("two-of-four").toStdString();
        losses_of(run);
        RunConfig later;
        later.model = later.weights = run.save;
        later.threads = 1, later.sequence = 24, later.precision = Precision::bf16;
        later.weight_format = WeightFormat::two_of_four_bf16; // refuses what has more
        DeviceContext device(later);
        make_workload(later, device.context())->run_phase(0);
    }

    void predicted_memory_is_what_is_used_data() {
        QTest::addColumn<QString>("fields");
        for (const char* fields :
             {"", "prune_pattern=2:4", "prune_pattern=structured", "prune_scope=global",
              "prune_steps=6 prune_every=2", "prune_steps=4 precision=bf16 prune_scope=global",
              "lora_rank=4"})
            QTest::newRow(fields) << fields;
    }
    void predicted_memory_is_what_is_used() {
        QFETCH(QString, fields);
        RunConfig run = retraining();
        set(run, fields);
        RunConfig plan = run;
        plan.device = DeviceKind::plan;
        const DeviceTotals measured = totals_of(run), predicted = totals_of(plan);
        QCOMPARE(predicted.memory.peak_total, measured.memory.peak_total);
        QCOMPARE(predicted.memory.peak, measured.memory.peak);
    }

    void what_was_done_is_said() {
        const auto note = [](const RunConfig& run) {
            DeviceContext device(run);
            const auto work = make_workload(run, device.context());
            while (!work->done()) take_step(*work);
            return work->outcome().pruning.note;
        };
        RunConfig run = retraining();
        QCOMPARE(note(run), std::string("magnitude, unstructured by layer; 50 % of 61440 weights "
                                        "of the blocks' linears are 0; zeros are stored and "
                                        "computed like other numbers: the mask saves no memory and "
                                        "no time; what is 0 stays so"));
        run.prune_steps = 4;
        QCOMPARE(note(run), std::string("magnitude, unstructured by layer, growing over 4 steps; "
                                        "30720 of 61440 weights of the blocks' linears are 0; "
                                        "what is 0 stays so"));
        run.prune = PruneBy::none, run.prune_steps = 0;
        QCOMPARE(note(run), std::string());
    }

    void what_went_little_by_little_is_assessed() {
        RunConfig run = retraining();
        set(run, "prune_steps=4 quality=perplexity save=there quality_data=text");
        QCOMPARE(impossible(run, load_model_config(run.model)).value_or(""), std::string());
    }

    void what_cannot_be_trained_again_is_said_data() {
        QTest::addColumn<QString>("fields");
        QTest::addColumn<QString>("sentence");
        const auto row = [](const char* fields, const char* sentence) {
            QTest::newRow(fields) << fields << sentence;
        };
        row("prune_steps=8",
            "prune_steps (8) leaves none of the 8 steps to learn with what is left");
        row("prune_steps=4 prune_pattern=2:4",
            "prune_steps 4 needs task train of all weights with prune magnitude and prune_pattern "
            "unstructured");
        row("prune_steps=4 lora_rank=2",
            "prune_steps 4 needs task train of all weights with prune magnitude and prune_pattern "
            "unstructured");
        row("task=forward prune_steps=4",
            "prune_steps 4 needs task train of all weights with prune magnitude and prune_pattern "
            "unstructured");
        row("prune_pattern=channels lora_rank=2 checkpoint=there",
            "prune_pattern channels leaves adapters a model that no file has: they are trained "
            "without save and checkpoint");
        row("lora_rank=2 save=there save_merged=true",
            "save_merged adds adapters to weights as their files have them, not as prune magnitude "
            "leaves them");
        row("sparsity=1", "\"sparsity\" is a number above 0 and at most 0.99, not \"1\"");
    }
    void what_cannot_be_trained_again_is_said() {
        QFETCH(QString, fields);
        QFETCH(QString, sentence);
        RunConfig run = retraining();
        set(run, fields);
        QCOMPARE(QString::fromStdString(impossible(run, load_model_config(run.model)).value_or("")),
                 sentence);
    }
};

SWEETSPOT_TEST(PruneTrainTest)
#include "prune_train_test.moc"

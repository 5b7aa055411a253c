// Trainings that are stopped and go on: as if they had not been stopped, or with a sentence.
#include "engine/config/json.h"
#include "engine/data/random.h"
#include "engine/train/checkpoints.h"
#include "engine/weights/open_model.h"
#include "tests/engine/files.h"
#include "tests/engine/training_support.h"
#include "tests/suite.h"
#include <QtTest>
#include <csignal>
#include <filesystem>
#include <sys/resource.h>

using namespace sweetspot;
namespace fs = std::filesystem;

namespace {

/// A folder of checkpoints that goes with its scope.
class Folder {
public:
    std::string path() const { return folder_.filePath("checkpoints").toStdString(); }
    std::string file(const std::string& name) const { return path() + "/" + name; }
    /// What lies there, in order.
    QStringList names() const {
        return QDir(QString::fromStdString(path()))
            .entryList(QDir::AllEntries | QDir::NoDotAndDotDot | QDir::System, QDir::Name);
    }

private:
    QTemporaryDir folder_{};
};

RunConfig checkpointed(const Folder& folder) {
    RunConfig run = tiny_run();
    run.checkpoint = folder.path();
    run.checkpoint_steps = 2;
    return run;
}

std::vector<double> tail(const std::vector<double>& all, std::size_t from) {
    return {all.begin() + std::ptrdiff_t(from), all.end()};
}

std::string resumed(const RunConfig& run) {
    DeviceContext device(run);
    const auto work = make_workload(run, device.context());
    while (!work->done()) take_step(*work);
    return work->outcome().resumed;
}

void spoil(const std::string& file) {
    std::string bytes = files::read(file);
    bytes[bytes.size() / 2] = char(bytes[bytes.size() / 2] ^ 1);
    files::written(file, bytes);
}

} // namespace

class CheckpointsTest : public QObject {
    Q_OBJECT
private slots:
    void a_training_goes_on_to_the_bit_data() {
        QTest::addColumn<QString>("fields");
        for (const char* fields :
             {"", "model=gpt2-tiny", "model=esm2-head24,layout=bucketed", "precision=bf16",
              "optimizer=sgd", "optimizer=sgd,momentum=0.9", "dropout=0.2,recompute=full",
              "accumulation=2,token_budget=40", "schedule=cosine,warmup_steps=3",
              "validation=0.3,validation_steps=3", "clip=0.01,weight_decay=0.3,decay=all"})
            QTest::newRow(fields) << QString(fields);
    }
    void a_training_goes_on_to_the_bit() {
        QFETCH(QString, fields);
        RunConfig run = tiny_run();
        for (const QString& one : fields.split(',', Qt::SkipEmptyParts)) {
            const auto parts = one.split('=');
            if (parts[0] == "model")
                run.model = golden::folder(parts[1].toStdString());
            else
                QVERIFY(set_field(run, parts[0].toStdString(), parts[1].toStdString()));
        }
        const auto whole = losses_of(run);
        Random random(7);
        for (int i = 0; i < 3; ++i) {
            const Folder folder;
            run.checkpoint = folder.path();
            run.checkpoint_steps = 1 + int(random.below(3));
            const int stop = run.checkpoint_steps +
                             int(random.below(std::uint64_t(run.steps - run.checkpoint_steps)));
            losses_of(run, stop); // and is gone, as if it were killed
            const int kept = stop / run.checkpoint_steps * run.checkpoint_steps;
            QCOMPARE(losses_of(run), tail(whole, std::size_t(kept)));
        }
    }

    void the_trained_weights_are_those_of_a_training_that_was_not_stopped() {
        const Folder folder;
        RunConfig run = tiny_run();
        run.save = folder.file("whole");
        losses_of(run);
        run.checkpoint = folder.file("of it"), run.checkpoint_steps = 3;
        losses_of(run, 5);
        run.save = folder.file("resumed");
        losses_of(run);
        QCOMPARE(files::read(folder.file("resumed/model.safetensors")),
                 files::read(folder.file("whole/model.safetensors")));
    }

    void a_checkpoint_is_a_model_for_others() {
        const Folder folder;
        RunConfig run = checkpointed(folder);
        losses_of(run);
        run.model = run.weights = folder.file("step-00000008");
        run.checkpoint.clear();
        QVERIFY(losses_of(run).front() < losses_of(tiny_run()).front());
    }

    void it_says_where_its_weights_came_from_first() {
        const Folder folder;
        RunConfig run = checkpointed(folder);
        run.weights = golden::folder("llama-tiny");
        losses_of(run, 2);
        DeviceContext device(run);
        const auto work = make_workload(run, device.context());
        QCOMPARE(work->provenance().path, run.weights);
        QCOMPARE(work->provenance().sha256.size(), std::size_t(64));
        QCOMPARE(work->steps_before(), 2);
    }

    void the_newest_and_the_best_are_kept() {
        const Folder folder;
        RunConfig run = checkpointed(folder);
        run.checkpoint_keep = 1;
        losses_of(run);
        QCOMPARE(folder.names(), QStringList{"step-00000008"});

        const Folder other;
        run = checkpointed(other);
        run.learning_rate = 1e-30, run.validation = 0.3; // the first is as good as any later one
        losses_of(run);
        QCOMPARE(other.names(),
                 (QStringList{"best", "step-00000002", "step-00000006", "step-00000008"}));
        QCOMPARE(fs::read_symlink(other.file("best")), fs::path("step-00000002"));
        QVERIFY(fs::exists(other.file("best/model.safetensors")));
    }

    void a_corrupt_one_is_passed_over_data() {
        QTest::addColumn<QString>("file");
        for (const char* file :
             {"model.safetensors", "optimizer.safetensors", "state.json", "SHA256SUMS"})
            QTest::newRow(file) << QString(file);
    }
    void a_corrupt_one_is_passed_over() {
        QFETCH(QString, file);
        for (const auto damage : {0, 1, 2}) {
            const Folder folder;
            RunConfig run = checkpointed(folder);
            const auto whole = losses_of(tiny_run());
            losses_of(run, 7);
            const std::string victim = folder.file("step-00000006/" + file.toStdString());
            if (damage == 0) spoil(victim);
            if (damage == 1) fs::resize_file(victim, fs::file_size(victim) / 2);
            if (damage == 2) fs::remove(victim);
            const std::string note = resumed(run);
            QVERIFY2(note.starts_with("from " + folder.file("step-00000004") + "; " +
                                      folder.file("step-00000006") + " is corrupt: "),
                     note.c_str());
            // It is written anew, and stands for itself.
            fs::remove_all(folder.file("step-00000008"));
            QCOMPARE(losses_of(run), tail(whole, 6));
        }
    }

    void nothing_is_begun_anew_over_corrupt_ones() {
        const Folder folder;
        const RunConfig run = checkpointed(folder);
        losses_of(run, 5);
        for (const char* step : {"step-00000002", "step-00000004"})
            spoil(folder.file(std::string(step) + "/model.safetensors"));
        const std::string reason = refusal_of(run);
        QVERIFY2(reason.starts_with("no checkpoint in " + folder.path() + " is whole") &&
                     reason.find("step-00000002 is corrupt: model.safetensors is not what was "
                                 "written") != reason.npos,
                 reason.c_str());
    }

    void what_differs_from_the_training_that_it_began_as_is_named() {
        const Folder folder;
        const RunConfig run = checkpointed(folder);
        losses_of(run, 2);
        RunConfig other = run;
        other.learning_rate = 0.02, other.batch = 3, other.schedule = Schedule::linear;
        const std::string reason = refusal_of(other);
        for (const char* part : {"batch is 3, was 4; ", "learning_rate is 0.02, was 0.01; ",
                                 "schedule is linear, was constant", "another training's: "})
            QVERIFY2(reason.find(part) != reason.npos, reason.c_str());
        other = run;
        other.steps = 9, other.save = folder.file("saved"), other.train_seconds = 1e6;
        QCOMPARE(losses_of(other).size(), std::size_t(7)); // of these it may change its mind
    }

    void a_schedule_holds_its_training_to_its_steps() {
        const Folder folder;
        RunConfig run = checkpointed(folder);
        run.schedule = Schedule::cosine;
        losses_of(run, 2);
        run.steps = 20;
        QVERIFY(refusal_of(run).find("steps is 20, was 8") != std::string::npos);
    }

    void other_data_are_another_training() {
        const Folder folder;
        RunConfig run = checkpointed(folder);
        fs::create_directories(folder.path());
        run.model = golden::folder("esm2-head24");
        run.data = folder.file("proteins.lines"), run.lengths = "fixed", run.batches = 1;
        run.batch = 2;
        const std::string proteins = "MKTAYIAK\nGGAVLLIP\nWWYFCDER\nMKMKMKMK\n";
        files::written(run.data, proteins);
        const auto whole = losses_of(run, 4);
        QCOMPARE(whole.size(), std::size_t(4));
        files::written(run.data, proteins + "AAAAAAAA\n");
        const std::string reason = refusal_of(run);
        QVERIFY2(reason.find("the data are others") != reason.npos, reason.c_str());
    }

    void a_training_that_is_over_says_so() {
        const Folder folder;
        RunConfig run = checkpointed(folder);
        losses_of(run);
        QCOMPARE(refusal_of(run), folder.file("step-00000008") +
                                      " is where this training ended, after 8 of 8 steps: there is "
                                      "nothing to go on with");
        run.steps = 10;
        QCOMPARE(losses_of(run).size(), std::size_t(2));
    }

    void a_full_disk_is_a_sentence_and_nothing_is_lost() {
        const Folder folder;
        const RunConfig run = checkpointed(folder);
        const auto whole = losses_of(tiny_run());
        losses_of(run, 2);
        rlimit usual{};
        getrlimit(RLIMIT_FSIZE, &usual);
        const auto handler = std::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{20'000, usual.rlim_max}; // of a file: the weights are larger
        setrlimit(RLIMIT_FSIZE, &small);
        const std::string reason = refusal_of(run);
        setrlimit(RLIMIT_FSIZE, &usual);
        std::signal(SIGXFSZ, handler);
        QVERIFY2(reason.starts_with("the checkpoint of step 4: ") &&
                     reason.find("model.safetensors cannot be written: ") != reason.npos &&
                     reason.ends_with("; those before it are as they were"),
                 reason.c_str());
        QCOMPARE(folder.names(), QStringList{"step-00000002"});
        QCOMPARE(losses_of(run), tail(whole, 2));
    }

    void what_a_killed_writer_left_is_removed_and_never_read() {
        const Folder folder;
        const RunConfig run = checkpointed(folder);
        const auto whole = losses_of(tiny_run());
        losses_of(run, 3);
        fs::copy(folder.file("step-00000002"), folder.file("step-00000004.partial"));
        fs::copy(folder.file("step-00000002"), folder.file("step-00000001.removed"));
        QCOMPARE(losses_of(run), tail(whole, 2));
        QCOMPARE(folder.names(), (QStringList{"step-00000006", "step-00000008"}));
    }
};

SWEETSPOT_TEST(CheckpointsTest)
#include "checkpoints_test.moc"

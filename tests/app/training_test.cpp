// Trainings by the real programs: what SIGKILL leaves of them, and what they write.
#include "app/experiment/lines.h"
#include "engine/data/random.h"
#include "tests/app/program.h"
#include "tests/suite.h"
#include <csignal>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sweetspot;
using namespace sweetspot::called;

namespace {

const QString tiny = SWEETSPOT_SOURCE_DIR "/tests/golden/llama-tiny";

RunConfig training() {
    RunConfig run;
    run.model = tiny.toStdString();
    run.weights = "random";
    run.task = Task::train;
    run.threads = 2;
    run.batch = 3, run.batches = 4, run.sequence = 16, run.lengths = "uniform:4:16";
    run.validation = 0.2, run.validation_steps = 5;
    run.steps = 60, run.learning_rate = 0.003, run.dropout = 0.1;
    run.trace = false;
    return run;
}

/// What a worker said of its steps.
struct Said {
    std::map<int, double> losses{}; ///< by step
    bool finished = false;
    std::string reason{};
};

/// One worker's way with a training; sent a signal after so many steps that it said, or never.
Said worker_on(const RunConfig& run, int kill_after = -1, int signal = SIGKILL) {
    QProcess worker;
    worker.start(SWEETSPOT_BINARY_DIR "/bin/sweetspot-worker", QStringList{});
    worker.write((to_json_line(run) + "\n").c_str());
    worker.closeWriteChannel();
    Said said;
    while (worker.state() != QProcess::NotRunning || worker.canReadLine()) {
        if (!worker.canReadLine() && !worker.waitForReadyRead(60'000)) break;
        while (worker.canReadLine()) {
            const Line line = from_json_line(worker.readLine().trimmed().toStdString());
            if (const auto* sample = std::get_if<Measured>(&line);
                sample && sample->metric == "train_loss") {
                said.losses[sample->index] = sample->value;
                if (int(said.losses.size()) == kill_after)
                    ::kill(pid_t(worker.processId()), signal);
            }
            if (const auto* failed = std::get_if<Failed>(&line)) said.reason = failed->reason;
            said.finished = said.finished || std::holds_alternative<Finished>(line);
        }
    }
    worker.waitForFinished();
    return said;
}

} // namespace

class TrainingTest : public Program {
    Q_OBJECT

    /// What the program writes to standard error where that is a terminal, on which Ctrl-C is
    /// pressed once `interrupt_at` stands there, if it is not empty.
    static QString on_terminal(const QStringList& arguments, QByteArray interrupt_at = {},
                               int* status = nullptr) {
        int terminal = -1;
        const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
        if (child == 0) {
            std::vector<QByteArray> words{program().toUtf8()};
            for (const QString& argument : arguments) words.push_back(argument.toUtf8());
            std::vector<char*> pointers;
            for (QByteArray& word : words) pointers.push_back(word.data());
            pointers.push_back(nullptr);
            ::execv(pointers[0], pointers.data());
            ::_exit(127);
        }
        QByteArray said;
        char some[4096];
        for (ssize_t count; (count = ::read(terminal, some, sizeof some)) > 0;) {
            said.append(some, int(count));
            if (interrupt_at.isEmpty() || !said.contains(interrupt_at)) continue;
            interrupt_at.clear();
            ::kill(child, SIGINT);
        }
        ::close(terminal);
        int ended = 0;
        ::waitpid(child, &ended, 0);
        if (status) *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
        return QString::fromUtf8(said);
    }

private slots:
    void init() { renew(); }

    void killed_at_random_it_goes_on_to_the_bit() {
        RunConfig run = training();
        const Said whole = worker_on(run);
        QVERIFY2(whole.finished, whole.reason.c_str());
        QCOMPARE(int(whole.losses.size()), run.steps);
        run.checkpoint_steps = 1; // it is killed while it writes one more often than not
        Random random(QDateTime::currentMSecsSinceEpoch());
        const QTemporaryDir folder;
        run.checkpoint = folder.filePath("checkpoints").toStdString();
        std::map<int, double> losses;
        bool finished = false;
        int kills = 0;
        while (!finished && kills < 100) {
            const Said part = worker_on(run, 1 + int(random.below(9)));
            // Steps that were not in a checkpoint yet are taken again, and are the same.
            for (const auto& [step, loss] : part.losses) {
                QVERIFY(!losses.contains(step) || losses.at(step) == loss);
                losses[step] = loss;
            }
            finished = part.finished || part.reason.find("this training ended") != part.reason.npos;
            QVERIFY2(finished || part.reason.empty(), part.reason.c_str());
            kills += !finished;
        }
        QVERIFY2(finished && kills >= 3, qPrintable(QString("%1 kills").arg(kills)));
        for (const auto& [step, loss] : losses) QCOMPARE(loss, whole.losses.at(step));
        // A kill may come between a step's checkpoint and what is said of it.
        QVERIFY(losses.size() + std::size_t(kills) + 1 >= whole.losses.size());
    }

    void asked_to_end_it_does_so_after_a_step_with_a_checkpoint_to_go_on_from() {
        RunConfig run = training();
        const Said whole = worker_on(run);
        const QTemporaryDir folder;
        run.checkpoint = folder.filePath("checkpoints").toStdString();
        run.checkpoint_steps = 1000; // none by itself
        const Said part = worker_on(run, 7, SIGUSR1), rest = worker_on(run);
        QVERIFY(!part.finished && rest.finished);
        QVERIFY2(part.reason.find(", with a checkpoint in " + run.checkpoint) != std::string::npos,
                 part.reason.c_str());
        QVERIFY(part.losses.size() >= 7);
        QCOMPARE(part.losses.size() + rest.losses.size(), whole.losses.size());
        for (const Said* said : {&part, &rest})
            for (const auto& [step, loss] : said->losses) QCOMPARE(loss, whole.losses.at(step));
    }

    void ctrl_c_ends_a_training_after_a_step_with_a_checkpoint_to_go_on_from() {
        const QString checkpoints = folder_.filePath("interrupted");
        const QStringList train{"run",    "-m",           tiny,        "--weights",
                                "random", "--task",       "train",     "-s",
                                "16",     "-t",           "1",         "--store",
                                store_,   "--checkpoint", checkpoints, "--checkpoint-steps",
                                "100000", "--steps",      "100000",    "-o",
                                "none"};
        int status = 0;
        const QString errors = on_terminal(train, "step 3/", &status);
        QCOMPARE(status, 130);
        const auto kept = QDir(checkpoints).entryList({"step-*"}, QDir::Dirs);
        QVERIFY2(kept.size() == 1, qPrintable(errors));
        QVERIFY(kept.front().mid(5).toInt() >= 3);
    }

    void a_run_that_writes_files_is_never_taken_from_the_store() {
        const QStringList train{"run",   "-m",      tiny,   "--weights", "random", "--task",
                                "train", "-s",      "16",   "--steps",   "2",      "-t",
                                "1",     "--store", store_, "-o",        "json"};
        QCOMPARE(call(train).status, 0);
        const auto again = call(train);
        QVERIFY2(again.errors.contains("are reused"), qPrintable(again.errors));
        const QString saved = folder_.filePath("saved");
        const auto saving = train + QStringList{"--save", saved};
        for (int i = 0; i < 2; ++i) {
            const auto said = call(saving);
            QCOMPARE(said.status, 0);
            QVERIFY2(said.errors.contains("1 run writes files (save, checkpoint): no earlier run "
                                          "stands in for it."),
                     qPrintable(said.errors));
            QVERIFY(!said.errors.contains("are reused"));
            QVERIFY(QFile::exists(saved + "/model.safetensors"));
            QVERIFY(QDir(saved).removeRecursively());
        }
    }

    void trained_weights_name_the_run_that_saved_them() {
        const QString saved = folder_.filePath("saved");
        const QStringList common{"run", "-m",      tiny,   "-s", "16",  "-t",
                                 "1",   "--store", store_, "-o", "json"};
        const auto run_of = [&](const QStringList& more) {
            const auto said = call(common + more);
            if (said.status != 0) qWarning("%s", qPrintable(said.errors));
            return QJsonDocument::fromJson(said.out.toUtf8()).array().at(0).toObject();
        };
        const QStringList untrained{"--weights", "random", "--task", "train", "--steps", "2"};
        QVERIFY(run_of(untrained)["weights_run"].isNull());
        const auto trained = run_of(untrained + QStringList{"--save", saved});
        const auto measured = run_of({"--weights", saved, "--rounds", "1", "-r", "1"});
        QCOMPARE(measured["weights_sha256"], trained["texts"].toObject()["saved_sha256"]);
        QCOMPARE(measured["weights_run"], trained["run_id"]);
        QVERIFY(run_of({"--rounds", "1", "-r", "1"})["weights_run"].isNull()); // the folder's own
    }

    void a_trained_adapter_names_the_run_that_saved_it() {
        const QString saved = folder_.filePath("adapter");
        const QStringList train{"run",   "-m",      tiny, "--weights", "random", "--task",
                                "train", "-s",      "16", "-t",        "1",      "--store",
                                store_,  "--steps", "2",  "-o",        "json"};
        const auto run_of = [&](const QStringList& more) {
            const auto said = call(train + more);
            if (said.status != 0) qWarning("%s", qPrintable(said.errors));
            return QJsonDocument::fromJson(said.out.toUtf8()).array().at(0).toObject();
        };
        const auto first = run_of({"--lora-rank", "2", "--save", saved});
        QVERIFY(first["adapter_run"].isNull());
        QVERIFY(!first["texts"].toObject().contains("saved_sha256")); // it is no model
        const auto on = run_of({"--adapter", saved});
        QCOMPARE(on["texts"].toObject()["adapter_sha256"],
                 first["texts"].toObject()["saved_adapter_sha256"]);
        QCOMPARE(on["texts"].toObject()["adapter_sha256"].toString().size(), 64);
        QCOMPARE(on["adapter_run"], first["run_id"]);
        QVERIFY(on["weights_run"].isNull());
    }

    void each_step_is_a_line_on_a_terminal_and_on_no_other_file() {
        const QStringList train{"run",   "-m",      tiny, "--weights", "random",  "--task",
                                "train", "-s",      "16", "--steps",   "3",       "-t",
                                "1",     "--force", "-o", "none",      "--store", store_};
        QVERIFY(!call(train).errors.contains("step 1/3"));
        const QString errors = on_terminal(train);
        for (const char* step : {"step 1/3 · loss ", "step 2/3 · loss ", "step 3/3 · loss "})
            QCOMPARE(errors.count(step), 1);
        QVERIFY2(errors.contains("tokens/s"), qPrintable(errors));
    }

    void what_a_training_goes_on_from_is_in_its_record() {
        const QString checkpoints = folder_.filePath("checkpoints");
        const QStringList train{"run",    "-m",           tiny,        "--weights",
                                "random", "--task",       "train",     "-s",
                                "16",     "-t",           "1",         "--store",
                                store_,   "--checkpoint", checkpoints, "--checkpoint-steps",
                                "2",      "-o",           "json"};
        QCOMPARE(call(train + QStringList{"--steps", "4"}).status, 0);
        const auto more = call(train + QStringList{"--steps", "7"});
        QCOMPARE(more.status, 0);
        const auto run = QJsonDocument::fromJson(more.out.toUtf8()).array().at(0).toObject();
        QCOMPARE(run["texts"].toObject()["resumed"].toString(),
                 "from " + checkpoints + "/step-00000004");
        const auto over = call(train + QStringList{"--steps", "7"});
        QCOMPARE(over.status, 4);
        QVERIFY2((over.out + over.errors).contains("is where this training ended, after 7 of 7"),
                 qPrintable(over.out + over.errors));
    }
};

SWEETSPOT_TEST(TrainingTest)
#include "training_test.moc"

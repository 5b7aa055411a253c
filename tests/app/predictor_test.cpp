// Predictions: a worker that answers for many, and what is remembered of its answers.
#include "tests/app/fake_runs.h"
#include "tests/suite.h"
#include <QTemporaryDir>
#include <QTest>
#include <csignal>
#include <fstream>
#include <sys/wait.h>
#include <thread>

using namespace sweetspot;
using namespace sweetspot::faked;

class PredictorTest : public QObject {
    Q_OBJECT

private slots:
    void predictions_come_in_order_from_one_worker() {
        Predictor predictor(fake);
        std::vector<RunConfig> configs;
        for (const auto& run : runs_of({"self", "nothing", "self"})) configs.push_back(run.config);
        std::vector<std::size_t> progress;
        const auto records =
            predictor.predict(configs, [&](std::size_t done) { progress.push_back(done); });
        QCOMPARE(records.size(), 3u);
        QCOMPARE(progress, (std::vector<std::size_t>{1, 2, 3}));
        QCOMPARE(records[0].status, RunStatus::done);
        QVERIFY(records[0].config == configs[0]);
        QCOMPARE(records[0].hash, hash_of(configs[0]));
        QVERIFY(records[1].failure == Failure::bad_input);
        QCOMPARE(records[2].metrics.at("pid"), records[0].metrics.at("pid"));
    }

    void a_prediction_is_for_the_device_that_would_run() {
        Predictor predictor(fake);
        auto config = run_of("says its device").config;
        const auto said = [&](DeviceKind device, PlanFor plan_for) {
            config.device = device;
            config.plan_for = plan_for;
            return predictor.predict({config})[0].texts.at("device");
        };
        QCOMPARE(said(DeviceKind::cpu, PlanFor::cuda), std::string("plan for cpu"));
        QCOMPARE(said(DeviceKind::cuda, PlanFor::cpu), std::string("plan for cuda"));
        QCOMPARE(said(DeviceKind::plan, PlanFor::cuda), std::string("plan for cuda"));
        QCOMPARE(said(DeviceKind::plan, PlanFor::cpu), std::string("plan for cpu"));
    }

    void answers_are_kept_whatever_the_measuring() {
        Predictor predictor(fake);
        auto config = run_of("self").config;
        const auto first = predictor.predict({config})[0];
        kill(pid_t(first.metrics.at("pid")), SIGKILL); // who answers now remembers
        siginfo_t ended;
        waitid(P_PID, id_t(first.metrics.at("pid")), &ended, WEXITED | WNOWAIT);
        config.repeats = 77;
        const auto second = predictor.predict({config})[0];
        QCOMPARE(second.metrics.at("pid"), first.metrics.at("pid"));
        QCOMPARE(second.config.repeats, 77);
        config.batch = 7;
        QVERIFY(predictor.predict({config})[0].metrics.at("pid") != first.metrics.at("pid"));
    }

    void a_prediction_is_forgotten_when_a_file_of_it_changes() {
        const QTemporaryDir folder;
        const auto data = folder.filePath("p.fasta").toStdString();
        const auto write = [&](const char* text) { std::ofstream(data) << text; };
        RunConfig config;
        config.task = Task::generate;
        config.prompt = "count";
        config.tokenizer = data;
        Predictor predictor(fake);
        const auto answer = [&] {
            return predictor.predict({config})[0].metrics.at("graphs_recorded");
        };
        write(">a");
        QCOMPARE(answer(), 1.0);
        QCOMPARE(answer(), 1.0);
        std::filesystem::remove(data);
        write(">b and more");
        QCOMPARE(answer(), 2.0);
    }

    void a_crash_of_the_predictors_worker_is_one_failed_answer() {
        Predictor predictor(fake);
        const auto records = predictor.predict(
            {run_of("crash").config, run_of("done").config, run_of("crash").config});
        QVERIFY(records[0].failure == Failure::crashed);
        QCOMPARE(records[1].status, RunStatus::done);
        QVERIFY(records[2].failure == Failure::crashed);
    }

    void threads_may_ask_one_predictor() {
        Predictor predictor(fake);
        std::atomic<int> done = 0;
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 10; ++i) {
                    const auto model = i == 5 ? "crash" : "done";
                    const auto record =
                        predictor.predict({run_of(model, 20, 1 + (t + i) % 6).config})[0];
                    done += record.status == RunStatus::done;
                }
            });
        for (auto& thread : threads) thread.join();
        QCOMPARE(done.load(), 36);
    }

    void what_progress_throws_ends_the_call_only() {
        Predictor predictor(fake);
        const auto config = run_of("self").config;
        QVERIFY_EXCEPTION_THROWN(
            predictor.predict({config, config}, [](std::size_t) { throw std::runtime_error(""); }),
            std::runtime_error);
        QCOMPARE(predictor.predict({config})[0].status, RunStatus::done);
    }
};

SWEETSPOT_TEST(PredictorTest)
#include "predictor_test.moc"

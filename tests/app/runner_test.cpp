#include "app/experiment/rounds.h"
#include "app/runner/devices.h"
#include "app/runner/worker_process.h"
#include "tests/app/fake_runs.h"
#include "tests/suite.h"
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/wait.h>
#include <thread>

using namespace sweetspot;
using namespace sweetspot::faked;

namespace {

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::size_t(std::distance(begin(all), end(all)));
}

bool has_children() {
    return waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD;
}

} // namespace

class RunnerTest : public QObject {
    Q_OBJECT

private slots:
    void a_sweep_runs_each_possible_point() {
        auto runs = runs_of({"done", "done", "done"});
        runs[1].impossible = "it cannot be";
        const auto sink = sweep(runs);
        QCOMPARE(sink.records[0].status, RunStatus::done);
        QCOMPARE(sink.records[0].hash, runs[0].hash);
        QCOMPARE(sink.records[0].metrics.at("peak_bytes"), 1000.0);
        QCOMPARE(sink.lines[0], 6); // started, environment, sample, metric, round, finished
        QCOMPARE(sink.lines[1], 0);
        QCOMPARE(sink.records[2].status, RunStatus::done);
    }

    void a_crash_costs_one_run_and_says_why() {
        const auto sink = sweep(runs_of({"done", "crash", "done", "abort", "done"}));
        for (int i : {0, 2, 4}) QCOMPARE(sink.records[i].status, RunStatus::done);
        QVERIFY(sink.records[1].failure == Failure::crashed);
        QCOMPARE(sink.records[1].reason,
                 std::string("the worker crashed (SIGSEGV, Segmentation fault)"));
        QVERIFY(sink.records[1].ended_unix_seconds > 1.7e9);
        QVERIFY(sink.records[3].failure == Failure::crashed);
        QVERIFY2(has(sink.records[3].reason, "SIGABRT"), sink.records[3].reason.c_str());
        QVERIFY2(has(sink.records[3].reason, "it last said: something broke badly"),
                 sink.records[3].reason.c_str());
    }

    void a_worker_is_done_only_if_it_measured_something() {
        for (const auto model : {"only finished", "only warm"}) {
            const auto record = failing(model);
            QVERIFY(record.failure == Failure::bug);
            QCOMPARE(record.reason, std::string("the worker said that the run is done, but it "
                                                "measured nothing"));
        }
        auto planned = run_of("done");
        planned.config.device = DeviceKind::plan;
        planned.hash = hash_of(planned.config);
        QCOMPARE(sweep({planned}).records[0].status, RunStatus::done);
    }

    void a_line_without_sense_is_no_line() {
        auto record = failing("no sense");
        QVERIFY(record.failure == Failure::bug);
        QVERIFY2(has(record.reason, R"(record line "sample": "value" cannot be -1)"),
                 record.reason.c_str());
        record = failing("no text");
        QVERIFY(record.failure == Failure::bug);
        QVERIFY2(has(record.reason, "the worker wrote what is no record line"),
                 record.reason.c_str());
    }

    void what_a_run_will_depend_on_is_asked_of_a_worker() {
        QCOMPARE(environment_for({}, fake).facts.at("host"), std::string("fake"));
    }

    void a_killed_worker_is_said_to_be_killed() {
        const auto record = failing("killed");
        QVERIFY(record.failure == Failure::killed);
        QCOMPARE(record.reason, std::string("the worker was killed (SIGKILL): often the system's "
                                            "out-of-memory killer"));
        const auto ended = failing("terminated");
        QVERIFY(ended.failure == Failure::killed);
        QCOMPARE(ended.reason, std::string("the worker was ended from outside (SIGTERM)"));
    }

    void an_exit_without_a_result_is_a_crash_with_the_last_words() {
        const auto record = failing("exit");
        QVERIFY(record.failure == Failure::crashed);
        QCOMPARE(record.reason, std::string("the worker ended with exit code 3 before the run was "
                                            "done; it last said: the disk is on fire"));
        QCOMPARE(failing("silent exit").reason,
                 std::string("the worker ended with exit code 0 before the run was done"));
    }

    void a_run_over_its_time_is_ended_even_if_it_will_not_go() {
        QElapsedTimer timer;
        timer.start();
        const auto record = failing("hang", 0.3);
        QVERIFY(record.failure == Failure::timed_out);
        QCOMPARE(record.reason,
                 std::string("the run took longer than its timeout_seconds, 0.3 s, and was "
                             "in its phase measure: it had 0 of 10 steps (repeats)"));
        QVERIFY(timer.elapsed() >= 300);
        QVERIFY(timer.elapsed() < 10'000);
        QVERIFY(!has_children());
    }

    void a_time_out_names_what_was_not_reached() {
        auto run = run_of("slow", 0.4); // 40 steps of 0.05 s
        const auto reason = [&] {
            run.hash = hash_of(run.config);
            return sweep({run}).records[0].reason;
        };
        run.config.repeats = 30;
        run.config.max_repeats = 40;
        QVERIFY2(has(reason(), " of 30 steps (repeats)"), reason().c_str());
        run.config.repeats = 1;
        run.config.min_seconds = 1.5;
        QVERIFY2(has(reason(), " of 1.5 s (min_seconds)"), reason().c_str());
        run.config.min_seconds = 0;
        QVERIFY2(has(reason(), " steps its noise was above 0.01 (noise), and max_repeats is 40"),
                 reason().c_str());
    }

    void a_training_may_take_long_but_none_of_its_steps() {
        auto run = run_of("slow", 0.4); // 40 steps in two seconds
        run.config.task = Task::train;
        run.hash = hash_of(run.config);
        QCOMPARE(sweep({run}).records[0].status, RunStatus::done);
        run = run_of("hang", 0.3);
        run.config.task = Task::train;
        run.hash = hash_of(run.config);
        QCOMPARE(sweep({run}).records[0].reason,
                 std::string("a step of the training took longer than its timeout_seconds, 0.3 s, "
                             "and was in its phase measure"));
    }

    void loading_has_a_time_of_its_own() {
        auto run = run_of("slow load", 0.3); // it loads for 0.6 s
        run.config.load_timeout_seconds = 20;
        run.hash = hash_of(run.config);
        QCOMPARE(sweep({run}).records[0].status, RunStatus::done);
        run.config.load_timeout_seconds = 0.2;
        run.hash = hash_of(run.config);
        QCOMPARE(sweep({run}).records[0].reason,
                 std::string("the run did not load within its load_timeout_seconds, 0.2 s"));
        QCOMPARE(failing("slow load", 0.3).reason,
                 std::string("the run did not load within its timeout_seconds, 0.3 s"));
    }

    void a_worker_that_says_nothing_more_is_ended_in_time_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("reason");
        const QString not_started = "the worker did not start the run within its timeout_seconds, "
                                    "0.3 s",
                      not_loaded = "the run did not load within its timeout_seconds, 0.3 s";
        QTest::newRow("silent") << "silent" << not_started;
        QTest::newRow("half a line") << "half a line" << not_loaded;
        QTest::newRow("stopped") << "stopped" << not_loaded;
    }
    void a_worker_that_says_nothing_more_is_ended_in_time() {
        QFETCH(QString, model);
        QFETCH(QString, reason);
        QElapsedTimer timer;
        timer.start();
        const auto record = failing(model.toStdString(), 0.3);
        QVERIFY(record.failure == Failure::timed_out);
        QCOMPARE(QString::fromStdString(record.reason), reason);
        QVERIFY(timer.elapsed() < 10'000);
        QVERIFY(!has_children());
    }

    void output_that_is_no_record_line_is_a_bug_and_quoted() {
        const auto record = failing("garbage");
        QVERIFY(record.failure == Failure::bug);
        QVERIFY2(has(record.reason, "\"WARNING: this is not a line\""), record.reason.c_str());
        const auto cut = failing("cut");
        QVERIFY(cut.failure == Failure::bug);
        QVERIFY2(has(cut.reason, "{\"line\":\"metric\",\"na"), cut.reason.c_str());
        const auto other = failing("other");
        QVERIFY(other.failure == Failure::bug);
        QVERIFY2(has(other.reason, "another run than it was given"), other.reason.c_str());
    }

    void closed_output_ends_the_run() {
        const auto record = failing("close output");
        QVERIFY(record.failure == Failure::crashed);
        QVERIFY2(has(record.reason, "closed its output"), record.reason.c_str());
    }

    void a_failure_the_worker_reports_is_kept_and_the_sweep_goes_on() {
        const auto sink = sweep(runs_of({"failed", "done"}));
        QVERIFY(sink.records[0].failure == Failure::out_of_memory);
        QCOMPARE(sink.records[0].reason, std::string("no more memory"));
        QCOMPARE(sink.records[0].ended_unix_seconds, 3.0);
        QCOMPARE(sink.records[1].status, RunStatus::done);
    }

    void a_run_begins_with_started_whatever_the_worker_says() {
        const auto run = run_of("not started");
        Records sink;
        SweepControl control;
        std::vector<std::size_t> kinds;
        sink.then = [&](std::size_t, const Line& line) { kinds.push_back(line.index()); };
        run_sweep({run}, sink, control, fake);
        QCOMPARE(kinds, (std::vector<std::size_t>{0, std::variant_size_v<Line> - 1}));
        QCOMPARE(sink.records[0].hash, run.hash);
        QVERIFY(sink.records[0].config == run.config);
        QVERIFY(sink.records[0].started_unix_seconds > 1.7e9);
        QVERIFY(sink.records[0].ended_unix_seconds > 1.7e9);
    }

    void a_worker_takes_several_runs_and_then_gives_way() {
        auto options = fake;
        options.runs_per_worker = 2;
        const auto sink = sweep(runs_of({"self", "self", "self", "failed", "self"}), options);
        const auto pid = [&](int i) { return sink.records[i].metrics.at("pid"); };
        QCOMPARE(pid(0), pid(1));
        QVERIFY(pid(1) != pid(2));
        QVERIFY(pid(2) != pid(4)); // any failure ends a worker
    }

    void points_are_measured_in_rounds_each_in_a_new_worker_and_another_order() {
        auto runs = runs_of({"self", "self", "self", "self"});
        for (std::size_t i = 0; i < runs.size(); ++i) {
            runs[i].config.rounds = 3;
            runs[i].config.seed = std::int64_t(i); // so that they share no weights
            runs[i].hash = hash_of(runs[i].config);
        }
        Records sink;
        SweepControl control;
        std::vector<std::vector<std::size_t>> order(3);
        std::set<double> pids;
        sink.then = [&](std::size_t index, const Line& line) {
            if (const auto* round = std::get_if<Round>(&line))
                order[std::size_t(round->index)].push_back(index);
            if (const auto* metric = std::get_if<Metric>(&line); metric && metric->name == "pid")
                pids.insert(metric->value);
        };
        run_sweep(runs, sink, control, fake);
        QCOMPARE(pids.size(), std::size_t(12));
        for (const auto& indices : order) QCOMPARE(indices.size(), std::size_t(4));
        QCOMPARE(std::vector(order[0].rbegin(), order[0].rend()), order[1]);
        for (int i = 0; i < 4; ++i) {
            QCOMPARE(sink.records[i].status, RunStatus::done);
            QCOMPARE(sink.records[i].rounds.size(), std::size_t(3));
            QCOMPARE(sink.records[i].hash, runs[i].hash);
            QVERIFY(sink.records[i].config == runs[i].config);
            const auto& run = sink.records[i];
            QCOMPARE(run.samples.at("step_seconds").size(), std::size_t(3));
            for (int round = 0; round < 3; ++round)
                QCOMPARE(run.samples.at("step_seconds")[std::size_t(round)].round, round);
        }
    }

    void points_that_share_a_model_share_a_worker_in_a_round_and_in_no_other() {
        auto runs = runs_of({"self", "self", "self", "self", "self", "self"});
        for (std::size_t i = 0; i < runs.size(); ++i) {
            runs[i].config.rounds = 2;
            runs[i].config.batch = int(i + 1); // what goes through the model is not the model
            runs[i].config.precision = i % 2 ? Precision::bf16 : Precision::f32;
            runs[i].hash = hash_of(runs[i].config);
        }
        Records sink;
        SweepControl control;
        std::map<int, std::map<std::size_t, double>> pids; // by round and point
        double pid = 0;
        sink.then = [&](std::size_t index, const Line& line) {
            if (const auto* metric = std::get_if<Metric>(&line); metric && metric->name == "pid")
                pid = metric->value;
            if (const auto* round = std::get_if<Round>(&line)) pids[round->index][index] = pid;
        };
        run_sweep(runs, sink, control, fake);
        std::set<double> workers;
        for (auto& [round, of] : pids) {
            for (std::size_t i = 0; i < runs.size(); ++i) QCOMPARE(of[i], of[i % 2]);
            workers.insert({of[0], of[1]});
        }
        QCOMPARE(workers.size(), std::size_t(4));
    }

    void rounds_share_what_a_run_may_measure() {
        RunConfig config;
        config.rounds = 3;
        config.repeats = config.max_repeats = 10;
        config.min_seconds = 0.6;
        int steps = 0;
        double seconds = 0;
        for (int round = 0; round < 3; ++round) {
            const auto part = round_config(config, round);
            QCOMPARE(part.repeats, part.max_repeats);
            QCOMPARE(part.trace, round == 0);
            QCOMPARE(rounds_of(part), 1);
            steps += part.repeats;
            seconds += part.min_seconds;
        }
        QCOMPARE(steps, 10);
        QVERIFY(std::abs(seconds - 0.6) < 1e-12);
        config.max_repeats = 2; // no more rounds than steps
        QCOMPARE(rounds_of(config), 2);
        config.device = DeviceKind::plan;
        QCOMPARE(rounds_of(config), 1);
    }

    void a_crash_in_a_later_round_fails_the_run_and_says_in_which() {
        auto runs = runs_of({"crashes without a trace", "done"});
        for (auto& run : runs) run.config.rounds = 3;
        const auto sink = sweep(runs);
        QCOMPARE(sink.records[0].status, RunStatus::failed);
        QVERIFY2(sink.records[0].reason.starts_with("in round 2 of 3: the worker crashed"),
                 sink.records[0].reason.c_str());
        QCOMPARE(sink.records[0].rounds.size(), std::size_t(1));
        QCOMPARE(sink.records[1].rounds.size(), std::size_t(3));
    }

    void what_is_stopped_in_a_later_round_keeps_those_before() {
        auto runs = runs_of({"a sample, slowly", "a sample, slowly"});
        for (auto& run : runs) run.config.rounds = 3;
        Records sink;
        SweepControl control;
        sink.then = [&](std::size_t, const Line& line) {
            if (const auto* sample = std::get_if<Measured>(&line); sample && sample->round == 1)
                control.stop_now();
        };
        run_sweep(runs, sink, control, fake);
        for (int i = 0; i < 2; ++i) {
            QCOMPARE(sink.records[i].status, RunStatus::done);
            QCOMPARE(sink.records[i].rounds.size(), std::size_t(1));
        }
        QVERIFY(!has_children());
        for (auto& run : runs) run.rounds_done = 1; // and it goes on with the others
        sink.then = {};
        SweepControl again;
        run_sweep(runs, sink, again, fake);
        for (int i = 0; i < 2; ++i) QCOMPARE(sink.records[i].rounds.size(), std::size_t(3));
    }

    void a_worker_leads_its_own_group_and_inherits_nothing() {
        const auto descriptors = [] {
            const auto record = sweep(runs_of({"self"})).records[0];
            return record.metrics.at("leads_group") == 1 ? record.metrics.at("open_descriptors")
                                                         : -1;
        };
        const auto alone = descriptors();
        QVERIFY(alone >= 4); // the three, and the folder it lists
        const WorkerProcess other(FAKE_WORKER);
        QCOMPARE(descriptors(), alone);
    }

    void nothing_is_left_behind() {
        const auto before = open_descriptors();
        sweep(runs_of({"done", "crash", "killed", "exit", "garbage", "failed", "noisy", "done"}));
        QCOMPARE(open_descriptors(), before);
        QVERIFY2(!has_children(), "no zombies");
    }

    void chatter_on_standard_error_does_not_block() {
        QCOMPARE(sweep(runs_of({"noisy"})).records[0].status, RunStatus::done);
    }

    void a_long_line_is_one_line() {
        const auto record = sweep(runs_of({"long line"})).records[0];
        QCOMPARE(record.status, RunStatus::done);
        QCOMPARE(record.texts.at("generated").size(), std::size_t(3'000'000));
    }

    void stop_keeps_the_current_run_and_starts_no_other() {
        Records sink;
        SweepControl control;
        sink.then = [&](std::size_t, const Line&) { control.stop(); };
        run_sweep(runs_of({"done", "done"}), sink, control, fake);
        QCOMPARE(sink.records[0].status, RunStatus::done);
        QCOMPARE(sink.lines[1], 0);
    }

    void stop_now_ends_the_current_run_as_interrupted() {
        Records sink;
        SweepControl control;
        sink.then = [&](std::size_t, const Line& line) {
            if (std::holds_alternative<Measured>(line)) control.stop_now();
        };
        QElapsedTimer timer;
        timer.start();
        run_sweep(runs_of({"slow", "done"}), sink, control, fake);
        QVERIFY(timer.elapsed() < 1800); // the run alone takes 2 s
        QCOMPARE(sink.records[0].status, RunStatus::failed);
        QVERIFY(sink.records[0].failure == Failure::interrupted);
        QVERIFY(!sink.records[0].samples.at("step_seconds").empty());
        QCOMPARE(sink.lines[1], 0);
        QVERIFY(!has_children());
    }

    void a_worker_killed_from_outside_is_one_failed_run() {
        Records sink;
        SweepControl control;
        double pid = 0;
        sink.then = [&](std::size_t index, const Line& line) {
            if (const auto* metric = std::get_if<Metric>(&line); metric && metric->name == "pid")
                pid = metric->value;
            if (index == 1 && std::holds_alternative<Measured>(line)) kill(pid_t(pid), SIGKILL);
        };
        run_sweep(runs_of({"self", "slow", "done"}), sink, control, fake);
        QCOMPARE(sink.records[1].status, RunStatus::failed);
        QVERIFY(sink.records[1].failure == Failure::killed);
        QCOMPARE(sink.records[2].status, RunStatus::done);
    }

    void pause_holds_the_next_run_until_it_goes_on() {
        Records sink;
        SweepControl control;
        control.pause(true);
        std::atomic<bool> over = false;
        std::thread thread([&] {
            run_sweep(runs_of({"done"}), sink, control, fake);
            over = true;
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(150));
        const bool waited = !over;
        control.pause(false);
        thread.join();
        QVERIFY(waited);
        QCOMPARE(sink.records[0].status, RunStatus::done);
    }

    void what_the_sink_throws_ends_the_sweep_and_the_worker() {
        Records sink;
        SweepControl control;
        sink.then = [](std::size_t, const Line&) { throw Error(Failure::file, "disk full"); };
        QVERIFY_EXCEPTION_THROWN(run_sweep(runs_of({"slow"}), sink, control, fake), Error);
        QVERIFY(!has_children());
    }

    void a_program_that_cannot_be_started_is_named() {
        const QTemporaryDir folder;
        const auto plain = folder.filePath("plain").toStdString();
        QFile file(QString::fromStdString(plain));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.close();
        for (const std::string& path : {std::string("/nowhere/worker"), plain}) {
            const auto before = open_descriptors();
            auto options = fake;
            options.worker = path;
            try {
                sweep(runs_of({"done"}), options);
                QFAIL("it was started");
            } catch (const Error& error) {
                QCOMPARE(error.kind, Failure::file);
                QVERIFY2(has(error.what(), "the worker program " + path + " cannot be started: "),
                         error.what());
            }
            QCOMPARE(open_descriptors(), before);
        }
    }

    void the_environment_may_name_the_worker() {
        qputenv("SWEETSPOT_WORKER", FAKE_WORKER);
        QCOMPARE(find_worker(), std::filesystem::path(FAKE_WORKER));
        QCOMPARE(sweep(runs_of({"done"}), {}).records[0].status, RunStatus::done);
        qunsetenv("SWEETSPOT_WORKER");
    }
};

SWEETSPOT_TEST(RunnerTest)
#include "runner_test.moc"

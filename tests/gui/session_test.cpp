#include "app/gui/session/goal_search.h"
#include "app/gui/session/session.h"
#include "tests/gui/session_data.h"
#include "tests/suite.h"
#include <QTemporaryDir>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

class SessionTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() { qputenv("SWEETSPOT_WORKER", FAKE_WORKER); }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void a_selection_has_a_run_to_explain_and_two_to_compare() {
        Selection selection;
        QSignalSpy run(&selection, &Selection::runChanged),
            pair(&selection, &Selection::pairChanged), time(&selection, &Selection::timeChanged);
        selection.setSweep(1);
        selection.setRuns({7});
        QCOMPARE(selection.run(), 7);
        selection.setTime(TimeRange{0.5, 0.75});
        QCOMPARE(selection.time()->begin, 0.5);
        selection.setRuns({9, 3});
        QVERIFY((selection.pair() == RunPair{3, 9}));
        QCOMPARE(selection.run(), 7); // still the one that is explained
        selection.setPair({9, 3});
        QCOMPARE(selection.pair().a, 9);
        selection.setRun(9);
        QVERIFY(!selection.time()); // it was of the other run
        QCOMPARE(run.count(), 2);
        QCOMPARE(pair.count(), 2);
        QCOMPARE(time.count(), 2);
        selection.setSweep(2);
        QCOMPARE(selection.run(), 0);
        QVERIFY(selection.pair() == RunPair{});
    }

    void a_killed_worker_is_one_failed_run_and_the_window_stays_fluid() {
        Session session;
        QVERIFY(opens(session, path()));
        const Fluidity fluidity;
        QVERIFY(starts(session, sweep_of({"done", "slow", "killed", "noisy"}, {"1", "2"})));
        QCOMPARE(session.selection().sweep(), session.progress().sweep_id);
        QVERIFY(ends(session));
        qInfo("worst gap of a 10 ms timer: %d ms (%d ms by the clock)", fluidity.worst_ms(),
              fluidity.worst_wall_ms());
        QVERIFY(fluidity.worst_ms() < 200);
        QCOMPARE(int(session.runs()->size()), 8);
        QCOMPARE(count(session, RunStatus::failed), 2); // one for each batch
        QCOMPARE(count(session, RunStatus::done), 6);
        for (const RunRecord& run : *session.runs())
            QCOMPARE(run.status == RunStatus::failed, run.config.prompt == "killed");
        QCOMPARE(session.progress().done, 6);
        QCOMPARE(session.progress().failed, 2);
    }

    void runs_are_seen_while_they_grow() {
        Session session;
        QVERIFY(opens(session, path()));
        QVERIFY(starts(session, sweep_of({"slow"})));
        const Runs runs = session.runs();
        QTRY_VERIFY_WITH_TIMEOUT(runs->at(0).samples.contains("step_seconds"), 20'000);
        QCOMPARE(runs->at(0).status, RunStatus::running);
        QCOMPARE(session.progress().current, 0);
        QVERIFY(ends(session));
        QCOMPARE(session.runs()->at(0).samples.at("step_seconds").size(),
                 size_t(41)); // and one at the end
    }

    void a_paused_sweep_goes_on_where_it_was() {
        Session session;
        QVERIFY(opens(session, path()));
        QVERIFY(starts(session, sweep_of({"slow", "done"})));
        QVERIFY(QTest::qWaitFor([&] { return count(session, RunStatus::running) == 1; }, 20'000));
        session.setPaused(true);
        QVERIFY(session.progress().paused);
        QTRY_COMPARE_WITH_TIMEOUT(count(session, RunStatus::done), 1, 20'000);
        QTest::qWait(300);
        QCOMPARE(count(session, RunStatus::done), 1);
        QVERIFY(session.progress().active);
        session.setPaused(false);
        QVERIFY(ends(session));
        QCOMPARE(count(session, RunStatus::done), 2);
    }

    void stopping_keeps_the_current_run_and_stopping_now_interrupts_it() {
        Session session;
        QVERIFY(opens(session, path()));
        QVERIFY(starts(session, sweep_of({"slow"}, {"1", "2"})));
        QVERIFY(QTest::qWaitFor([&] { return count(session, RunStatus::running) == 1; }, 20'000));
        session.stop();
        QVERIFY(session.progress().stopping);
        QVERIFY(ends(session));
        QCOMPARE(count(session, RunStatus::done), 1);
        QCOMPARE(count(session, RunStatus::planned), 1);

        QVERIFY(starts(session, sweep_of({"slow"}, {"1", "2"})));
        QCOMPARE(count(session, RunStatus::done), 1); // resumed: one is there already
        QVERIFY(QTest::qWaitFor([&] { return count(session, RunStatus::running) == 1; }, 20'000));
        session.stopNow();
        QVERIFY(ends(session));
        QCOMPARE(count(session, RunStatus::failed), 1);
        for (const RunRecord& run : *session.runs())
            if (run.failure) QCOMPARE(*run.failure, Failure::interrupted);
    }

    void a_second_sweep_has_to_wait() {
        Session session;
        QVERIFY(opens(session, path()));
        QSignalSpy problems(&session, &Session::problem);
        session.start(sweep_of({"slow"}));
        session.start(sweep_of({"done"})); // before the first one stands in the store
        QCOMPARE(problems.size(), 1);
        QCOMPARE(problems[0][0].toString(), "A sweep is already under way.");
        QVERIFY(QTest::qWaitFor([&] { return session.progress().active; }, 20'000));
        session.open(path());
        QCOMPARE(problems.size(), 2);
        session.stopNow();
        QVERIFY(ends(session));
        QCOMPARE(int(session.sweeps()->size()), 1);
    }

    void a_queued_sweep_begins_when_the_one_before_it_has_ended() {
        Session session;
        QVERIFY(opens(session, path()));
        QSignalSpy started(&session, &Session::sweepStarted);
        session.enqueue({sweep_of({"slow"})}); // nothing runs: it begins at once
        QTRY_COMPARE_WITH_TIMEOUT(started.size(), 1, 20'000);
        session.enqueue({sweep_of({"done"}, {"1", "2"})});
        session.enqueue({sweep_of({"done"}, {"4"})});
        QCOMPARE(int(session.queued().size()), 2);
        session.unqueue(1);
        session.selection().setSweep(0); // who looks at something else goes on looking at it
        QTRY_COMPARE_WITH_TIMEOUT(started.size(), 2, 20'000);
        QVERIFY(session.progress().from_queue);
        QVERIFY(session.queued().empty());
        QCOMPARE(session.selection().sweep(), 0);
        QTRY_VERIFY_WITH_TIMEOUT(!session.progress().active, 20'000);
        QCOMPARE(session.progress().done, 2);
        QCOMPARE(started.size(), 2);
    }

    void a_search_predicts_then_confirms_by_a_run_and_goes_on_where_it_was_paused() {
        Session session;
        QVERIFY(opens(session, path()));
        GoalSearch search(session);
        Goal goal{sweep_of({}), "batch", 13'500};
        goal.spec.axes.clear();
        goal.spec.base.prompt = "grows with the batch";
        search.start(goal);
        QTRY_COMPARE_WITH_TIMEOUT(search.state(), GoalSearch::State::running, 20'000);
        QVERIFY(search.steps().contains("batch 16 would take 15.6 KiB, too much"));
        const auto asked = search.steps().size();
        QTRY_VERIFY(session.progress().active);
        search.pause();
        QCOMPARE(search.state(), GoalSearch::State::paused);
        QTRY_VERIFY_WITH_TIMEOUT(!session.progress().active, 20'000);
        QVERIFY(!search.result().largest);
        search.start(goal);
        QTRY_COMPARE_WITH_TIMEOUT(search.state(), GoalSearch::State::over, 20'000);
        QCOMPARE(search.problem(), QString());
        QCOMPARE(search.result().largest, std::optional<std::int64_t>(13));
        QCOMPARE(search.steps().size(), asked + 1); // nothing was predicted again
        QTRY_COMPARE(session.runs()->size(), std::size_t(1));
        QCOMPARE(search.confirmedBy(), session.runs()->front().id);
        QCOMPARE(session.runs()->front().config.batch, 13);

        goal.budget_bytes = 500;
        search.start(goal);
        QTRY_COMPARE(search.state(), GoalSearch::State::over);
        QVERIFY(!search.result().largest);
    }

    void a_sweep_that_is_stopped_leaves_the_queue_waiting() {
        Session session;
        QVERIFY(opens(session, path()));
        QVERIFY(starts(session, sweep_of({"slow"}, {"1", "2"})));
        session.enqueue({sweep_of({"done"})});
        session.stopNow();
        QVERIFY(ends(session));
        QTest::qWait(200);
        QVERIFY(!session.progress().active);
        QCOMPARE(int(session.queued().size()), 1);
        session.startNext();
        QTRY_COMPARE_WITH_TIMEOUT(count(session, RunStatus::done), 1, 20'000);
    }

    void nothing_is_predicted_beside_a_sweep() {
        Session session;
        QVERIFY(opens(session, path()));
        QSignalSpy predicted(&session, &Session::predicted);
        QVERIFY(starts(session, sweep_of({"slow"})));
        RunConfig config;
        config.prompt = "done";
        session.predict({config});
        QVERIFY(QTest::qWaitFor([&] { return session.progress().current == 0; }, 20'000));
        QTest::qWait(500);
        QVERIFY(session.progress().active);
        QCOMPARE(predicted.size(), 0);
        QVERIFY(ends(session)); // then it is
        QTRY_COMPARE_WITH_TIMEOUT(predicted.size(), 1, 20'000);
    }

    void a_point_that_is_left_out_is_impossible_and_never_run() {
        Session session;
        QVERIFY(opens(session, path()));
        const Spec spec = sweep_of({"done"}, {"1", "2"});
        const auto planned = plan(spec);
        QSignalSpy started(&session, &Session::sweepStarted);
        session.start({spec, false, {{planned[1].hash, "it needs 9 GiB"}}});
        QTRY_COMPARE_WITH_TIMEOUT(started.size(), 1, 20'000);
        QVERIFY(ends(session));
        QCOMPARE(count(session, RunStatus::done), 1);
        QCOMPARE(count(session, RunStatus::impossible), 1);
        for (const RunRecord& run : *session.runs())
            if (run.status == RunStatus::impossible)
                QCOMPARE(run.reason, std::string("it needs 9 GiB"));
        // What remains of the sweep leaves it out, too.
        const SweepOrder rest = rest_of(session.sweeps()->front(), *session.runs());
        QCOMPARE(rest.left_out.size(), std::size_t(1));
    }

    void a_resumed_sweep_counts_what_stands_and_takes_no_time_for_it() {
        Session session;
        QVERIFY(opens(session, path()));
        QVERIFY(starts(session, sweep_of({"done"}, {"1", "2", "4"})));
        QVERIFY(ends(session));
        QSignalSpy counted(&session, &Session::measuredCounted);
        session.countMeasured(plan(sweep_of({"done", "slow"}, {"1", "2", "4"})));
        QTRY_COMPARE(counted.size(), 1);
        QCOMPARE(counted[0][0].toInt(), 3); // as it then is
        QVERIFY(starts(session, sweep_of({"done", "slow"}, {"1", "2", "4"})));
        QCOMPARE(session.progress().total, 6);
        QCOMPARE(session.progress().done, 3);
        QVERIFY(QTest::qWaitFor([&] { return session.progress().current >= 0; }, 20'000));
        QVERIFY(session.progress().left_seconds < 0); // not "0 s": nothing of it is known yet
        session.stopNow();
        QVERIFY(ends(session));
    }

    void a_spec_that_is_wrong_is_a_problem_and_starts_nothing() {
        Session session;
        QSignalSpy problems(&session, &Session::problem);
        session.start(sweep_of({"done"}));
        QCOMPARE(problems.takeFirst()[0].toString(), "No database is open.");
        QVERIFY(opens(session, path()));
        Spec wrong = sweep_of({"done"});
        wrong.axes.push_back({"attention", {"flsah"}});
        session.start(wrong);
        QTRY_COMPARE_WITH_TIMEOUT(problems.size(), 1, 20'000);
        QVERIFY2(problems[0][0].toString().contains("flash"),
                 qPrintable(problems[0][0].toString()));
        QVERIFY(!session.progress().active);
        QVERIFY(starts(session, sweep_of({"done"}))); // and the next one may
        QVERIFY(ends(session));
    }

    void a_second_window_on_one_database_says_so_and_reads() {
        Session first, second;
        QVERIFY(opens(first, path()));
        QSignalSpy problems(&second, &Session::problem);
        QVERIFY(opens(second, path()));
        QVERIFY(second.readOnly());
        QVERIFY(!first.readOnly());
        QTRY_COMPARE(problems.size(), 1);
        QVERIFY2(problems[0][0].toString().endsWith("Opened to read only."),
                 qPrintable(problems[0][0].toString()));
        QVERIFY2(problems[0][0].toString().contains("first.sweetspot"),
                 qPrintable(problems[0][0].toString()));
        QVERIFY(starts(first, sweep_of({"done"}, {"1", "2"})));
        QVERIFY(ends(first));
        QTRY_COMPARE_WITH_TIMEOUT(int(second.sweeps()->size()), 1, 20'000);
        second.selection().setSweep(second.sweeps()->front().id);
        QTRY_COMPARE_WITH_TIMEOUT(count(second, RunStatus::done), 2, 20'000);
        second.start(sweep_of({"done"}));
        QVERIFY2(problems.back()[0].toString().contains("read only"),
                 qPrintable(problems.back()[0].toString()));
    }

    void what_cannot_be_opened_is_a_problem_and_what_was_open_stays() {
        Session session;
        QVERIFY(opens(session, path()));
        QFile other(folder_->filePath("no database.sweetspot"));
        QVERIFY(other.open(QIODevice::WriteOnly));
        other.write(QByteArray(5000, 'x'));
        other.close();
        QSignalSpy problems(&session, &Session::problem);
        session.open(other.fileName());
        QTRY_COMPARE_WITH_TIMEOUT(problems.size(), 1, 20'000);
        QCOMPARE(session.path(), path());
        QVERIFY(starts(session, sweep_of({"done"})));
        QVERIFY(ends(session));
    }

    void notes_tags_and_pins_are_kept() {
        {
            Session session;
            QVERIFY(opens(session, path()));
            QVERIFY(starts(session, sweep_of({"done"})));
            QVERIFY(ends(session));
            const auto id = session.sweeps()->front().id;
            session.setNote(id, "the first one");
            session.setTags(id, {"quiet", "cpu"});
            session.setPinned(id, true);
        } // what was told last is done before it ends
        Session session;
        QVERIFY(opens(session, path()));
        QCOMPARE(session.sweeps()->front().note, std::string("the first one"));
        QCOMPARE(session.sweeps()->front().tags, (std::vector<std::string>{"quiet", "cpu"}));
        QVERIFY(session.sweeps()->front().pinned);
    }

    void a_window_that_closes_ends_its_sweep_and_keeps_what_finished() {
        {
            Session session;
            QVERIFY(opens(session, path()));
            QVERIFY(starts(session, sweep_of({"done", "slow"}, {"1"})));
            QTRY_COMPARE_WITH_TIMEOUT(count(session, RunStatus::done), 1, 20'000);
        }
        Session session;
        QVERIFY(opens(session, path()));
        QVERIFY(!session.readOnly());
        session.selection().setSweep(session.sweeps()->front().id);
        QTRY_COMPARE_WITH_TIMEOUT(int(session.runs()->size()), 2, 20'000);
        QCOMPARE(count(session, RunStatus::done), 1);
        QCOMPARE(count(session, RunStatus::failed), 1);
    }

    void predictions_come_in_order_and_only_of_the_newest_question() {
        Session session;
        std::vector<RunConfig> many(100), few(2);
        for (size_t i = 0; i < many.size(); ++i) many[i].batch = int(i + 1);
        few[0].batch = 1000, few[1].batch = 2000;
        for (auto* configs : {&many, &few})
            for (RunConfig& config : *configs) config.prompt = "done";
        std::shared_ptr<const std::vector<RunRecord>> last;
        bool complete = false;
        connect(&session, &Session::predicted, this,
                [&](std::shared_ptr<const std::vector<RunRecord>> records, bool all) {
                    last = records;
                    complete = complete || all;
                });
        session.predict(many);
        session.predict(few);
        QTRY_VERIFY_WITH_TIMEOUT(complete, 20'000);
        QCOMPARE(int(last->size()), 2);
        QCOMPARE(last->at(1).config.batch, 2000);
        complete = false;
        session.predict({});
        QTRY_VERIFY_WITH_TIMEOUT(complete, 20'000);
        QCOMPARE(int(last->size()), 0);
    }

    void devices_are_known_soon_after_the_session_began() {
        qputenv("FAKE_GPU", "1");
        Session session;
        QVERIFY(session.devices().empty());
        QSignalSpy changed(&session, &Session::devicesChanged);
        QTRY_COMPARE_WITH_TIMEOUT(changed.size(), 1, 20'000);
        qunsetenv("FAKE_GPU");
        QCOMPARE(session.devices().size(), size_t(3));
        QVERIFY(session.devices()[2].available);
        QCOMPARE(session.devices()[2].free_bytes, 3e9);
    }

    void a_sweep_on_a_gpu_that_is_not_there_is_a_problem_and_no_rows() {
        Session session;
        QVERIFY(opens(session, path()));
        QSignalSpy problems(&session, &Session::problem);
        Spec spec = sweep_of({"done"}, {"1", "2"});
        spec.base.device = DeviceKind::cuda;
        session.start(spec);
        QTRY_COMPARE_WITH_TIMEOUT(problems.size(), 1, 20'000);
        QCOMPARE(problems[0][0].toString(), "this worker has no GPU");
        QVERIFY(!session.progress().active);
        QVERIFY(session.sweeps()->empty());
        QVERIFY(starts(session, sweep_of({"done"}))); // the CPU still may
        QVERIFY(ends(session));
    }

    void a_worker_that_is_missing_is_told_once() {
        qputenv("SWEETSPOT_WORKER", "/nowhere/worker");
        Session session;
        QSignalSpy problems(&session, &Session::problem);
        QTRY_COMPARE_WITH_TIMEOUT(problems.size(), 1, 20'000);
        session.predict({RunConfig{}});
        QTest::qWait(500);
        qputenv("SWEETSPOT_WORKER", FAKE_WORKER);
        QCOMPARE(problems.size(), 1);
        QVERIFY2(problems[0][0].toString().contains("/nowhere/worker"),
                 qPrintable(problems[0][0].toString()));
    }

private:
    QString path() const { return folder_->filePath("first.sweetspot"); }

    std::unique_ptr<QTemporaryDir> folder_;
};

SWEETSPOT_TEST(SessionTest)
#include "session_test.moc"

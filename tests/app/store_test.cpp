// What the store keeps of sweeps and runs, and which runs it finds again.
#include "app/store/ceilings_file.h"
#include "tests/app/store_support.h"
#include "tests/suite.h"
#include <QElapsedTimer>
#include <cmath>
#include <thread>

using namespace sweetspot;
using namespace sweetspot::stored;

class StoreTest : public StoreFixture {
    Q_OBJECT

    /// So that it shows whether a hash was remembered or computed.
    void alter_hash(const std::string& file) {
        Database database(path_, Database::Open::write);
        database.prepare("UPDATE file_hashes SET sha256 = 'remembered' WHERE path = ?").run(file);
    }

private slots:
    void init() { renew(); }

    void a_new_store_is_empty_and_its_folder_is_made() {
        const auto path = folder_->filePath("a/b/runs.sweetspot").toStdString();
        const Store store(path);
        QVERIFY(std::filesystem::exists(path));
        QVERIFY(store.sweeps().empty());
        QVERIFY(store.runs().empty());
        QCOMPARE(store.path(), std::filesystem::path(path));
    }

    void a_run_reads_back_as_its_lines() {
        RunConfig config;
        config.batch = 3;
        config.prompt = "Größe\n\"x\"";
        const PlannedRun planned{.config = config, .hash = hash_of(config)};
        const std::vector<Line> lines = {Started{planned.hash, config, 1700000000.25},
                                         Environment{{{"cpu", "some"}, {"memory", "8589934592"}}},
                                         WeightsUsed{true, "/w", "abcd", -3, 8'000'000'000},
                                         DataUsed{"/d", "abce", 3, 70},
                                         Phase{"measure", 0.5},
                                         Measured{"step_seconds", 0, 0.1, true},
                                         Measured{"prefill_seconds", 0, 0.7, false},
                                         Measured{"step_seconds", 1, 1.0 / 3, false},
                                         Metric{"peak_bytes", 123456789},
                                         Metric{"perplexity", 49.404},
                                         Text{"generated", "Once\nupon"},
                                         RegionSum{"layer 3/attention", 4, 0.25, 0.125, 1e12, 3e9},
                                         RegionSum{"layer 3", 1, 0.25, 0.5, 2e12, 4e9},
                                         MemoryPoint{0.5, Purpose::weights, 1},
                                         MemoryPoint{0.75, Purpose::workspace, 6},
                                         Round{0, 1700000000.25, 1700000010.5},
                                         Finished{1700000010.5}};
        RunRecord expected;
        {
            Store store(path_);
            const auto sweep = store.add_sweep(named("n"), {point(1), planned});
            for (const auto& line : lines) {
                store.append(sweep.run_ids[1], line);
                apply(line, expected);
            }
        }
        const Store store(path_, Store::Mode::read);
        RunQuery query;
        query.hash = planned.hash;
        query.with_details = true;
        const auto found = store.runs(query);
        QCOMPARE(found.size(), 1u);
        const auto& run = found[0];
        QCOMPARE(run.id, 2);
        QCOMPARE(run.sweep_id, 1);
        QCOMPARE(run.hash, planned.hash);
        QVERIFY(run.config == config);
        QCOMPARE(run.status, RunStatus::done);
        QCOMPARE(run.started_unix_seconds, 1700000000.25);
        QCOMPARE(run.ended_unix_seconds, 1700000010.5);
        QVERIFY(run.environment == expected.environment);
        QVERIFY(run.metrics == expected.metrics);
        QVERIFY(run.texts == expected.texts);
        QCOMPARE(run.weights->path, std::string("/w"));
        QCOMPARE(run.weights->sha256, std::string("abcd"));
        QCOMPARE(run.weights->seed, -3);
        QCOMPARE(run.weights->parameters, std::int64_t(8'000'000'000));
        QVERIFY(run.weights->loaded);
        QCOMPARE(run.samples.size(), 2u);
        const auto& steps = run.samples.at("step_seconds");
        QCOMPARE(steps.size(), 2u);
        QVERIFY(steps[0].warmup && !steps[1].warmup);
        QCOMPARE(steps[0].value, 0.1);
        QCOMPARE(steps[1].value, 1.0 / 3);
        QCOMPARE(steps[1].index, 1);
        QCOMPARE(run.rounds.size(), 1u);
        QCOMPARE(run.rounds[0].started_unix_seconds, 1700000000.25);
        QCOMPARE(run.rounds[0].ended_unix_seconds, 1700000010.5);
        QCOMPARE(run.regions.size(), 2u);
        QCOMPARE(run.regions[0].path, std::string("layer 3/attention"));
        QCOMPARE(run.regions[0].calls, 4);
        QCOMPARE(run.regions[0].start_seconds, 0.25);
        QCOMPARE(run.regions[0].seconds, 0.125);
        QCOMPARE(run.regions[0].flops, 1e12);
        QCOMPARE(run.regions[0].bytes, 3e9);
        QCOMPARE(run.memory.size(), 2u);
        QCOMPARE(run.memory[1].seconds, 0.75);
        QCOMPARE(run.memory[1].purpose, Purpose::workspace);
        QCOMPARE(run.memory[1].bytes, 6.0);
        QCOMPARE(run.data->path, std::string("/d"));
        QCOMPARE(run.data->sha256, std::string("abce"));
        QCOMPARE(run.data->sequences, 3);
        QCOMPARE(run.data->letters, 70);
        query.with_details = false;
        QVERIFY(store.runs(query)[0].regions.empty());
        QVERIFY(store.runs(query)[0].memory.empty());
    }

    void values_that_are_no_number_survive() {
        Store store(path_);
        const auto run = store.add_sweep({}, {point(1)}).run_ids[0];
        store.append(run, Metric{"loss_nats", NAN});
        store.append(run, Metric{"perplexity", INFINITY});
        const auto metrics = store.runs()[0].metrics;
        QVERIFY(std::isnan(metrics.at("loss_nats")));
        QCOMPARE(metrics.at("perplexity"), double(INFINITY));
    }

    void sweeps_say_how_far_they_are() {
        Store store(path_);
        const auto first = store.add_sweep(named("first"), {point(1)});
        const auto second =
            store.add_sweep(named("second"), {point(2), point(3), point(4, "too long"), point(5)});
        finish(store, second.run_ids[0]);
        store.append(second.run_ids[1], Failed{Failure::crashed, "SIGSEGV", 3});
        const auto sweeps = store.sweeps();
        QCOMPARE(sweeps.size(), 2u);
        QCOMPARE(sweeps[0].name, std::string("second"));
        QCOMPARE(sweeps[0].description, std::string("what it shows"));
        QCOMPARE(sweeps[0].planned, 4);
        QCOMPARE(sweeps[0].done, 1);
        QCOMPARE(sweeps[0].failed, 1);
        QCOMPARE(sweeps[0].impossible, 1);
        QVERIFY(sweeps[0].created_unix_seconds > 1.7e9);
        QCOMPARE(spec_from_json(sweeps[0].spec_json, "stored").name, std::string("second"));
        QCOMPARE(sweeps[1].id, first.id);
        QCOMPARE(sweeps[1].planned, 1);
    }

    void a_failed_run_and_an_impossible_one_keep_their_reasons() {
        Store store(path_);
        const auto sweep = store.add_sweep({}, {point(1), point(2, "it cannot be")});
        store.append(sweep.run_ids[0], Failed{Failure::timed_out, "too slow", 9});
        const auto runs = store.runs();
        QCOMPARE(runs[0].status, RunStatus::failed);
        QVERIFY(runs[0].failure == Failure::timed_out);
        QCOMPARE(runs[0].reason, std::string("too slow"));
        QCOMPARE(runs[0].ended_unix_seconds, 9.0);
        QCOMPARE(runs[1].status, RunStatus::impossible);
        QCOMPARE(runs[1].reason, std::string("it cannot be"));
        QVERIFY(!runs[1].failure);
    }

    void a_resumed_sweep_is_whole_and_runs_only_what_is_missing() {
        Store store(path_);
        const std::vector<PlannedRun> points = {point(3), point(2), point(1), point(9, "no")};
        const auto first = store.add_sweep(named("first"), points);
        QCOMPARE(first.finished, (std::vector<bool>{false, false, false, false}));
        finish(store, first.run_ids[2]);
        store.append(first.run_ids[0], Failed{Failure::crashed, "", 1});
        const auto again = store.add_sweep(named("again"), points);
        QCOMPARE(again.finished, (std::vector<bool>{false, false, true, false}));
        QCOMPARE(again.run_ids[2], first.run_ids[2]);
        QVERIFY(again.run_ids[0] != first.run_ids[0]);

        RunQuery query;
        query.sweep_id = again.id;
        const auto runs = store.runs(query);
        QCOMPARE(runs.size(), 4u);
        for (int i = 0; i < 4; ++i) { // in the order of the points
            QCOMPARE(runs[i].hash, points[i].hash);
            QCOMPARE(runs[i].sweep_id, again.id);
            QCOMPARE(runs[i].reused, i == 2);
        }
        QCOMPARE(store.sweeps()[0].reused, 1);
        QCOMPARE(store.sweeps()[1].reused, 0);
        QCOMPARE(runs[2].metrics.at("peak_bytes"), 500.0);
        QCOMPARE(store.sweeps()[0].done, 1);
        QCOMPARE(store.runs().size(), 7u);

        const auto anew = store.add_sweep(named("anew"), points, true);
        QCOMPARE(anew.finished, (std::vector<bool>{false, false, false, false}));
        QVERIFY(anew.run_ids[2] != first.run_ids[2]);
    }

    void a_run_that_has_ended_takes_no_second_start() {
        Store store(path_);
        const auto sweep = store.add_sweep({}, {point(1)});
        finish(store, sweep.run_ids[0]);
        QVERIFY_EXCEPTION_THROWN(finish(store, sweep.run_ids[0]), Error);
        QVERIFY_EXCEPTION_THROWN(finish(store, 99), Error);
        QCOMPARE(store.runs()[0].samples.at("step_seconds").size(), 1u);
    }

    void the_newest_finished_run_of_a_point_is_found() {
        Store store(path_);
        const auto first = store.add_sweep({}, {point(1), point(2)});
        QVERIFY(!store.finished_run(point(1)));
        finish(store, first.run_ids[0]);
        QCOMPARE(*store.finished_run(point(1)), first.run_ids[0]);
        const auto second = store.add_sweep({}, {point(1)}, true);
        QCOMPARE(*store.finished_run(point(1)), first.run_ids[0]);
        finish(store, second.run_ids[0]);
        QCOMPARE(*store.finished_run(point(1)), second.run_ids[0]);
        QVERIFY(!store.finished_run(point(2)));
    }

    void a_run_stands_for_another_only_at_the_same_place() {
        Store store(path_);
        finish(store, store.add_sweep({}, {point(1)}).run_ids[0]);
        for (const auto fact : {"host", "cpu", "cores", "isa", "threads"}) {
            auto elsewhere = machine();
            elsewhere.facts[fact] = "another";
            auto run = point(1);
            run.place = place_of(elsewhere);
            QVERIFY2(!store.finished_run(run), fact);
            QVERIFY2(!store.was_measured_by_another_build(run), fact);
        }
        auto upgraded = machine();
        upgraded.facts["build_id"] = "two";
        auto run = point(1);
        run.place = place_of(upgraded);
        QVERIFY(!store.finished_run(run));
        QVERIFY(store.was_measured_by_another_build(run));
        QVERIFY(!store.was_measured_by_another_build(point(1)));
        run.place = {};
        QVERIFY(!store.finished_run(run));
        auto load = machine();
        load.facts["load_average"] = "0.7"; // says when, not where
        run.place = place_of(load);
        QVERIFY(store.finished_run(run));
    }

    void a_run_whose_contents_are_not_known_stands_for_none() {
        Store store(path_);
        auto unknown = point(1);
        unknown.contents.clear();
        finish(store, store.add_sweep({}, {unknown}).run_ids[0]);
        QVERIFY(!store.finished_run(unknown));
        QCOMPARE(store.runs().size(), 1u);
    }

    void a_run_that_read_another_file_than_was_looked_at_stands_for_none() {
        Store store(path_);
        auto run = point(1);
        run.contents["data"] = "aaaa";
        const auto measured = [&](const Line& line) {
            const auto id = store.add_sweep({}, {run}, true).run_ids[0];
            store.append(id, line);
            finish(store, id);
            return store.finished_run(run).value_or(0) == id;
        };
        QVERIFY(!measured(DataUsed{"d", "bbbb", 1, 1}));
        QVERIFY(measured(DataUsed{"d", "aaaa", 1, 1}));
        run.contents["weights"] = "cccc";
        QVERIFY(!measured(WeightsUsed{true, "w", "dddd", 0, 1}));
        QVERIFY(measured(WeightsUsed{true, "w", "cccc", 0, 1}));
        run.contents["weights"] = "files:eeee"; // a folder has another kind of hash
        QVERIFY(measured(WeightsUsed{true, "w", "ffff", 0, 1}));
    }

    void a_file_that_changed_is_hashed_anew() {
        const auto file = folder_->filePath("a.fasta").toStdString();
        const auto age = [&] { // a file that was written just now is not trusted to stay
            QTest::qSleep(2100);
        };
        Store store(path_);
        write_file(file, "abc");
        const auto abc = store.sha256_of(file);
        QCOMPARE(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        write_file(file, "abd"); // as long, and in the same moment
        const auto abd = store.sha256_of(file);
        QVERIFY(abd != abc);
        age();
        QCOMPARE(store.sha256_of(file), abd); // is remembered from here on
        const Database database(path_, Database::Open::read);
        QCOMPARE(database.number("SELECT count(*) FROM file_hashes"), 1);
        alter_hash(file);
        QCOMPARE(store.sha256_of(file), std::string("remembered"));
        const auto changed = std::filesystem::last_write_time(file);
        write_file(file, "abc");
        std::filesystem::last_write_time(file, changed); // as `cp -p` does
        QCOMPARE(store.sha256_of(file), abc);
        QVERIFY(has(failure_of([&] { store.sha256_of(folder_->path().toStdString()); }),
                    "is no regular file"));
        QVERIFY(has(failure_of([&] { store.sha256_of("/nowhere/x"); }), "/nowhere/x: "));
    }

    void a_run_that_lacks_rounds_is_gone_on_with_and_stands_for_no_other() {
        auto planned = point(1);
        planned.config.rounds = 3;
        {
            Store store(path_);
            const auto id = store.add_sweep({}, {planned}).run_ids[0];
            store.append(id, Started{planned.hash, planned.config, 100});
            store.append(id, machine());
            store.append(id, Measured{"step_seconds", 0, 0.5, false, 0});
            store.append(id, Round{0, 100, 110});
            store.append(id, Measured{"step_seconds", 0, 0.7, false, 1});
        } // as if it were killed here
        Store store(path_);
        QCOMPARE(store.runs()[0].status, RunStatus::done);
        QVERIFY(!store.finished_run(planned));
        const auto again = store.add_sweep({}, {planned});
        QCOMPARE(again.run_ids[0], 1);
        QVERIFY(!again.finished[0]);
        QCOMPARE(again.rounds_done[0], 1);
        for (int round : {1, 2}) {
            store.append(1, Measured{"step_seconds", 0, 0.6, false, round});
            store.append(1, Round{round, 200.0 + round, 210.0 + round});
        }
        store.append(1, Finished{300});
        QCOMPARE(*store.finished_run(planned), 1);
        const auto run = store.runs()[0];
        QCOMPARE(run.rounds.size(), 3u);
        QCOMPARE(run.rounds[2].index, 2);
        QCOMPARE(run.samples.at("step_seconds").size(), 3u); // none of the round that was killed
        QCOMPARE(run.ended_unix_seconds, 300.0);
    }

    void words_find_runs() {
        Store store(path_);
        RunConfig flash, naive;
        flash.batch = 4;
        naive.batch = 40;
        naive.attention = AttentionVariant::naive;
        const auto sweep =
            store.add_sweep(named("Proteins"), {{.config = flash, .hash = hash_of(flash)},
                                                {.config = naive, .hash = hash_of(naive)}});
        store.add_sweep(named("other"), {point(7)});
        store.set_tags(sweep.id, {"baseline", "night run"});
        store.set_note(sweep.id, "before the Fix");
        store.append(sweep.run_ids[1], Failed{Failure::out_of_memory, "no 100 % left", 1});
        const auto batches = [&](const std::string& text) {
            QStringList all;
            RunQuery query;
            query.text = text;
            for (const auto& run : store.runs(query)) all << QString::number(run.config.batch);
            return all.join(' ');
        };
        QCOMPARE(batches(""), "4 40 7");
        QCOMPARE(batches("naive"), "40");
        QCOMPARE(batches("attention=flash"), "4 7");
        QCOMPARE(batches("batch=4"), "4");
        QCOMPARE(batches("batch="), "4 40 7");
        QCOMPARE(batches("proteins"), "4 40");
        QCOMPARE(batches("NIGHT baseline"), "4 40");
        QCOMPARE(batches("fix failed"), "40");
        QCOMPARE(batches("out_of_memory"), "40");
        QCOMPARE(batches("100 %"), "40");
        QCOMPARE(batches("nothing like it"), "");
    }

    void runs_are_found_by_id_sweep_and_hash_together() {
        Store store(path_);
        const auto a = store.add_sweep({}, {point(1), point(2)});
        const auto b = store.add_sweep({}, {point(1), point(3)});
        RunQuery query;
        query.ids = {a.run_ids[1], b.run_ids[1], 999};
        QCOMPARE(store.runs(query).size(), 2u);
        query.sweep_id = b.id;
        QCOMPARE(store.runs(query).size(), 1u);
        QCOMPARE(store.runs(query)[0].config.batch, 3);
        query.hash = point(1).hash;
        QVERIFY(store.runs(query).empty());
    }

    void notes_tags_and_pins_are_kept() {
        {
            Store store(path_);
            const auto sweep = store.add_sweep(named("n"), {});
            store.set_note(sweep.id, "a note\nof two lines");
            store.set_tags(sweep.id, {"one", "t\"w,o"});
            store.set_pinned(sweep.id, true);
        }
        const auto sweep = Store(path_, Store::Mode::read).sweeps()[0];
        QCOMPARE(sweep.note, std::string("a note\nof two lines"));
        QCOMPARE(sweep.tags, (std::vector<std::string>{"one", "t\"w,o"}));
        QVERIFY(sweep.pinned);
    }

    void threads_may_share_a_store() {
        Store store(path_);
        std::vector<PlannedRun> points;
        for (int i = 1; i <= 4; ++i) points.push_back(point(i));
        const auto sweep = store.add_sweep({}, points);
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 50; ++i)
                    store.append(sweep.run_ids[t], Measured{"step_seconds", i, 1, false});
                store.append(sweep.run_ids[t], Finished{1});
                store.runs();
            });
        for (auto& thread : threads) thread.join();
        for (const auto& run : store.runs()) QCOMPARE(run.samples.at("step_seconds").size(), 50u);
    }

    void a_thousand_runs_with_a_hundred_samples_open_quickly() {
        std::vector<PlannedRun> points;
        for (int i = 1; i <= 1000; ++i) points.push_back(point(i));
        {
            Store store(path_);
            const auto sweep = store.add_sweep(named("many"), points);
            Database database(path_, Database::Open::write); // as many commits would take long
            database.execute("BEGIN");
            auto sample =
                database.prepare("INSERT INTO samples(run_id, ordinal, metric, \"index\", "
                                 "value, warmup) VALUES (?, ?, ?, ?, ?, ?)");
            auto metric = database.prepare("INSERT INTO metrics VALUES (?, ?, ?)");
            for (const auto id : sweep.run_ids) {
                for (int i = 0; i < 100; ++i) sample.run(id, i, "step_seconds", i, 0.25 + i, i < 2);
                for (int i = 0; i < 20; ++i) metric.run(id, "metric " + to_text(i), 0.5);
            }
            database.execute("COMMIT");
        }
        QElapsedTimer timer;
        timer.start();
        const auto runs = Store(path_, Store::Mode::read).runs();
        const auto seconds = double(timer.nsecsElapsed()) / 1e9;
        QCOMPARE(runs.size(), 1000u);
        for (const auto& run : runs) QCOMPARE(run.samples.at("step_seconds").size(), 100u);
        QCOMPARE(runs[999].samples.at("step_seconds")[99].value, 99.25);
        qInfo("1,000 runs with 100 samples each opened in %.3f s", seconds);
        QVERIFY(seconds < 20); // the bound of 0.5 s is the bench's: tests share their machine
    }

    void a_run_keeps_the_ceilings_that_its_device_had_then() {
        Store store(path_);
        const auto measured = [&](double rate, int threads) {
            keep_ceilings(path_, {.device = "some",
                                  .threads = threads,
                                  .all = {{"matmul, f32", "FLOP/s", rate},
                                          {"matmul, bf16", "FLOP/s", 9 * rate},
                                          {"read", "B/s", 20}}});
        };
        measured(100, 2);
        measured(70, 1);
        const auto ids = store.add_sweep(named("a"), {point(1), point(2)}).run_ids;
        finish(store, ids[0]);
        measured(200, 2);
        QCOMPARE(store.runs()[0].metrics.at("ceiling_flops_per_second"), 100.0);
        QCOMPARE(store.runs()[0].metrics.at("ceiling_bytes_per_second"), 20.0);
        auto elsewhere = machine();
        elsewhere.facts["cpu"] = "another";
        finish(store, ids[1], 0.5, elsewhere);
        QVERIFY(!store.runs()[1].metrics.contains("ceiling_flops_per_second"));
    }

    void a_broken_file_of_ceilings_costs_no_run() {
        std::ofstream(path_ + ".ceilings.jsonl") << "{";
        Store store(path_);
        const auto ids = store.add_sweep(named("a"), {point(1)}).run_ids;
        finish(store, ids[0]);
        QCOMPARE(store.runs()[0].status, RunStatus::done);
    }

    void the_default_path_follows_the_environment() {
        qputenv("SWEETSPOT_STORE", "/s/x");
        QCOMPARE(default_store_path(), std::filesystem::path("/s/x"));
        qunsetenv("SWEETSPOT_STORE");
        qputenv("XDG_DATA_HOME", "/d");
        QCOMPARE(default_store_path(), std::filesystem::path("/d/sweetspot/runs.sweetspot"));
        qunsetenv("XDG_DATA_HOME");
        qputenv("HOME", "/h");
        QCOMPARE(default_store_path(),
                 std::filesystem::path("/h/.local/share/sweetspot/runs.sweetspot"));
    }
};

SWEETSPOT_TEST(StoreTest)
#include "store_test.moc"

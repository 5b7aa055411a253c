#include "app/experiment/key.h"
#include "app/store/schema.h"
#include "app/store/store.h"
#include "kernels/core/error.h"
#include <QElapsedTimer>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <csignal>
#include <fstream>
#include <functional>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace sweetspot;

namespace {

Environment machine() {
    return {{{"host", "here"},
             {"cpu", "some"},
             {"cores", "2"},
             {"isa", "AVX2"},
             {"threads", "2"},
             {"build_id", "one"},
             {"onednn", "2.6"}}};
}

PlannedRun point(int batch, const std::string& impossible = "") {
    RunConfig config;
    config.batch = batch;
    config.rounds = 1;
    const Contents contents{{"model", "1234"}};
    return {config, hash_of(config, contents), impossible, contents, place_of(machine())};
}

Spec named(const std::string& name) {
    return {.name = name, .description = "what it shows"};
}

void finish(Store& store, std::int64_t run, double value = 0.5,
            const Environment& where = machine()) {
    store.append(run, Started{"", {}, 100});
    store.append(run, where);
    store.append(run, Measured{"step_seconds", 0, value, false});
    store.append(run, Metric{"peak_bytes", 1000 * value});
    store.append(run, Round{0, 100, 200});
    store.append(run, Finished{200});
}

/// What the Error(file) says that something throws; "" if it throws nothing.
std::string failure_of(const std::function<void()>& something) {
    try {
        something();
    } catch (const Error& error) {
        return error.kind == Failure::file ? error.what() : "another failure";
    }
    return {};
}

std::string opening(const std::string& path, Store::Mode mode = Store::Mode::write) {
    return failure_of([&] { Store(path, mode); });
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != text.npos;
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

/// Runs SQL on a database that is not open as a store.
void alter(const std::string& path, const std::string& sql) {
    Database(path, Database::Open::write).execute(sql);
}

/// Does something in a child process and gives how it ended.
int in_child(const std::function<void()>& something) {
    const pid_t child = fork();
    if (child == 0) {
        something();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

/// A small disk of its own; nothing where the system does not let us mount.
class SmallDisk {
public:
    explicit SmallDisk(const std::string& folder) : folder_(folder) {
        mounted_ = mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=512k") == 0;
    }
    ~SmallDisk() {
        if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
    }
    bool is_mounted() const { return mounted_; }
    bool make_read_only() const {
        return mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "") == 0;
    }

private:
    std::string folder_;
    bool mounted_;
};

/// As another user than root, whom permissions do not bind.
class AsNobody {
public:
    AsNobody() : root_(geteuid() == 0) {
        if (root_ && seteuid(65534) != 0) qFatal("cannot become nobody");
    }
    ~AsNobody() {
        if (root_ && seteuid(0) != 0) qFatal("cannot become root again");
    }

private:
    bool root_;
};

} // namespace

class StoreTest : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> folder_;
    std::string path_;

    /// So that it shows whether a hash was remembered or computed.
    void alter_hash(const std::string& file) {
        Database database(path_, Database::Open::write);
        database.prepare("UPDATE file_hashes SET sha256 = 'remembered' WHERE path = ?").run(file);
    }

private slots:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        path_ = folder_->filePath("runs.sweetspot").toStdString();
    }

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

    void readers_see_what_is_finished_while_a_writer_writes() {
        Store writer(path_);
        const auto run = writer.add_sweep({}, {point(1)}).run_ids[0];
        const Store reader(path_, Store::Mode::read);
        const auto before = reader.version();
        writer.append(run, Started{"", {}, 1});
        for (int i = 0; i < 100; ++i) writer.append(run, Measured{"step_seconds", i, 1, false});
        writer.append(run, Finished{2});
        QVERIFY(reader.version() > before);
        QCOMPARE(reader.version(), writer.version());
        QCOMPARE(reader.runs()[0].samples.at("step_seconds").size(), 100u);
        const auto then = writer.version();
        writer.set_note(1, "x");
        QVERIFY(writer.version() > then);
        QCOMPARE(reader.version(), writer.version());
    }

    void slow_lines_are_seen_as_they_come() {
        Store writer(path_);
        const auto run = writer.add_sweep({}, {point(1)}).run_ids[0];
        const Store reader(path_, Store::Mode::read);
        for (int i = 1; i <= 2; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(250));
            writer.append(run, Measured{"step_seconds", i, 1, false});
            QCOMPARE(reader.runs()[0].samples.at("step_seconds").size(), std::size_t(i));
        }
    }

    void a_run_is_seen_to_run_before_a_step_that_takes_minutes() {
        Store store(path_);
        const PlannedRun run{.config = {}, .hash = hash_of({})};
        const auto id = store.add_sweep({}, {run}).run_ids[0];
        const Store reader(path_, Store::Mode::read);
        store.append(id, Started{run.hash, {}, 1});
        store.append(id, Phase{"load", 0.5}); // it tells of itself
        QCOMPARE(reader.runs()[0].status, RunStatus::planned);
        store.append(id, Phase{"measure", 0});
        QCOMPARE(reader.runs()[0].status, RunStatus::running);
    }

    void a_second_writer_is_told_who_writes() {
        const Store store(path_);
        QCOMPARE(opening(path_), path_ + " is being written by another Sweetspot (process " +
                                     std::to_string(getpid()) +
                                     "); one at a time may write, all may read");
        QCOMPARE(opening(path_, Store::Mode::read), std::string());
    }

    void the_next_writer_may_write() {
        { const Store store(path_); }
        QCOMPARE(opening(path_), std::string());
    }

    void a_reader_cannot_write() {
        { Store(path_).add_sweep({}, {point(1)}); }
        Store store(path_, Store::Mode::read);
        const auto refused = path_ + " is open for reading only";
        QCOMPARE(failure_of([&] { store.add_sweep({}, {}); }), refused);
        QCOMPARE(failure_of([&] { store.append(1, Finished{1}); }), refused);
        QCOMPARE(failure_of([&] { store.set_note(1, ""); }), refused);
        QCOMPARE(failure_of([&] { store.import(path_); }), refused);
        QCOMPARE(store.runs().size(), 1u);
    }

    void what_finished_survives_a_kill_and_the_run_under_way_is_interrupted() {
        const auto status = in_child([&] {
            Store store(path_);
            const auto sweep = store.add_sweep({}, {point(1), point(2), point(3)});
            finish(store, sweep.run_ids[0]);
            store.append(sweep.run_ids[1], Started{"", {}, 5});
            std::this_thread::sleep_for(std::chrono::milliseconds(250));
            store.append(sweep.run_ids[1], Measured{"step_seconds", 0, 1, false});
            raise(SIGKILL);
        });
        QVERIFY(WIFSIGNALED(status));
        QCOMPARE(Store(path_, Store::Mode::read).runs()[1].status, RunStatus::running);
        const Store store(path_);
        const auto runs = store.runs();
        QCOMPARE(runs[0].status, RunStatus::done);
        QCOMPARE(runs[0].samples.at("step_seconds").size(), 1u);
        QCOMPARE(runs[1].status, RunStatus::failed);
        QVERIFY(runs[1].failure == Failure::interrupted);
        QCOMPARE(runs[1].reason, std::string("the program ended while this run was in progress"));
        QCOMPARE(runs[1].samples.at("step_seconds").size(), 1u);
        QCOMPARE(runs[2].status, RunStatus::planned);
    }

    void what_is_no_database_is_said() {
        write_file(path_, std::string(5000, 'x'));
        for (const auto mode : {Store::Mode::write, Store::Mode::read})
            QCOMPARE(opening(path_, mode), path_ + " is not a database");
    }

    void a_database_of_another_program_is_left_alone() {
        alter(path_, "CREATE TABLE songs(name TEXT); INSERT INTO songs VALUES ('x')");
        for (const auto mode : {Store::Mode::write, Store::Mode::read})
            QCOMPARE(opening(path_, mode), path_ + " is a database, but not one of Sweetspot's");
        const Database database(path_, Database::Open::read);
        QCOMPARE(database.number("SELECT count(*) FROM sqlite_master"), 1);
        QCOMPARE(database.number("PRAGMA application_id"), 0);
    }

    void a_newer_schema_is_refused_and_left_alone() {
        { Store(path_).add_sweep({}, {point(1)}); }
        alter(path_, "PRAGMA user_version = 99");
        for (const auto mode : {Store::Mode::write, Store::Mode::read})
            QCOMPARE(opening(path_, mode),
                     path_ + " was written by a newer Sweetspot: its schema is version 99, and "
                             "this one knows up to 2");
        QCOMPARE(Database(path_, Database::Open::read).number("PRAGMA user_version"), 99);
    }

    void a_truncated_database_is_said_to_be_damaged() {
        {
            Store store(path_);
            std::vector<PlannedRun> points;
            for (int i = 1; i <= 200; ++i) points.push_back(point(i));
            store.add_sweep({}, points);
        }
        std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
        for (const auto mode : {Store::Mode::write, Store::Mode::read}) {
            const auto said = opening(path_, mode);
            QVERIFY2(has(said, path_ + " is damaged or cut short"), said.c_str());
        }
    }

    void a_missing_file_is_not_made_by_a_reader() {
        QCOMPARE(opening(path_, Store::Mode::read),
                 path_ + " cannot be opened: there is no such file");
        QVERIFY(!std::filesystem::exists(path_));
    }

    void a_run_that_cannot_be_understood_is_named() {
        { Store(path_).add_sweep({}, {point(1)}); }
        alter(path_, "UPDATE runs SET config = '{\"vendor\":1}'");
        const auto said = failure_of([&] { Store(path_, Store::Mode::read).runs(); });
        QCOMPARE(said.find(path_ + ": run 1 is damaged or of a newer Sweetspot: "), 0u);
        QVERIFY2(has(said, "\"vendor\""), said.c_str());
    }

    void a_read_only_file_or_folder_can_be_read_but_not_written() {
        {
            Store store(path_);
            finish(store, store.add_sweep({}, {point(1)}).run_ids[0]);
        }
        std::filesystem::remove(path_ + "-writer");
        const auto folder = folder_->path().toStdString();
        chmod(path_.c_str(), 0444);
        chmod(folder.c_str(), 0555);
        std::string writing;
        std::size_t read = 0;
        {
            const AsNobody nobody;
            writing = opening(path_);
            read = Store(path_, Store::Mode::read).runs().size();
        }
        chmod(folder.c_str(), 0777);
        QVERIFY2(has(writing, path_ + " cannot be written: "), writing.c_str());
        QCOMPARE(read, 1u);
        {
            const AsNobody nobody;
            writing = opening(path_);
        }
        QCOMPARE(writing, path_ + " cannot be written: it is read-only");
    }

    void a_folder_that_cannot_be_made_is_named() {
        const AsNobody nobody;
        const auto said = opening("/proc/nowhere/runs.sweetspot");
        QVERIFY2(has(said, "/proc/nowhere cannot be made: "), said.c_str());
    }

    void a_full_disk_is_said_and_what_was_finished_stays() {
        const SmallDisk disk(folder_->path().toStdString());
        if (!disk.is_mounted()) QSKIP("this system does not let us mount a small disk");
        std::string said;
        {
            Store store(path_);
            const auto sweep = store.add_sweep({}, {point(1), point(2)});
            finish(store, sweep.run_ids[0]);
            said = failure_of([&] {
                for (int i = 0; i < 10'000; ++i)
                    store.append(sweep.run_ids[1],
                                 Text{"t" + to_text(i), std::string(10'000, 'x')});
            });
            QCOMPARE(store.runs()[0].status, RunStatus::done);
        }
        QCOMPARE(said, path_ + " cannot be written: the disk is full");
        QCOMPARE(Store(path_, Store::Mode::read).runs()[0].metrics.at("peak_bytes"), 500.0);
    }

    void a_disk_mounted_read_only_can_be_read() {
        const SmallDisk disk(folder_->path().toStdString());
        if (!disk.is_mounted()) QSKIP("this system does not let us mount a small disk");
        { Store(path_).add_sweep({}, {point(1)}); }
        QVERIFY(disk.make_read_only());
        QCOMPARE(Store(path_, Store::Mode::read).runs().size(), 1u);
        QVERIFY2(has(opening(path_), path_ + " cannot be written: "), opening(path_).c_str());
        Store other(std::filesystem::temp_directory_path() /
                    ("sweetspot-import-" + to_text(getpid())));
        QCOMPARE(other.import(path_), 1);
        std::filesystem::remove(other.path());
    }

    void a_file_that_may_not_grow_is_said() {
        const auto status = in_child([&] {
            std::signal(SIGXFSZ, SIG_IGN);
            Store store(path_);
            const auto run = store.add_sweep({}, {point(1)}).run_ids[0];
            const rlimit limit{300'000, 300'000};
            setrlimit(RLIMIT_FSIZE, &limit);
            const auto said = failure_of([&] {
                for (int i = 0; i < 10'000; ++i)
                    store.append(run, Text{"t" + to_text(i), std::string(10'000, 'x')});
            });
            _exit(said == path_ + " cannot be written: the file may not grow any more" ? 7 : 8);
        });
        QCOMPARE(WEXITSTATUS(status), 7);
        QCOMPARE(Store(path_).runs().size(), 1u);
    }

    void steps_lead_from_any_older_schema_to_the_newest() {
        const char* const steps[] = {"CREATE TABLE a(x); INSERT INTO a VALUES (1)",
                                     "ALTER TABLE a ADD COLUMN y DEFAULT 5",
                                     "UPDATE a SET y = y + x"};
        const Database database(path_, Database::Open::write);
        migrate(database, std::span(steps, 1)); // an old program made this
        QCOMPARE(database.number("PRAGMA user_version"), 1);
        QCOMPARE(database.number("PRAGMA application_id"), application_id);
        migrate(database, steps);
        QCOMPARE(database.number("PRAGMA user_version"), 3);
        QCOMPARE(database.number("SELECT y FROM a"), 6);
        migrate(database, steps); // nothing is left to do
        QCOMPARE(database.number("SELECT y FROM a"), 6);
    }

    void a_step_that_fails_leaves_the_older_schema() {
        const char* const steps[] = {"CREATE TABLE a(x)", "CREATE TABLE b(x)", "CREATE TABLE b(x)"};
        const Database database(path_, Database::Open::write);
        migrate(database, std::span(steps, 1));
        QVERIFY_EXCEPTION_THROWN(migrate(database, steps), Error);
        QCOMPARE(database.number("PRAGMA user_version"), 1);
        QCOMPARE(database.number("SELECT count(*) FROM sqlite_master"), 1);
    }

    void an_older_database_is_brought_up_to_date_by_a_writer() {
        alter(path_, "PRAGMA application_id = " + std::to_string(application_id));
        const auto said = opening(path_, Store::Mode::read);
        QVERIFY2(has(said, path_ + " has an older schema (version 0)"), said.c_str());
        QCOMPARE(opening(path_), std::string());
        QCOMPARE(opening(path_, Store::Mode::read), std::string());
        QCOMPARE(Database(path_, Database::Open::read).number("PRAGMA user_version"), 2);
    }

    void a_database_of_version_1_keeps_its_runs_and_none_stands_for_a_new_one() {
        std::ifstream text(SWEETSPOT_SOURCE_DIR "/tests/app/store-version1.sql");
        alter(path_, {std::istreambuf_iterator<char>(text), {}});
        Store store(path_);
        QCOMPARE(Database(path_, Database::Open::read).number("PRAGMA user_version"), 2);
        RunQuery query;
        query.with_details = true;
        const auto runs = store.runs(query);
        QCOMPARE(runs.size(), 3u);
        const auto& run = runs[0];
        QCOMPARE(run.status, RunStatus::done);
        QCOMPARE(run.config.model, std::string("stories260k"));
        QCOMPARE(run.environment.at("commit"), std::string("27b34dd8692b"));
        QCOMPARE(run.weights->parameters, runs[2].weights->parameters);
        QVERIFY(!run.data);
        const auto& steps = run.samples.at("step_seconds");
        QCOMPARE(steps.size(), 4u);
        QVERIFY(steps[0].warmup && !steps[1].warmup);
        QCOMPARE(steps[3].index, 2);
        QCOMPARE(steps[3].value, 0.000185466);
        QCOMPARE(run.regions.size(), 3u);
        // Three purposes in use at first; then the activations change thrice.
        const std::vector<std::pair<Purpose, double>> expected{
            {Purpose::weights, 1227776},  {Purpose::activations, 64},
            {Purpose::workspace, 331776}, {Purpose::activations, 2112},
            {Purpose::activations, 4160}, {Purpose::activations, 8256}};
        std::vector<std::pair<Purpose, double>> memory;
        for (const auto& point : run.memory) memory.emplace_back(point.purpose, point.bytes);
        QCOMPARE(memory, expected);
        QCOMPARE(run.memory[5].seconds, 6.099e-06);
        QCOMPARE(store.sweeps()[0].reused, 1);
        for (const auto& old : runs) {
            const PlannedRun same{old.config, old.hash, {}, {}, place_of({old.environment})};
            QVERIFY(!store.finished_run(same));
        }
        finish(store, store.add_sweep({}, {point(5)}).run_ids[0]); // and it can be written
        QVERIFY(store.finished_run(point(5)));
    }

    void a_kind_of_line_that_an_older_program_lacked_gets_its_table_and_column() {
        { Store(path_).add_sweep({}, {point(1)}); }
        alter(path_, "DROP TABLE data; ALTER TABLE weights DROP COLUMN seed");
        const auto said = opening(path_, Store::Mode::read);
        QVERIFY2(has(said, "has an older schema"), said.c_str());
        QCOMPARE(opening(path_), std::string());
        QCOMPARE(opening(path_, Store::Mode::read), std::string());
    }

    void a_database_that_computes_is_not_opened() {
        const auto refuses = [&](const char* sql, const char* what) {
            { Store(path_).add_sweep({}, {point(1)}); }
            alter(path_, sql);
            for (const auto mode : {Store::Mode::write, Store::Mode::read}) {
                const auto said = opening(path_, mode);
                QVERIFY2(has(said, what), said.c_str());
            }
            std::filesystem::remove(path_);
        };
        refuses("DROP TABLE samples; CREATE VIEW samples AS WITH RECURSIVE endless(n) AS (SELECT 1 "
                "UNION ALL SELECT n + 1 FROM endless) SELECT n AS run_id, n AS ordinal, '' AS "
                "metric, n AS \"index\", n AS value, 0 AS warmup FROM endless",
                "has a view, \"samples\"");
        refuses("CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM sweeps; END",
                "has a trigger, \"t\"");
        refuses("CREATE VIRTUAL TABLE v USING fts5(x)", "has a table, \"v\"");
    }

    void import_copies_the_sweeps_that_are_lacking() {
        const auto other_path = folder_->filePath("other file?#.sweetspot").toStdString();
        Store store(path_);
        finish(store, store.add_sweep(named("mine"), {point(1)}).run_ids[0], 1);
        {
            Store other(other_path);
            const auto theirs = other.add_sweep(named("theirs"), {point(2), point(1), point(3)});
            other.append(theirs.run_ids[0], WeightsUsed{.seed = 4});
            other.append(theirs.run_ids[0], RegionSum{.path = "model"});
            other.append(theirs.run_ids[0], MemoryPoint{.seconds = 3});
            other.append(theirs.run_ids[0], Text{"generated", "hello"});
            auto there = machine();
            there.facts["governor"] = "theirs";
            finish(other, theirs.run_ids[0], 2, there);
            other.append(theirs.run_ids[1], Started{"", {}, 5});
            other.set_tags(theirs.id, {"tag"});
            other.add_sweep(named("resumed"), {point(2), point(9)});

            QCOMPARE(store.import(other_path), 2); // while its writer is at work
            QCOMPARE(store.import(other_path), 0);
        }
        QCOMPARE(store.sweeps().size(), 3u);
        QCOMPARE(store.runs().size(), 5u);
        RunQuery query;
        for (const auto& sweep : store.sweeps())
            if (sweep.name == "theirs") {
                query.sweep_id = sweep.id;
                QCOMPARE(sweep.tags, (std::vector<std::string>{"tag"}));
            }
        query.with_details = true;
        auto runs = store.runs(query);
        QCOMPARE(runs.size(), 3u);
        QCOMPARE(runs[0].config.batch, 2);
        QCOMPARE(runs[0].metrics.at("peak_bytes"), 2000.0);
        QCOMPARE(runs[0].environment.at("governor"), std::string("theirs"));
        QCOMPARE(runs[0].texts.at("generated"), std::string("hello"));
        QCOMPARE(runs[0].weights->seed, 4);
        QCOMPARE(runs[0].regions.size(), 1u);
        QCOMPARE(runs[0].memory.size(), 1u);
        QVERIFY(runs[1].failure == Failure::interrupted);
        QCOMPARE(runs[2].status, RunStatus::planned);
        const auto shared = runs[0].id;
        query.sweep_id = store.sweeps()[0].id; // "resumed", in which the first run is shared
        QCOMPARE(store.sweeps()[0].name, std::string("resumed"));
        QCOMPARE(store.runs(query)[0].id, shared);

        {
            Store other(other_path);
            finish(other, other.add_sweep(named("third"), {point(2), point(77)}).run_ids[1]);
        }
        QCOMPARE(store.import(other_path), 1);
        query.sweep_id = store.sweeps()[0].id;
        runs = store.runs(query);
        QCOMPARE(runs[0].id, shared); // known from before
        QCOMPARE(runs[1].config.batch, 77);
        QCOMPARE(runs[1].status, RunStatus::done);
        QCOMPARE(store.import(path_), 0);
    }

    void import_refuses_what_is_no_database_of_ours_and_changes_nothing() {
        Store store(path_);
        const auto other = folder_->filePath("other").toStdString();
        write_file(other, std::string(5000, 'x'));
        QCOMPARE(failure_of([&] { store.import(other); }), other + " is not a database");
        QCOMPARE(failure_of([&] { store.import("/nowhere/x"); }),
                 "/nowhere/x cannot be opened: there is no such file");
        QVERIFY(store.sweeps().empty());
        store.add_sweep(named("still fine"), {});
        QCOMPARE(store.sweeps().size(), 1u);
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

QTEST_GUILESS_MAIN(StoreTest)
#include "store_test.moc"

// Databases of older programs, of newer ones and of others: brought up to date, imported, or
// refused.
#include "app/store/tables.h"
#include "app/store/up_to_date.h"
#include "app/store/writer_lock.h"
#include "tests/app/store_support.h"
#include "tests/suite.h"
#include <QFile>
#include <thread>

using namespace sweetspot;
using namespace sweetspot::stored;

class StoreVersionsTest : public StoreFixture {
    Q_OBJECT
private slots:
    void init() { renew(); }

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
        QCOMPARE(Database(path_, Database::Open::read).number("PRAGMA user_version"),
                 std::int64_t(migrations().size()));
    }

    void an_older_database_is_waited_for_while_another_brings_it_up_to_date() {
        using namespace std::chrono_literals;
        alter(path_, "PRAGMA application_id = " + std::to_string(application_id));
        const WriterLock others(path_);
        const auto said = failure_of([&] { bring_up_to_date(path_, 100ms); });
        QVERIFY2(has(said, "is being written by another Sweetspot (process "), said.c_str());
        QVERIFY2(has(said, "It has an older schema"), said.c_str());
        std::thread other([&] {
            std::this_thread::sleep_for(300ms);
            const Database database(path_, Database::Open::write);
            migrate(database, migrations());
            make_tables(database);
        });
        QCOMPARE(failure_of([&] { bring_up_to_date(path_); }), std::string());
        QCOMPARE(opening(path_, Store::Mode::read), std::string());
        other.join();
    }

    void a_database_of_version_1_keeps_its_runs_and_none_stands_for_a_new_one() {
        std::ifstream text(SWEETSPOT_SOURCE_DIR "/tests/app/store-version1.sql");
        alter(path_, {std::istreambuf_iterator<char>(text), {}});
        Store store(path_);
        QCOMPARE(Database(path_, Database::Open::read).number("PRAGMA user_version"),
                 std::int64_t(migrations().size()));
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
};

SWEETSPOT_TEST(StoreVersionsTest)
#include "store_versions_test.moc"

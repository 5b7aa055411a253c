#include "tests/app/store_support.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::stored;

class StoreDeletionTest : public StoreFixture {
    Q_OBJECT

private slots:
    void init() { renew(); }

    void what_is_deleted_is_in_no_answer_and_stands_for_nothing_until_it_is_back() {
        std::int64_t first = 0, run = 0;
        {
            Store store(path_);
            const auto sweep = store.add_sweep(named("first"), {point(1), point(2)});
            first = sweep.id;
            run = sweep.run_ids[0];
            for (const auto id : sweep.run_ids) finish(store, id);
            store.set_runs_deleted({run}, true);
            QCOMPARE(store.runs().size(), 1u);
            QCOMPARE(store.runs({.sweep_id = first}).size(), 1u);
            QVERIFY(store.runs({.ids = {run}}).empty());
            QVERIFY(!store.finished_run(point(1)));
            QVERIFY(store.finished_run(point(2)));
            QCOMPARE(store.sweeps()[0].planned, 1);
            QCOMPARE(store.sweeps()[0].deleted_runs, 1);
            store.restore_runs_of(first);
            QVERIFY(store.finished_run(point(1)));
            store.set_sweeps_deleted({first}, true);
        }
        Store store(path_); // on another day
        QVERIFY(store.sweeps().empty());
        QVERIFY(store.runs().empty() && store.runs({.sweep_id = first}).empty());
        QVERIFY(!store.finished_run(point(1)));
        QCOMPARE(store.deleted_sweeps().size(), 1u);
        QCOMPARE(store.deleted_sweeps()[0].name, std::string("first"));
        store.set_sweeps_deleted({first}, false);
        QCOMPARE(store.runs({.sweep_id = first}).size(), 2u);
        // A run that another sweep shows, too, is there as long as that is.
        const auto again = store.add_sweep(named("second"), {point(1)});
        QCOMPARE(again.run_ids[0], run);
        store.set_sweeps_deleted({first}, true);
        QCOMPARE(store.runs().size(), 1u);
        QVERIFY(store.finished_run(point(1)) && !store.finished_run(point(2)));
        // A copy knows what was deleted.
        const auto copied = folder_->filePath("copy.sweetspot").toStdString();
        Store copy(copied);
        QCOMPARE(copy.import(path_), 1);
        QCOMPARE(copy.sweeps().size(), 1u);
        QCOMPARE(copy.deleted_sweeps().size(), 1u);
        QCOMPARE(copy.runs().size(), 1u);
    }
};

SWEETSPOT_TEST(StoreDeletionTest)
#include "store_deletion_test.moc"

// Readers beside a writer, writers that die, files and disks that are not as they should be.
#include "tests/app/store_support.h"
#include "tests/suite.h"
#include <QFile>
#include <csignal>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sweetspot;
using namespace sweetspot::stored;

namespace {

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

class StoreAccessTest : public StoreFixture {
    Q_OBJECT
private slots:
    void init() { renew(); }

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
                     path_ +
                         " was written by a newer Sweetspot: its schema is version 99, and "
                         "this one knows up to " +
                         std::to_string(migrations().size()));
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
};

SWEETSPOT_TEST(StoreAccessTest)
#include "store_access_test.moc"

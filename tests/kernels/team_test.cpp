#include "kernels/core/team.h"
#include "tests/suite.h"
#include <QtTest>
#include <atomic>
#include <ctime>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

using namespace sweetspot;

class TeamTest : public QObject {
    Q_OBJECT
private slots:
    void each_piece_is_done_once_data();
    void each_piece_is_done_once();
    void no_two_threads_have_the_same_number_at_a_time();
    void jobs_in_a_row_see_what_the_last_one_wrote();
    void a_piece_may_share_work_of_its_own();
    void two_callers_both_come_to_an_end();
    void nobody_waits_for_a_share_that_another_can_take();
    void threads_that_wait_take_no_time();
    void every_thread_asks_for_the_shortest_turns();
};

namespace {

/// How long this thread's turns are by sched_getattr, in nanoseconds.
std::uint64_t turn() {
    std::uint64_t attributes[6] = {}; // struct sched_attr, whose fourth word is the runtime
    syscall(SYS_sched_getattr, 0, attributes, sizeof attributes, 0);
    return attributes[3];
}

} // namespace

void TeamTest::each_piece_is_done_once_data() {
    QTest::addColumn<int>("pieces");
    QTest::addColumn<int>("threads");
    for (const int pieces : {0, 1, 2, 7, 1000})
        for (const int threads : {1, 2, 3, 16})
            QTest::addRow("%d pieces, %d threads", pieces, threads) << pieces << threads;
}

void TeamTest::each_piece_is_done_once() {
    QFETCH(int, pieces);
    QFETCH(int, threads);
    const auto count = std::size_t(pieces);
    std::vector<std::atomic<int>> done(count);
    std::atomic<int> largest = 0;
    for_pieces(pieces, threads, [&](std::int64_t i, int thread) {
        ++done[std::size_t(i)];
        int before = largest;
        while (thread > before && !largest.compare_exchange_weak(before, thread)) {}
    });
    for (const auto& times : done) QCOMPARE(times.load(), 1);
    QVERIFY(largest < threads);
}

/// Scratch goes by the number.
void TeamTest::no_two_threads_have_the_same_number_at_a_time() {
    constexpr int threads = 4;
    std::atomic<int> inside[threads] = {}, twice = 0;
    for (int job = 0; job < 200; ++job)
        for_pieces(64, threads, [&](std::int64_t, int thread) {
            if (++inside[thread] > 1) ++twice;
            std::this_thread::yield();
            --inside[thread];
        });
    QCOMPARE(twice.load(), 0);
}

void TeamTest::jobs_in_a_row_see_what_the_last_one_wrote() {
    std::vector<int> numbers(1000, 0); // no atomics: each job orders what comes after it
    for (int job = 0; job < 2000; ++job)
        for_pieces(10, 3, [&](std::int64_t i, int) {
            // Another thread's piece of the last job.
            for (int j = 0; j < 100; ++j)
                numbers[std::size_t((i * 300 + j + job * 100) % 1000)] += 1;
        });
    for (const int number : numbers) QCOMPARE(number, 2000);
}

void TeamTest::a_piece_may_share_work_of_its_own() {
    std::atomic<int> done = 0;
    for_pieces(4, 2,
               [&](std::int64_t, int) { for_pieces(5, 2, [&](std::int64_t, int) { ++done; }); });
    QCOMPARE(done.load(), 20);
}

void TeamTest::two_callers_both_come_to_an_end() {
    std::atomic<int> done = 0;
    const auto call = [&] {
        for (int job = 0; job < 500; ++job) for_pieces(10, 3, [&](std::int64_t, int) { ++done; });
    };
    std::thread other(call);
    call();
    other.join();
    QCOMPARE(done.load(), 10000);
}

/// The first piece lasts until all others are over: among them those of its own thread's share.
void TeamTest::nobody_waits_for_a_share_that_another_can_take() {
    std::atomic<int> left = 9;
    for_pieces(10, 2, [&](std::int64_t i, int) {
        if (i != 0) {
            --left;
            return;
        }
        QDeadlineTimer deadline(10000);
        while (left > 0 && !deadline.hasExpired()) std::this_thread::yield();
    });
    QCOMPARE(left.load(), 0);
}

void TeamTest::threads_that_wait_take_no_time() {
    for_pieces(3, 3, [](std::int64_t, int) {});
    const auto before = std::clock();
    for_pieces(3, 3, [](std::int64_t i, int) {
        if (i == 1) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    });
    QVERIFY(double(std::clock() - before) / CLOCKS_PER_SEC < 0.1);
}

void TeamTest::every_thread_asks_for_the_shortest_turns() {
    if (turn() == 0) QSKIP("this kernel knows no turns of a thread's own");
    std::vector<std::uint64_t> turns(4);
    for_pieces(64, int(turns.size()), [&](std::int64_t, int thread) {
        turns[std::size_t(thread)] = turn();
        std::this_thread::yield();
    });
    for (const std::uint64_t ns : turns)
        if (ns) QCOMPARE(ns, std::uint64_t(100'000)); // 0 of a thread that came too late
}

SWEETSPOT_TEST(TeamTest)
#include "team_test.moc"

#include "app/analysis/search.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

namespace {
using Answer = std::optional<bool>;
auto up_to(std::int64_t limit) {
    return [limit](std::int64_t value) { return Answer(value <= limit); };
}
int runs_of(const SearchResult& result) {
    return int(std::count_if(result.steps.begin(), result.steps.end(),
                             [](const SearchStep& step) { return !step.predicted; }));
}
} // namespace

class SearchTest : public QObject {
    Q_OBJECT
private slots:
    void it_finds_the_largest_for_every_limit() {
        for (std::int64_t limit = 0; limit <= 130; ++limit) {
            const auto found = search_largest(1, 100, up_to(limit), up_to(limit));
            if (limit == 0)
                QVERIFY(!found.largest);
            else
                QCOMPARE(found.largest, std::optional(std::min<std::int64_t>(limit, 100)));
            QCOMPARE(found.bounded, limit >= 100);
            QVERIFY(runs_of(found) <= 1); // a prediction that holds costs one run
        }
    }

    void after_a_run_that_does_not_fit_it_halves_by_runs() {
        for (std::int64_t limit = 1; limit < 70; ++limit) {
            const auto found = search_largest(1, 1000, up_to(70), up_to(limit));
            QCOMPARE(found.largest, std::optional(limit));
            QVERIFY(runs_of(found) <= 9);
        }
        QVERIFY(!search_largest(4, 1000, up_to(70), up_to(3)).largest);
    }

    void without_predictions_it_goes_by_runs_alone() {
        const auto silent = [](std::int64_t) { return Answer(); };
        QCOMPARE(search_largest(1, 64, silent, up_to(37)).largest, std::optional<std::int64_t>(37));
    }

    void one_that_is_ended_keeps_the_largest_that_ran() {
        int left = 3;
        const auto ended = [&](std::int64_t value) {
            return left-- > 0 ? Answer(value <= 10) : Answer();
        };
        const auto found = search_largest(1, 64, up_to(64), ended);
        QVERIFY(found.largest && *found.largest <= 10);
        QVERIFY(!search_largest(1, 64, up_to(64), [](std::int64_t) { return Answer(); }).largest);
    }

    void an_empty_range_has_none() {
        QVERIFY(!search_largest(5, 4, up_to(9), up_to(9)).largest);
        QCOMPARE(search_largest(7, 7, up_to(9), up_to(9)).largest, std::optional<std::int64_t>(7));
    }
};

SWEETSPOT_TEST(SearchTest)
#include "search_test.moc"

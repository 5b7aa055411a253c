#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>
#include <map>

using namespace sweetspot;

namespace {

const std::string trained = SWEETSPOT_SOURCE_DIR "/tests/golden/llama-trained/";

} // namespace

/// What pruning costs a model that has learned something, in the order that papers find.
class PruneQualityTest : public QObject {
    Q_OBJECT

    /// Each is computed once.
    static double perplexity_of(PruneBy by, PrunePattern pattern, double sparsity) {
        static std::map<std::tuple<PruneBy, PrunePattern, double>, double> known;
        const auto found = known.find({by, pattern, sparsity});
        if (found != known.end()) return found->second;
        RunConfig run;
        run.model = trained;
        run.task = Task::perplexity;
        run.threads = 2;
        run.data = trained + "held-out.txt";
        run.sequence = 256;
        run.batch = 8;
        run.max_tokens = 4 * 1024;
        run.prune = by;
        run.prune_pattern = pattern;
        run.sparsity = sparsity;
        run.prune_data = trained + "calibration.txt";
        run.prune_windows = 24;
        return known[{by, pattern, sparsity}] = std::exp(*outcome_of(run).loss_nats);
    }
    static double dense() { return perplexity_of(PruneBy::none, PrunePattern::unstructured, 0.5); }
    static QString said(const std::vector<double>& values) {
        QString text;
        for (const double value : values) text += QString::number(value) + " ";
        return text;
    }

private slots:
    void what_looks_at_a_text_loses_less_data() {
        QTest::addColumn<PrunePattern>("pattern");
        QTest::addColumn<double>("sparsity");
        QTest::newRow("half") << PrunePattern::unstructured << 0.5;
        QTest::newRow("2:4") << PrunePattern::two_of_four << 0.5;
    }
    void what_looks_at_a_text_loses_less() {
        QFETCH(PrunePattern, pattern);
        QFETCH(double, sparsity);
        const double none = dense(), size = perplexity_of(PruneBy::magnitude, pattern, sparsity),
                     wanda = perplexity_of(PruneBy::wanda, pattern, sparsity),
                     sparsegpt = perplexity_of(PruneBy::sparsegpt, pattern, sparsity);
        QVERIFY2(none < sparsegpt && sparsegpt < wanda && wanda < size,
                 qPrintable(said({none, sparsegpt, wanda, size})));
    }

    void fewer_choices_cost_more() {
        for (const auto by : {PruneBy::magnitude, PruneBy::wanda, PruneBy::sparsegpt}) {
            const double free = perplexity_of(by, PrunePattern::unstructured, 0.5),
                         eight = perplexity_of(by, PrunePattern::four_of_eight, 0.5),
                         four = perplexity_of(by, PrunePattern::two_of_four, 0.5);
            QVERIFY2(free < eight && eight < four, qPrintable(said({free, eight, four})));
            if (by == PruneBy::sparsegpt) continue;
            const double whole = perplexity_of(by, PrunePattern::structured, 0.5);
            QVERIFY2(four < whole, qPrintable(said({four, whole})));
        }
    }

    void more_costs_more() {
        for (const auto by : {PruneBy::magnitude, PruneBy::wanda, PruneBy::sparsegpt}) {
            std::vector<double> found{dense()};
            for (const double sparsity : {0.3, 0.5, 0.7, 0.9})
                found.push_back(perplexity_of(by, PrunePattern::unstructured, sparsity));
            QVERIFY2(std::is_sorted(found.begin() + 1, found.end()), qPrintable(said(found)));
            QVERIFY2(found.back() > 2 * found.front(), qPrintable(said(found)));
        }
    }
};

SWEETSPOT_TEST(PruneQualityTest)
#include "prune_quality_test.moc"

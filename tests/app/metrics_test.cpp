#include "app/experiment/metrics.h"
#include "tests/suite.h"
#include <QTest>
#include <set>

using namespace sweetspot;

class MetricsTest : public QObject {
    Q_OBJECT

private slots:
    void each_metric_is_listed_once() {
        std::set<std::string_view> names;
        for (const auto& metric : metric_catalogue) {
            QVERIFY2(names.insert(metric.name).second, metric.name.data());
            QVERIFY(!metric.title.empty() && !metric.meaning.empty());
            QCOMPARE(find_metric(metric.name), &metric);
        }
        QVERIFY(!find_metric("steps"));
    }

    void each_purpose_of_memory_has_a_peak() {
        for (std::size_t p = 0; p < purpose_count; ++p) {
            const auto* metric = find_metric(peak_metric(Purpose(p)));
            QVERIFY(metric);
            QCOMPARE(metric->unit, std::string_view("bytes"));
            QCOMPARE(metric->better, Better::lower);
        }
        const auto* cache = find_metric("peak_kv_cache_bytes");
        QCOMPARE(cache->title, std::string_view("kv cache"));
        QCOMPARE(cache->meaning, std::string_view("live kv cache at the peak"));
    }

    void the_usual_ones_have_places_from_1_on() {
        QCOMPARE(usual_metrics.front(), std::string_view("step_seconds"));
        for (const auto name : usual_metrics) QVERIFY2(find_metric(name), name.data());
    }

    void quality_is_what_loss_perplexity_and_a_reference_show() {
        const std::set<std::string_view> shown{
            "perplexity", "loss_nats", "logit_difference_max", "logit_difference_mean", "kl_mean",
            "kl_median",  "kl_p99",    "top1_agreement"};
        for (const auto& metric : metric_catalogue)
            QCOMPARE(shows_quality(metric.name), shown.contains(metric.name));
        QVERIFY(!shows_quality("batch"));
    }
};

SWEETSPOT_TEST(MetricsTest)
#include "metrics_test.moc"

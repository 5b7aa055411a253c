#include "tests/engine/golden.h"
#include "tests/suite.h"
#include <QtTest>
#include <algorithm>

using namespace sweetspot;

namespace {

/// Windows of what llama-trained has not learned, as its golden losses are of.
Batch windows(int count) {
    constexpr int window = 256;
    const Tokens ids = golden::Outputs("llama-trained").ids("ids");
    Batch batch;
    for (int i = 0; i < count; ++i)
        batch.rows.emplace_back(ids.begin() + i * window, ids.begin() + (i + 1) * window);
    return batch;
}

/// log of softmax of a row.
std::vector<double> log_shares(const float* row, std::size_t count) {
    const double most = double(*std::max_element(row, row + count));
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += std::exp(double(row[i]) - most);
    std::vector<double> y;
    for (std::size_t i = 0; i < count; ++i) y.push_back(double(row[i]) - most - std::log(sum));
    return y;
}

/// Of all tokens but the first of each window.
struct Found {
    double loss = 0;       ///< mean, in nats
    double divergence = 0; ///< mean KL divergence from what was expected, in nats
};

Found quality_of(const std::vector<float>& found, const std::vector<float>& expected,
                 const Batch& batch) {
    const std::size_t words = 512;
    Found y;
    double scored = 0;
    std::size_t at = 0;
    for (const Tokens& row : batch.rows) {
        for (std::size_t i = 0; i < row.size(); ++i, at += words) {
            if (i + 1 == row.size()) continue;
            const auto ours = log_shares(found.data() + at, words);
            const auto theirs = log_shares(expected.data() + at, words);
            y.loss -= ours[std::size_t(row[i + 1])];
            for (std::size_t w = 0; w < words; ++w)
                y.divergence += std::exp(theirs[w]) * (theirs[w] - ours[w]);
            ++scored;
        }
    }
    y.loss /= scored;
    y.divergence /= scored;
    return y;
}

} // namespace

/// What formats cost on a model that has learned: tests/golden/make_trained_llama.py.
class FormatQualityTest : public QObject {
    Q_OBJECT

    const Batch batch_ = windows(16);
    const std::vector<float> exact_ = logits_of({});

    std::vector<float> logits_of(Optimizations optimizations) const {
        RunConfig run{{.model = golden::folder("llama-trained")}, {}, optimizations};
        return golden::all_logits(run, batch_);
    }
    Found quality_in(WeightFormat format) const {
        return quality_of(logits_of({.weight_format = format}), exact_, batch_);
    }

private slots:
    void losses_are_pytorchs() {
        const auto losses = golden::Outputs("llama-trained").floats("losses");
        double expected = 0;
        for (std::size_t i = 0; i < 16 * 255; ++i) expected += double(losses[i]) / (16 * 255);
        const Found found = quality_of(exact_, exact_, batch_);
        QVERIFY2(std::abs(found.loss - expected) < 1e-5, qPrintable(QString::number(found.loss)));
        QCOMPARE(found.divergence, 0.0);
    }

    void more_bits_come_nearer() {
        using enum WeightFormat;
        const double loss = quality_of(exact_, exact_, batch_).loss;
        const Found eight = quality_in(q8_0), six = quality_in(q6_k);
        const auto ratio = [&](const Found& q) { return std::exp(q.loss - loss); };
        QVERIFY2(0 < eight.divergence && eight.divergence < 0.0015 && ratio(eight) <= 1.001,
                 qPrintable(QString("q8_0: %1 %2").arg(eight.divergence).arg(ratio(eight))));
        QVERIFY2(eight.divergence < six.divergence,
                 qPrintable(QString("q6_k: %1").arg(six.divergence)));
        for (const auto format : {int4, nf4, q4_0, q4_1, q4_k}) {
            const Found four = quality_in(format);
            QVERIFY2(
                six.divergence < four.divergence && four.divergence < 0.1,
                qPrintable(QString("%1: %2").arg(to_text(format).c_str()).arg(four.divergence)));
        }
        for (const auto format : {int8, q5_0, q5_1, q5_k}) {
            const Found q = quality_in(format);
            QVERIFY2(q.divergence < quality_in(q4_0).divergence, to_text(format).c_str());
        }
    }

    void rounded_activations_cost_less_than_the_weights_they_meet() {
        using enum WeightFormat;
        for (const auto format : {q8_0, q4_0, q6_k}) {
            const Found as_they_are = quality_in(format);
            const Found rounded = quality_of(
                logits_of({.weight_format = format, .activation_format = ActivationFormat::q8_0}),
                exact_, batch_);
            QVERIFY2(rounded.divergence != as_they_are.divergence &&
                         rounded.divergence < 2 * as_they_are.divergence + 1e-3,
                     qPrintable(QString("%1: %2 beside %3")
                                    .arg(to_text(format).c_str())
                                    .arg(rounded.divergence)
                                    .arg(as_they_are.divergence)));
        }
    }

    void a_rounded_cache_costs_by_its_bits() {
        const auto divergence = [&](CacheFormat format) {
            return quality_of(logits_of({.kv_cache_format = format}), exact_, batch_).divergence;
        };
        QCOMPARE(divergence(CacheFormat::f32), 0.0);
        const double bf16 = divergence(CacheFormat::bf16), eight = divergence(CacheFormat::q8_0),
                     four = divergence(CacheFormat::q4_0);
        QVERIFY2(0 < bf16 && bf16 < 1e-4 && 0 < eight && eight < 1e-3 && 10 * eight < four &&
                     four < 0.2,
                 qPrintable(QString("%1 %2 %3").arg(bf16).arg(eight).arg(four)));
    }
};

SWEETSPOT_TEST(FormatQualityTest)
#include "format_quality_test.moc"

#include "tests/engine/training_support.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

/// Every model, attention, layout, precision and fusion gives the logits that PyTorch gave.
class GoldenLogitsTest : public QObject {
    Q_OBJECT
private slots:
    void logits_are_pytorchs_data();
    void logits_are_pytorchs();
};

void GoldenLogitsTest::logits_are_pytorchs_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<RunConfig>("config");
    for (const char* model : {"esm2-tiny", "esm2-head24", "llama-tiny", "llama-sharded",
                              "gpt2-tiny", "gpt2-bare", "llama-heads-shared", "llama-heads-own"})
        for (const auto attention : {AttentionVariant::naive, AttentionVariant::flash})
            for (const auto layout : {Layout::padded, Layout::bucketed, Layout::ragged})
                for (const auto precision : {Precision::f32, Precision::bf16})
                    for (const auto fusion : {Fusion::none, Fusion::epilogues}) {
                        const std::string name = std::string(model) + " " + to_text(attention) +
                                                 " " + to_text(layout) + " " + to_text(precision) +
                                                 " " + to_text(fusion);
                        QTest::newRow(name.c_str()) << QString(model)
                                                    << RunConfig{{.model = golden_model(model),
                                                                  .weights = golden::folder(model)},
                                                                 {},
                                                                 {.attention = attention,
                                                                  .layout = layout,
                                                                  .precision = precision,
                                                                  .fusion = fusion}};
                    }
}

void GoldenLogitsTest::logits_are_pytorchs() {
    QFETCH(QString, model);
    QFETCH(RunConfig, config);
    const golden::Outputs outputs(model.toStdString());
    HostAllocator allocator;
    Context context(CpuStream{.threads = 1}, allocator);
    const auto logits = golden::logits(config, outputs.sequences(), context);
    QCOMPARE(logits.size(), std::size_t(6));
    for (std::size_t s = 0; s < logits.size(); ++s) {
        const auto expected = outputs.floats("logits_" + std::to_string(s));
        const auto off = golden::difference(logits[s], expected);
        // PyTorch's own bf16 is off by up to 0.023 of these sequences as a whole and by up to 0.047
        // in a single logit (both with small linears on the heads). Which logit is hit depends on
        // the instruction set, what it amounts to in all does not.
        const bool near = config.precision == Precision::f32
                              ? off.absolute <= 1e-4
                              : off.of_norms <= 2.5e-2 && off.relative <= 5e-2;
        QVERIFY2(near, qPrintable(QString("sequence %1: off by %2, relative %3, of all %4")
                                      .arg(s)
                                      .arg(off.absolute)
                                      .arg(off.relative)
                                      .arg(off.of_norms)));
    }
}

SWEETSPOT_TEST(GoldenLogitsTest)
#include "golden_logits_test.moc"

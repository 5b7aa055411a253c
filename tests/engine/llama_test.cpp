#include "tests/engine/continuations.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

static const std::string data = SWEETSPOT_SOURCE_DIR "/../shared/data/";

static RunConfig stories(Task task) {
    return {{.model = "stories260k", .weights = data + "stories260K.bin", .task = task}};
}

class LlamaTest : public QObject {
    Q_OBJECT
private slots:
    void continuations_are_pytorchs_data();
    void continuations_are_pytorchs();
    void stories_go_on_as_they_should();
    void stories_perplexity_of_shakespeare_is_49_404();
    void the_bin_itself_describes_its_model();
    void windows_begin_anew();
};

void LlamaTest::continuations_are_pytorchs_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<Layout>("layout");
    for (const char* model : {"llama-tiny", "llama-sharded"})
        for (const auto layout : {Layout::padded, Layout::ragged})
            QTest::addRow("%s %s", model, to_text(layout).c_str()) << QString(model) << layout;
}
void LlamaTest::continuations_are_pytorchs() {
    QFETCH(QString, model);
    QFETCH(Layout, layout);
    QCOMPARE(golden::wrong_continuation(model.toStdString(), layout), std::string());
}

void LlamaTest::stories_go_on_as_they_should() {
    if (!QFile::exists(QString::fromStdString(data))) QSKIP("../shared/data is missing");
    RunConfig config = stories(Task::generate);
    config.prompt = "Once upon a time";
    config.new_tokens = 40;
    QCOMPARE(outcome_of(config).text,
             std::string(", there was a little girl named Lily. She loved to play outside in the "
                         "park. One day, she saw a big, red ball."));
}

void LlamaTest::stories_perplexity_of_shakespeare_is_49_404() {
    if (!QFile::exists(QString::fromStdString(data))) QSKIP("../shared/data is missing");
    RunConfig config = stories(Task::perplexity);
    config.data = data + "tinyshakespeare.txt";
    config.max_tokens = config.sequence = 512;
    const Outcome outcome = outcome_of(config);
    QCOMPARE(outcome.scored_tokens, std::int64_t(511));
    QVERIFY(std::abs(std::exp(*outcome.loss_nats) - 49.404) < 0.01);
}

void LlamaTest::the_bin_itself_describes_its_model() {
    if (!QFile::exists(QString::fromStdString(data))) QSKIP("../shared/data is missing");
    RunConfig config = stories(Task::generate);
    config.model = config.weights;
    config.prompt = "Once upon a time";
    config.new_tokens = 3;
    CpuRun run(config);
    QCOMPARE(run.work->parameters(), std::int64_t(260'032));
    QCOMPARE(run.step().text, std::string(", there was"));
}

void LlamaTest::windows_begin_anew() {
    if (!QFile::exists(QString::fromStdString(data))) QSKIP("../shared/data is missing");
    RunConfig config = stories(Task::perplexity);
    config.data = data + "tinyshakespeare.txt";
    config.sequence = 40;
    config.max_tokens = 100;
    const Outcome outcome = outcome_of(config);
    QCOMPARE(outcome.tokens.nominal, std::int64_t(100)); // 40, 40 and 20
    QCOMPARE(outcome.scored_tokens, std::int64_t(97));
}

SWEETSPOT_TEST(LlamaTest)
#include "llama_test.moc"

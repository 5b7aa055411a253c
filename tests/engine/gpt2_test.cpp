#include "tests/engine/continuations.h"
#include "tests/engine/files.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;
using files::error_of;

class Gpt2Test : public QObject {
    Q_OBJECT
private slots:
    void continuations_are_pytorchs_data();
    void continuations_are_pytorchs();
    void a_prompt_beyond_the_positions_is_refused();
    void text_needs_a_tokenizer();
    void a_tokenizer_with_too_many_ids_is_refused();
};

void Gpt2Test::continuations_are_pytorchs_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<Layout>("layout");
    for (const char* model : {"gpt2-tiny", "gpt2-bare"})
        for (const auto layout : {Layout::padded, Layout::ragged})
            QTest::addRow("%s %s", model, to_text(layout).c_str()) << QString(model) << layout;
}
void Gpt2Test::continuations_are_pytorchs() {
    QFETCH(QString, model);
    QFETCH(Layout, layout);
    QCOMPARE(golden::wrong_continuation(model.toStdString(), layout), std::string());
}

void Gpt2Test::a_prompt_beyond_the_positions_is_refused() {
    const RunConfig config{{.model = golden::folder("gpt2-tiny"), .task = Task::generate},
                           {.sequence = 100},
                           {},
                           {},
                           {.new_tokens = 29}};
    QCOMPARE(error_of([&] { CpuRun run(config); }),
             "bad_input: generate: the prompt and new_tokens are 129 tokens, but gpt2-tiny has 128 "
             "positions");
}

void Gpt2Test::text_needs_a_tokenizer() {
    const RunConfig config{
        {.model = "fms-micro", .task = Task::generate}, {}, {}, {}, {.prompt = "a"}};
    QCOMPARE(error_of([&] { CpuRun run(config); }), "no error"); // 256 ids are bytes
    QVERIFY(error_of([] {
                CpuRun run(
                    {{.model = "llama-110m", .task = Task::generate}, {}, {}, {}, {.prompt = "a"}});
            }).startsWith("bad_input: tokenizer: none lies beside the weights of llama-110m"));
}

void Gpt2Test::a_tokenizer_with_too_many_ids_is_refused() {
    const RunConfig config{{.model = golden::folder("gpt2-tiny"), .task = Task::generate},
                           {.tokenizer = "bytes"},
                           {},
                           {},
                           {.prompt = "a"}};
    QCOMPARE(error_of([&] { CpuRun run(config); }),
             "bad_input: tokenizer: bytes has 256 ids, but gpt2-tiny has a vocabulary of 96");
}

SWEETSPOT_TEST(Gpt2Test)
#include "gpt2_test.moc"

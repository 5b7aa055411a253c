// sweetspot convert: what people see of it.
#include "tests/app/program.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::called;

class ConvertCommandTest : public Program {
    Q_OBJECT

    const QString model_ = SWEETSPOT_SOURCE_DIR "/tests/golden/llama-trained";

private slots:
    void a_file_is_written_and_its_errors_are_told() {
        const QString file = folder_.filePath("model.gguf");
        const Outcome made = call({"convert", "-m", model_, "--weight-format", "q4_0", file});
        QCOMPARE(made.status, 0);
        QVERIFY(made.out.contains("| down ") && made.out.contains("weights [%]"));
        QVERIFY(made.out.contains("head in q8_0"));
        const Outcome json =
            call({"convert", "-m", model_, "--weight-format", "q6_k", "-o", "json", file});
        const QJsonObject all = object(json.out);
        QCOMPARE(all["bytes"].toInteger(), QFileInfo(file).size());
        QCOMPARE(all["linears"].toArray().size(), 13);
        QVERIFY(all["linears"][0]["weight_error"].toDouble() > 0);
        const Outcome run = call({"run",        "-m",
                                  file,         "--weight-format",
                                  "q6_k",       "-b",
                                  "1",          "-s",
                                  "16",         "-r",
                                  "1",          "--no-warmup",
                                  "--min-time", "0",
                                  "--rounds",   "1",
                                  "--store",    folder_.filePath("s.sweetspot"),
                                  "-o",         "jsonl"});
        QCOMPARE(run.status, 0);
        QCOMPARE(object(run.out)["weights_loaded"].toBool(), true);
    }

    void mistakes_are_sentences() {
        const auto says = [&](const QStringList& more) {
            const Outcome outcome = call(QStringList{"convert", "-m", model_} + more);
            return outcome.status == 2 ? outcome.errors : QString();
        };
        const QString file = folder_.filePath("wrong.gguf");
        QVERIFY(says({"--weight-format", "q3", file}).contains("weight_format cannot be \"q3\""));
        QVERIFY(says({"--gptq", file}).contains("--calibrate TEXT"));
        QVERIFY(says({"--weight-format", "nf4", file}).contains("GGUF has no type"));
        QVERIFY(!QFile::exists(file));
    }
};

SWEETSPOT_TEST(ConvertCommandTest)
#include "convert_command_test.moc"

// sweetspot score: its numbers are those of the packages that people quote, and stand in rows.
#include "app/experiment/label_scores.h"
#include "app/experiment/text_scores.h"
#include "tests/app/program.h"
#include "tests/suite.h"
#include <array>
#include <cmath>

using namespace sweetspot;
using namespace sweetspot::called;

class ScoreCommandTest : public Program {
    Q_OBJECT

private slots:
    void init() { renew(); }

    void scores_are_those_of_the_reference_packages() {
        QFile file(SWEETSPOT_SOURCE_DIR "/tests/golden/text_scores.json");
        QVERIFY(file.open(QFile::ReadOnly));
        const QJsonArray pairs = QJsonDocument::fromJson(file.readAll()).array();
        QCOMPARE(pairs.size(), 100);
        for (const auto& value : pairs) {
            const QJsonObject pair = value.toObject();
            const std::string prediction = pair["prediction"].toString().toStdString(),
                              reference = pair["reference"].toString().toStdString();
            const std::string source = pair["source"].toString().toStdString();
            const TextScores found = score_texts({&prediction, 1}, {&reference, 1}, {&source, 1});
            const auto near = [&](double ours, const QJsonValue& theirs) {
                QVERIFY2(std::abs(ours - theirs.toDouble()) < 1e-6,
                         qPrintable(QString("%1 for %2")
                                        .arg(ours)
                                        .arg(QString::fromUtf8(QJsonDocument(pair).toJson()))));
            };
            for (int n = 0; n < 4; ++n) near(found.bleu[std::size_t(n)], pair["bleu"].toArray()[n]);
            near(found.rouge_l, pair["rouge_l"]);
            near(found.token_f1, pair["token_f1"]);
            near(found.exact_match, pair["exact_match"]);
            near(found.fuzzy_ratio, pair["fuzzy_ratio"]);
            near(*found.sari, pair["sari"]);
        }
    }

    void scores_of_numbers_and_classes_are_those_of_the_reference_packages() {
        QFile file(SWEETSPOT_SOURCE_DIR "/tests/golden/label_scores.json");
        QVERIFY(file.open(QFile::ReadOnly));
        const QJsonObject all = QJsonDocument::fromJson(file.readAll()).object();
        const auto near = [](double ours, const QJsonValue& theirs) {
            return std::abs(ours - theirs.toDouble()) < 1e-12;
        };
        QCOMPARE(all["numbers"].toArray().size(), 6);
        for (const auto& value : all["numbers"].toArray()) {
            const QJsonObject one = value.toObject();
            const auto side = [&](const char* name) {
                std::vector<double> y;
                for (const auto& x : one[name].toArray()) y.push_back(x.toDouble());
                return y;
            };
            const NumberScores found = score_numbers(side("predictions"), side("expected"));
            QVERIFY(found.pearson && near(*found.pearson, one["pearson"]));
            QVERIFY(found.spearman && near(*found.spearman, one["spearman"]));
            QVERIFY(near(found.rmse, one["rmse"]));
        }
        QCOMPARE(all["classes"].toArray().size(), 6);
        for (const auto& value : all["classes"].toArray()) {
            const QJsonObject one = value.toObject();
            const auto side = [&](const char* name) {
                std::vector<std::string> y;
                for (const auto& x : one[name].toArray()) y.push_back(x.toString().toStdString());
                return y;
            };
            const ClassScores found = score_classes(side("predictions"), side("expected"));
            QVERIFY(near(found.accuracy, one["accuracy"]));
            QVERIFY(near(found.macro_f1, one["macro_f1"]));
            const auto names = side("classes");
            for (std::size_t i = 0; i < names.size(); ++i)
                for (std::size_t j = 0; j < names.size(); ++j) {
                    const auto there = found.confusion.find({names[i], names[j]});
                    QCOMPARE(there == found.confusion.end() ? 0 : int(there->second),
                             one["confusion"].toArray()[int(i)].toArray()[int(j)].toInt());
                }
        }
    }

    void what_does_not_vary_has_no_correlation() {
        const std::array<double, 3> same{2, 2, 2}, other{1, 2, 3};
        QVERIFY(!score_numbers(same, other).pearson && !score_numbers(other, same).spearman);
        QCOMPARE(score_numbers(same, other).rmse, std::sqrt(2.0 / 3));
    }

    void a_score_is_the_mean_of_texts() {
        const std::array<std::string, 2> predictions{"a cat sat", "dogs"},
            references{"The cat sat", "cats"};
        const TextScores scores = score_texts(predictions, references);
        QCOMPARE(scores.texts, std::size_t(2));
        QCOMPARE(scores.exact_match, 0.5);
        QCOMPARE(scores.token_f1, 0.5);
        QCOMPARE(scores.bleu[0], 1.0 / 3);
        QCOMPARE(score_texts({}, {}).rouge_l, 0.0);
        QVERIFY(!scores.sari);
    }

    void scores_are_a_table_or_json() {
        const QString written = folder_.filePath("written.txt"),
                      expected = folder_.filePath("expected.jsonl");
        write(written, "a cat sat\r\ndogs\n");
        write(expected, "{\"answer\": \"The cat sat\"}\n{\"answer\": \"cats\"}\n");
        const auto table = call({"score", written, expected, "--column", "answer"});
        QVERIFY2(table.status == 0, qPrintable(table.errors));
        QVERIFY2(table.out.contains("of 2 texts") && table.out.contains("BLEU-4"),
                 qPrintable(table.out));
        const auto json =
            object(call({"score", written, expected, "--column", "answer", "-o", "json"}).out);
        QCOMPARE(json["token_f1"].toDouble(), 0.5);
        QCOMPARE(json["exact_match"].toDouble(), 0.5);
        QVERIFY(!json.contains("sari"));
        const auto beside = call({"score", written, written, "--sources", written, "-o", "json"});
        QCOMPARE(object(beside.out)["sari"].toDouble(), 1.0);
    }

    void classes_have_a_table_of_what_was_taken_for_what() {
        const QString predicted = folder_.filePath("predicted.txt"),
                      expected = folder_.filePath("expected.txt");
        write(predicted, "nucleus\nnucleus\nvacuole\n");
        write(expected, "nucleus\nvacuole\nvacuole\n");
        const QStringList score{"score", predicted, expected, "--as", "classes"};
        const auto table = call(score);
        QVERIFY2(table.out.contains("accuracy") && table.out.contains("predicted as"),
                 qPrintable(table.out + table.errors));
        const auto json = object(call(score + QStringList{"-o", "json"}).out);
        QCOMPARE(json["confusion"].toObject()["vacuole"].toObject()["nucleus"].toInt(), 1);
        QCOMPARE(json["accuracy"].toDouble(), 2.0 / 3);
        const auto wrong = call({"score", predicted, expected, "--as", "numbers"});
        QCOMPARE(wrong.status, 2);
        QVERIFY2(wrong.errors.contains("predicted.txt, line 1: \"nucleus\" is no number"),
                 qPrintable(wrong.errors));
    }

    void scores_stand_in_the_row_of_a_run() {
        QCOMPARE(call(quick("run", {"-o", "none"})).status, 0);
        const QString texts = folder_.filePath("texts.txt");
        write(texts, "one two three four five\n");
        QCOMPARE(call({"score", texts, texts, "--run", "1", "--store", store_}).status, 0);
        const auto rows = call({"export", "1", "-o", "json", "--store", store_});
        const auto row = QJsonDocument::fromJson(rows.out.toUtf8()).array().at(0).toObject();
        QCOMPARE(row["bleu_4"].toDouble(), 1.0);
        QCOMPARE(row["rouge_l"].toDouble(), 1.0);
        QVERIFY(row["peak_bytes"].toDouble() > 0);
    }

    void what_cannot_be_scored_is_a_sentence() {
        const QString one = folder_.filePath("one.txt"), two = folder_.filePath("two.txt"),
                      objects = folder_.filePath("objects.jsonl");
        write(one, "a\n");
        write(two, "a\nb\n");
        write(objects, "{\"text\": \"a\"}\n{\"text\": 1}\n");
        const auto said = [&](const QStringList& arguments) {
            const auto outcome = call(QStringList{"score"} + arguments);
            return outcome.status == 2 ? outcome.errors : QString();
        };
        QVERIFY2(said({one, two}).contains("one.txt has 1 text, and " + two + " has 2"),
                 qPrintable(said({one, two})));
        QVERIFY2(said({objects, two}).contains("objects.jsonl, line 2: it has no text \"text\""),
                 qPrintable(said({objects, two})));
        QVERIFY(said({one, one, "-o", "csv"}).contains("md or json"));
        QVERIFY2(said({one, one, "--sources", two}).contains("needs what it simplifies"),
                 qPrintable(said({one, one, "--sources", two})));
        QVERIFY(call({"score", one, folder_.filePath("none")}).status != 0);
    }
};

SWEETSPOT_TEST(ScoreCommandTest)
#include "score_command_test.moc"

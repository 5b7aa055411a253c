#include "engine/config/families.h"
#include "engine/config/possible.h"
#include "tests/engine/continuations.h"
#include "tests/engine/files.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

namespace {

constexpr const char* models[] = {"mistral", "qwen2", "qwen3", "linear",
                                  "dynamic", "yarn",  "llama3"};
constexpr const char* files_of_models[] = {"", "/model.gguf"};

std::string folder_of(const QString& model) {
    return "families/" + model.toStdString();
}

} // namespace

/// What is made like LLaMA, through safetensors and through GGUF: tests/golden/make_families.py.
class FamiliesTest : public QObject {
    Q_OBJECT

private slots:
    void logits_are_transformers_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<RunConfig>("config");
        for (const char* model : models)
            for (const std::string file : files_of_models)
                for (const auto attention : {AttentionVariant::naive, AttentionVariant::flash})
                    for (const auto layout : {Layout::padded, Layout::bucketed, Layout::ragged})
                        for (const auto precision : {Precision::f32, Precision::bf16})
                            QTest::addRow("%s%s %s %s %s", model, file.c_str(),
                                          to_text(attention).c_str(), to_text(layout).c_str(),
                                          to_text(precision).c_str())
                                << QString(model)
                                << RunConfig{{.model = golden::folder(folder_of(model)) + file},
                                             {},
                                             {.attention = attention,
                                              .layout = layout,
                                              .precision = precision}};
    }
    void logits_are_transformers() {
        QFETCH(QString, model);
        QFETCH(RunConfig, config);
        const golden::Outputs outputs(folder_of(model));
        HostAllocator allocator;
        Context context(CpuStream{.threads = 2}, allocator);
        const auto logits = golden::logits(config, outputs.sequences(), context);
        QCOMPARE(logits.size(), std::size_t(6));
        // YaRN makes scores larger by its magnitude squared, and with them what bf16 rounds away.
        const double magnitude = load_model_config(config.model).rotary_magnitude;
        const double limit = 3e-2 * magnitude * magnitude;
        for (std::size_t s = 0; s < logits.size(); ++s) {
            const auto off =
                golden::difference(logits[s], outputs.floats("logits_" + std::to_string(s)));
            QVERIFY2(config.precision == Precision::f32 ? off.absolute <= 1e-4
                                                        : off.relative <= limit,
                     qPrintable(QString("sequence %1: off by %2, relative %3")
                                    .arg(s)
                                    .arg(off.absolute)
                                    .arg(off.relative)));
        }
    }

    void greedy_text_is_transformers_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("file");
        QTest::addColumn<Layout>("layout");
        for (const char* model : models)
            for (const char* file : files_of_models)
                for (const auto layout : {Layout::padded, Layout::ragged})
                    QTest::addRow("%s%s %s", model, file, to_text(layout).c_str())
                        << QString(model) << QString(file) << layout;
    }
    void greedy_text_is_transformers() {
        QFETCH(QString, model);
        QFETCH(QString, file);
        QFETCH(Layout, layout);
        QCOMPARE(golden::wrong_continuation(folder_of(model), layout, file.toStdString()),
                 std::string());
    }

    void what_is_not_computed_is_refused_by_name() {
        RunConfig run{{.model = golden::folder("families/dynamic"), .task = Task::forward}};
        run.sequence = 129;
        QCOMPARE(files::error_of([&] { outcome_of(run); }),
                 "unsupported: dynamic scales rotary positions dynamically beyond its 128 "
                 "positions, which is not computed; 129 were asked for");
    }

    void readme_has_the_table_of_families() {
        QFile readme(SWEETSPOT_SOURCE_DIR "/README.md");
        QVERIFY(readme.open(QIODevice::ReadOnly));
        QVERIFY2(readme.readAll().contains(QByteArray::fromStdString(table_of_families())),
                 table_of_families().c_str());
    }
};

SWEETSPOT_TEST(FamiliesTest)
#include "families_test.moc"

#include "app/gui/plot/parallel_view.h"
#include "app/gui/plot/picture_size.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/theme/theme.h"
#include "tests/gui/plot_data.h"
#include "tests/suite.h"
#include <QFileInfo>
#include <QImageReader>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>

using namespace sweetspot;
using namespace sweetspot::gui;

namespace {

QByteArray contentOf(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

} // namespace

/// Plots as files: what they hold, how large they are, in which colours.
class PlotExportTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(lightTheme()); }

    void exports_have_the_title_the_units_and_the_footer_data() {
        QTest::addColumn<QString>("suffix");
        for (const char* suffix : {"png", "svg", "pdf"}) QTest::newRow(suffix) << suffix;
    }
    void exports_have_the_title_the_units_and_the_footer() {
        QFETCH(QString, suffix);
        PlotGroup group;
        show(group);
        group.setSpecs({memorySpec()});
        group.setExportWords("Memory of esm2-8m", "spec 3fa9c1e2");
        const QTemporaryDir folder;
        const QString path = folder.filePath("plot." + suffix);
        QCOMPARE(exportPlots(group.sheet(false), path), QString());
        const QByteArray content = contentOf(path);
        QVERIFY(content.size() > 4000);
        if (suffix == "svg")
            for (const char* words : {"Memory of esm2-8m", "spec 3fa9c1e2", "Peak memory (GiB)",
                                      "Sequence length (tokens)", "naive"})
                QVERIFY2(content.contains(words), words);
        if (suffix == "png") {
            QImageReader reader(path);
            QCOMPARE(reader.text("Title"), QString("Memory of esm2-8m"));
            QCOMPARE(reader.text("Description"), QString("spec 3fa9c1e2"));
            QCOMPARE(reader.size(), QSize(1600, 1120));
        }
        if (suffix == "pdf") {
            QVERIFY(content.startsWith("%PDF"));
            const QString title = "Memory of esm2-8m"; // in the metadata, as UTF-16
            QByteArray wide;
            for (const QChar c : title) wide.append(char(c.unicode() >> 8)).append(char(c.cell()));
            QVERIFY(content.contains(wide) || content.contains(title.toLatin1()));
        }
    }

    void an_export_can_be_light_while_the_window_is_dark() {
        applyTheme(darkTheme());
        PlotGroup group;
        group.setSpecs({memorySpec()});
        const QTemporaryDir folder;
        QCOMPARE(exportPlots(group.sheet(true), folder.filePath("light.png")), QString());
        QCOMPARE(exportPlots(group.sheet(false), folder.filePath("dark.png")), QString());
        QCOMPARE(QImage(folder.filePath("light.png")).pixelColor(2, 2), lightTheme().surface);
        QCOMPARE(QImage(folder.filePath("dark.png")).pixelColor(2, 2), darkTheme().surface);
        applyTheme(lightTheme());
    }

    void a_picture_has_the_size_and_resolution_that_were_chosen() {
        PlotGroup group;
        group.setSpecs({memorySpec()});
        PictureSizeDialog ask(group.sheet(true).size, nullptr);
        QCOMPARE(ask.comesTo(), QString("21.2 × 14.8 cm; as PNG 1600 × 1120 dots"));
        const auto boxes = ask.findChildren<QSpinBox*>();
        boxes[0]->setValue(480);
        boxes[2]->setValue(300);
        QCOMPARE(ask.comesTo(), QString("12.7 × 14.8 cm; as PNG 1500 × 1750 dots"));
        setPictureSize(ask.chosen());
        const QTemporaryDir folder;
        QCOMPARE(exportPlots(group.sheet(true), folder.filePath("plot.png")), QString());
        const QImage image(folder.filePath("plot.png"));
        QCOMPARE(image.size(), QSize(1500, 1750));
        QCOMPARE(image.dotsPerMeterX(), 11811); // 300 to an inch
        setPictureSize({});
        QCOMPARE(group.sheet(true).size, QSize(800, 560));
    }

    void parallel_axes_are_exported_and_read_by_keys() {
        ParallelPlot plot;
        plot.axes = {
            {.axis = {.name = "attention", .title = "Attention", .categories = {"naive", "flash"}},
             .low = 0,
             .high = 1},
            {.axis = {.name = "step_seconds",
                      .title = "Step time",
                      .unit = "ms",
                      .scale = PlotScale::log10},
             .low = 1,
             .high = 100}};
        plot.lines = {{7, {0, 1}}, {8, {1, 0.5}}};
        ParallelView view;
        view.resize(600, 300);
        view.setDescriber([](qint64 id) { return QString("run %1").arg(id); });
        view.setPlot(plot);
        QCOMPARE(view.values(), "run,Attention,Step time (ms)\r\n7,naive,100\r\n8,flash,10\r\n");
        const QTemporaryDir folder;
        for (const QString& kind :
             {QString("png"), QString("svg"), QString("pdf"), QString("csv")}) {
            const QString path = folder.filePath("parallel." + kind);
            QCOMPARE(view.exportTo(path), QString());
            QVERIFY(QFileInfo(path).size() > 40);
        }
        QCOMPARE(QImageReader(folder.filePath("parallel.png")).size(), QSize(1200, 600));
        QVERIFY(!view.exportTo(folder.filePath("none/parallel.png")).isEmpty());
        view.show();
        QTest::keyClick(&view, Qt::Key_Down);
        QTest::keyClick(&view, Qt::Key_Down);
        QCOMPARE(view.accessibleDescription(), "run 8");
        QSignalSpy taken(&view, &ParallelView::lineClicked);
        QTest::keyClick(&view, Qt::Key_Return);
        QCOMPARE(taken.at(0)[0].toLongLong(), 8);
    }

    void an_export_that_cannot_be_written_says_where_and_why() {
        const QString problem = exportPlots({}, "/no/such/folder/plot.png");
        QVERIFY(problem.contains("/no/such/folder/plot.png"));
        QVERIFY(exportPlots({}, "/tmp/plot.bmp").contains(".png, .svg nor .pdf"));
    }
};

SWEETSPOT_TEST(PlotExportTest)
#include "plot_export_test.moc"

// The window and the report show one sweep: the same axes, scales, colours and numbers.
#include "app/analysis/run_plots.h"
#include "app/cli/paint.h"
#include "app/cli/run_table.h"
#include "app/gui/pages/results_plot.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/theme/theme.h"
#include "tests/gui/run_data.h"
#include "tests/gui/shown_results.h"
#include "tests/suite.h"
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>
#include <qcustomplot.h>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

namespace {

/// The first choice of the page with another metric, as a person would choose it.
void choose_metric(ResultsPage& page, const std::string& metric) {
    PlotChoice choice = page.plot()->layoutOfPlot().choice;
    choice.y = metric;
    page.plot()->choose(choice);
}

QStringList labels_of(const QCPAxis& axis) {
    QVector<double> ticks;
    QVector<QString> labels;
    axis.ticker()->generate(axis.range(), QLocale::c(), 'g', 6, ticks, nullptr, &labels);
    return labels;
}

QStringList labels_of(const std::vector<PlotTick>& ticks) {
    QStringList labels;
    for (const auto& tick : ticks) labels << QString::fromStdString(tick.label);
    return labels;
}

void compare(const Plot& report, const QList<PlotView*>& views) {
    QCOMPARE(std::size_t(views.size()), report.facets.size());
    const PlotRange range = full_range(report.facets);
    const auto values = values_of_x(report.facets);
    for (std::size_t i = 0; i < report.facets.size(); ++i) {
        const PlotSpec& in_report = report.facets[i];
        PlotView& view = *views[qsizetype(i)];
        QVERIFY(view.spec().x == in_report.x);
        if (i == 0) QVERIFY(view.spec().y == in_report.y); // the others leave out the words
        QVERIFY(view.spec().y.scale == in_report.y.scale);
        QCOMPARE(view.spec().y.factor, in_report.y.factor);
        QVERIFY(view.spec().kind == in_report.kind);
        QCOMPARE(view.range(), range);
        QCOMPARE(view.spec().series.size(), in_report.series.size());
        for (std::size_t s = 0; s < in_report.series.size(); ++s) {
            const PlotSeries &a = view.spec().series[s], &b = in_report.series[s];
            QCOMPARE(a.name, b.name);
            QCOMPARE(a.slot, b.slot);
            QCOMPARE(a.x, b.x);
            QCOMPARE(a.y, b.y);
            QCOMPARE(a.lo, b.lo);
            QCOMPARE(a.hi, b.hi);
            QCOMPARE(a.misfit_x, b.misfit_x);
        }
        QTRY_VERIFY(view.canvas()->axisRect()->width() > 50);
        const QRect rect = view.canvas()->axisRect()->rect();
        QCOMPARE(labels_of(*view.canvas()->xAxis),
                 labels_of(ticks_of(in_report.x, PlotSide::x, range.x_low, range.x_high, values,
                                    rect.width())));
        QCOMPARE(labels_of(*view.canvas()->yAxis),
                 labels_of(ticks_of(in_report.y, PlotSide::y, range.y_low, range.y_high, {},
                                    rect.height())));
    }
}

} // namespace

class ReportAgreementTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QCoreApplication::setOrganizationName("sweetspot-tests");
        QCoreApplication::setApplicationName("agreement");
        QSettings().clear();
        applyTheme(lightTheme());
    }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void axes_scales_colours_and_numbers_are_the_same_data() {
        QTest::addColumn<double>("spread");
        QTest::newRow("a narrow range") << 1.0;
        QTest::newRow("two decades") << 100.0;
    }
    void axes_scales_colours_and_numbers_are_the_same() {
        QFETCH(double, spread);
        auto runs = grid(48, 4);
        for (RunRecord& run : runs)
            if (run.config.layout == Layout::ragged) run.metrics["peak_bytes"] *= spread;
        Shown shown(folder_->filePath("a.sweetspot"), runs);
        QVERIFY(shown.ready);
        const auto& stored = *shown.session.runs();
        const auto plots = plots_of(stored);
        QCOMPARE(plots.size(), std::size_t(3));
        QVERIFY((plots[0].facets[0].y.scale == PlotScale::log10) == (spread > 1));
        for (std::size_t i = 0; i < plots.size(); ++i) {
            choose_metric(shown.page, sweep_plots[i].metric);
            QVERIFY(shown.page.plot()->group()->views().size() == 2);
            compare(plots[i], shown.page.plot()->group()->views());
        }
    }

    void fractions_are_labelled_as_they_are_in_both() {
        std::vector<RunRecord> runs;
        for (const double fraction : {0.1, 0.25, 0.5, 0.9}) {
            RunConfig config;
            config.task = Task::perplexity;
            config.mask_fraction = fraction;
            runs.push_back(done_run(std::int64_t(runs.size()) + 1, config, 0.01, 1e6));
        }
        Shown shown(folder_->filePath("b.sweetspot"), runs);
        QVERIFY(shown.ready);
        const auto plots = plots_of(*shown.session.runs());
        choose_metric(shown.page, "peak_bytes");
        const auto& views = shown.page.plot()->group()->views();
        compare(plots[0], views);
        QCOMPARE(labels_of(*views[0]->canvas()->xAxis), QStringList({"0.1", "0.25", "0.5", "0.9"}));
    }

    void the_table_has_the_same_columns_and_digits() {
        auto runs = grid(24, 4);
        runs[3].metrics["replaced_letters"] = 3;
        Shown shown(folder_->filePath("c.sweetspot"), runs);
        QVERIFY(shown.ready);
        const RunTable table = run_table(*shown.session.runs());
        const RunTableModel& model = *shown.page.model();
        std::size_t column = 0;
        for (int i = 0; i < model.columnCount(); ++i) {
            const RunColumn& shown_column = model.column(i);
            if (!shown_column.usual) continue;
            QVERIFY(column < table.columns.size());
            if (shown_column.what == RunColumn::What::flags) break; // chips here, words there
            const QString head = model.headerData(i, Qt::Horizontal, Qt::DisplayRole).toString();
            QVERIFY2(QString::fromStdString(table.columns[column].head)
                         .replace('_', ' ')
                         .startsWith(head, Qt::CaseInsensitive),
                     qPrintable(head));
            for (int row = 0; row < model.rowCount(); ++row)
                QCOMPARE(model.index(row, i).data().toString().remove(','),
                         QString::fromStdString(table.rows[std::size_t(row)][column]));
            ++column;
        }
        QCOMPARE(column + 1, table.columns.size());
        QVERIFY(QString::fromStdString(table.rows[3].back()).contains("3 letters replaced"));
    }

    void a_slot_has_one_colour() {
        for (int slot = 0; slot < series_slots; ++slot) {
            QCOMPARE(seriesColour(slot, lightTheme()).rgb() & 0xFFFFFF,
                     light_palette.series[std::size_t(slot)]);
            QCOMPARE(seriesColour(slot, darkTheme()).rgb() & 0xFFFFFF,
                     dark_palette.series[std::size_t(slot)]);
        }
    }

private:
    std::unique_ptr<QTemporaryDir> folder_;
};

SWEETSPOT_TEST(ReportAgreementTest)
#include "report_agreement_test.moc"

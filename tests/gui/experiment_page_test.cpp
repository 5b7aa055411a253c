#include "app/cli/spec_flags.h"
#include "app/gui/pages/command_text.h"
#include "app/gui/pages/experiment_form.h"
#include "app/gui/pages/experiment_page.h"
#include "app/gui/pages/field_control.h"
#include "app/gui/pages/plan_preview.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/heat_map.h"
#include "app/gui/widgets/values_field.h"
#include "tests/suite.h"
#include <QClipboard>
#include <QDir>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

using namespace sweetspot;
using namespace sweetspot::gui;

namespace {

OptionPill* pill(const ExperimentForm& form, const std::string& field, const QString& value) {
    for (auto* each : form.control(field)->findChildren<OptionPill*>())
        if (each->text() == value) return each;
    return nullptr;
}

QLineEdit* edit(const ExperimentForm& form, const std::string& field) {
    return form.control(field)->findChild<QLineEdit*>();
}

void type(QLineEdit* edit, const QString& text) {
    edit->clear();
    QTest::keyClicks(edit, text);
    QTest::keyClick(edit, Qt::Key_Return);
}

QStringList words(const QWidget& widget) {
    QStringList words;
    for (auto* label : widget.findChildren<QLabel*>()) words << label->text();
    return words;
}

const std::vector<DeviceInfo> no_gpu{{.name = "cuda", .meaning = "the driver sleeps"}};

/// Words as a shell makes them of plain and single-quoted text.
std::vector<std::string> shellWords(const std::string& command) {
    std::vector<std::string> words;
    bool inside = false, quote = false;
    for (const char letter : command) {
        if (letter == '\'') {
            quote = !quote;
            if (!inside) words.emplace_back();
            inside = true;
        } else if (letter == ' ' && !quote) {
            inside = false;
        } else {
            if (!inside) words.emplace_back();
            inside = true;
            words.back() += letter;
        }
    }
    return words;
}

/// What the command line makes of a command.
Spec parsed(const std::string& command) {
    if (const auto json = command.find("<<'SPEC'\n"); json != std::string::npos)
        return spec_from_json(command.substr(json + 9, command.rfind("\nSPEC") - json - 9),
                              "the command");
    auto words = shellWords(command);
    CLI::App program;
    SpecFlags flags;
    flags.add_to(*program.add_subcommand("run"));
    program.parse(
        std::vector<std::string>(words.rbegin(), words.rend() - 1)); // without "sweetspot"
    return flags.spec();
}

QStringList presetFiles() {
    QStringList files;
    const QDir folder(QString(SWEETSPOT_SOURCE_DIR) + "/resources/experiments");
    for (const QString& name : folder.entryList({"*.json"})) files << folder.filePath(name);
    return files;
}

/// The axes by name: their order is the fields' in a form and as written in a file.
std::map<std::string, std::vector<std::string>> axesOf(const Spec& spec) {
    std::map<std::string, std::vector<std::string>> axes;
    for (const Axis& axis : spec.axes) axes[axis.field] = axis.values;
    return axes;
}

/// The base without the fields that are axes, whose value there says nothing.
RunConfig baseOf(const Spec& spec) {
    RunConfig base = spec.base;
    for (const Axis& axis : spec.axes) set_field(base, axis.field, axis.values.front());
    return base;
}

} // namespace

class ExperimentPageTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QCoreApplication::setOrganizationName("sweetspot-tests");
        QCoreApplication::setApplicationName("experiment");
        qputenv("SWEETSPOT_RESOURCES", SWEETSPOT_SOURCE_DIR "/resources");
        applyTheme(lightTheme());
    }
    void init() { QSettings().clear(); }
    void cleanup() { QSettings().clear(); }

    void every_field_of_a_run_has_a_control() {
        const ExperimentForm form;
        QVERIFY(run_fields().size() > 30);
        for (const RunField& field : run_fields()) {
            FieldControl* control = form.control(std::string(field.name));
            QVERIFY2(control, field.name.data());
            QVERIFY2(form.isAncestorOf(control), field.name.data());
        }
    }

    void a_form_that_nobody_touched_says_the_usual_configuration() {
        const ExperimentForm form;
        QVERIFY(form.spec().base == RunConfig{});
        QVERIFY(form.spec().axes.empty());
        QCOMPARE(form.problems(), QStringList());
    }

    void ticking_a_second_pill_makes_an_axis() {
        ExperimentForm form;
        form.show();
        QTest::mouseClick(pill(form, "attention", "naive"), Qt::LeftButton);
        QCOMPARE(form.spec().axes.size(), std::size_t(1));
        QVERIFY((form.spec().axes[0] == Axis{"attention", {"naive", "flash"}}));
        QTest::mouseClick(pill(form, "attention", "flash"), Qt::LeftButton);
        QVERIFY(form.spec().axes.empty());
        QCOMPARE(form.spec().base.attention, AttentionVariant::naive);
    }

    void typed_values_and_ranges_make_axes_in_the_order_of_the_fields() {
        ExperimentForm form;
        form.show();
        type(edit(form, "sequence"), "256-1024*2");
        type(edit(form, "batch"), "8");
        const Spec spec = form.spec();
        QCOMPARE(spec.axes.size(), std::size_t(2));
        QVERIFY((spec.axes[0] == Axis{"batch", {"1", "8"}}));
        QVERIFY((spec.axes[1] == Axis{"sequence", {"128", "256", "512", "1024"}}));
    }

    void a_switch_reads_off_and_on_and_means_false_and_true() {
        ExperimentForm form;
        form.show();
        QTest::mouseClick(pill(form, "trace", "off"), Qt::LeftButton);
        QVERIFY((form.spec().axes.at(0) == Axis{"trace", {"false", "true"}}));
    }

    void weights_follow_the_model() {
        ExperimentForm form;
        form.control("weights")->setValues({"/old/model.safetensors"});
        form.control("model")->setValues({"esm2-35m"}); // whose weights these are not
        QCOMPARE(form.spec().base.weights, std::string("auto"));
        form.control("weights")->setValues({"random"});
        form.control("model")->setValues({"esm2-8m"}); // one that brings none
        QCOMPARE(form.spec().base.weights, std::string("random"));
        form.control("model")->setValues({"/my/model"}); // one that brings its own
        QCOMPARE(form.spec().base.weights, std::string("auto"));
        Spec spec;
        spec.base.weights = "random";
        spec.base.model = "/my/other";
        form.setSpec(spec); // a spec says what it wants
        QCOMPARE(form.spec().base.weights, std::string("random"));
    }

    void several_models_are_swept() {
        ExperimentForm form;
        form.control("model")->setValues({"esm2-8m", "gpt2-small"});
        QVERIFY((form.spec().axes.at(0) == Axis{"model", {"esm2-8m", "gpt2-small"}}));
    }

    void cuda_is_open_until_the_worker_says_that_there_is_no_gpu() {
        ExperimentForm form;
        QVERIFY(pill(form, "device", "cuda")->isEnabled());
        form.setDevices(no_gpu);
        QVERIFY(!pill(form, "device", "cuda")->isEnabled());
        QCOMPARE(pill(form, "device", "cuda")->toolTip(), QString("The driver sleeps."));
        form.setDevices({{.name = "cuda", .available = true, .meaning = "Fake 9000"}});
        QVERIFY(pill(form, "device", "cuda")->isEnabled());
        QVERIFY(pill(form, "device", "cuda")->toolTip().isEmpty());
    }

    void a_spec_keeps_the_gpu_that_is_not_here_and_a_person_may_take_it_away() {
        ExperimentForm form;
        form.show();
        form.setDevices(no_gpu);
        Spec spec;
        spec.base.device = DeviceKind::cuda;
        form.setSpec(spec);
        QCOMPARE(form.spec().base.device, DeviceKind::cuda);
        QVERIFY(words(*form.control("device")).contains("cuda is predicted but cannot run here."));
        QTest::mouseClick(pill(form, "device", "cpu"), Qt::LeftButton);
        QTest::mouseClick(pill(form, "device", "cuda"), Qt::LeftButton);
        QCOMPARE(form.spec().base.device, DeviceKind::cpu);
        QVERIFY(form.spec().axes.empty());
        QVERIFY(!pill(form, "device", "cuda")->isEnabled());
        QVERIFY(!words(*form.control("device")).contains("cuda is predicted but cannot run here."));
    }

    void fields_of_a_gpu_stand_open_while_one_is_asked_for() {
        ExperimentForm form;
        form.show();
        QVERIFY(!form.control("weight_memory")->isVisible());
        QVERIFY(!form.control("plan_for")->isVisible());
        QTest::mouseClick(pill(form, "device", "cuda"), Qt::LeftButton);
        QVERIFY(form.control("weight_memory")->isVisible());
        QVERIFY(form.control("gpu")->isVisible());
        QVERIFY(!form.control("plan_for")->isVisible());
        form.control("device")->setValues({"plan"});
        QVERIFY(form.control("plan_for")->isVisible());
        QVERIFY(!form.control("weight_memory")->isVisible());
        form.control("plan_for")->setValues({"cuda"});
        QVERIFY(form.control("weight_memory")->isVisible());
    }

    void fields_that_no_point_uses_are_grey_with_the_reason() {
        ExperimentForm form;
        form.control("task")->setValues({"perplexity"});
        form.control("max_tokens")->setValues({"1", "2"});
        const auto plan_it = [&] { form.setNotes(notes_on(form.spec())); };
        plan_it();
        QVERIFY(!edit(form, "temperature")->isEnabled());
        QVERIFY2(form.control("temperature")->toolTip().endsWith("; for task generate"),
                 qPrintable(form.control("temperature")->toolTip()));
        QVERIFY(edit(form, "max_tokens")->isEnabled());
        QVERIFY(!pill(form, "launch", "graph")->isEnabled());
        form.control("task")->setValues({"forward"});
        plan_it();
        QVERIFY(edit(form, "max_tokens")->isEnabled()); // it can be taken back
        QVERIFY(words(*form.control("max_tokens"))
                    .contains("max_tokens changes nothing, its 2 values are one: it is for task "
                              "perplexity, and a quality pass."));
        form.control("max_tokens")->setValues({"0"});
        form.control("device")->setValues({"cuda"});
        plan_it();
        QVERIFY(!edit(form, "max_tokens")->isEnabled());
        QVERIFY(!words(*form.control("max_tokens")).contains("changes nothing"));
        QVERIFY(pill(form, "launch", "graph")->isEnabled());
    }

    void units_stand_beside_the_title_and_not_in_it() {
        const ExperimentForm form;
        QCOMPARE(form.control("weight_budget_bytes")->field().title, QString("Weight budget"));
        QCOMPARE(form.control("gpu")->field().title, QString("GPU"));
    }

    void every_preset_comes_out_of_the_form_as_it_went_in() {
        QVERIFY(presetFiles().size() >= 5);
        ExperimentForm form;
        for (const QString& file : presetFiles()) {
            const Spec in = load_spec(file.toStdString());
            form.setSpec(in);
            const Spec out = form.spec();
            QVERIFY2(axesOf(out) == axesOf(in), qPrintable(file));
            QVERIFY2(baseOf(out) == baseOf(in), qPrintable(file));
            QVERIFY2(out.name == in.name && out.description == in.description, qPrintable(file));
            QCOMPARE(out.zip, in.zip);
        }
    }

    void a_copied_command_says_the_same_as_the_form() {
        ExperimentForm form;
        for (const QString& file : presetFiles()) {
            form.setSpec(load_spec(file.toStdString()));
            const Spec in = form.spec();
            const std::string command = commandOf(in);
            const Spec out = parsed(command);
            QVERIFY2(axesOf(out) == axesOf(in), command.c_str());
            QVERIFY2(out.base == in.base, command.c_str());
            QVERIFY2(out.name == in.name && out.points == in.points, command.c_str());
        }
    }

    void a_command_is_quoted_for_the_shell() {
        Spec spec;
        spec.name = spec.base.model;
        spec.base.prompt = "It's said: a, b";
        QVERIFY(
            commandOf(spec, "/my runs/a.sweetspot").ends_with(" --store '/my runs/a.sweetspot'"));
        QCOMPARE(QString::fromStdString(commandOf(spec)),
                 QString("sweetspot run --prompt 'It'\\''s said: a, b'"));
    }

    void what_flags_cannot_say_goes_through_standard_input() {
        Spec spec;
        spec.name = "two";
        spec.points = {{{"batch", "3"}}, {{"sequence", "77"}}};
        const QString command = QString::fromStdString(commandOf(spec));
        QVERIFY2(command.startsWith("sweetspot run /dev/stdin <<'SPEC'\n"), qPrintable(command));
        QVERIFY(parsed(command.toStdString()).points == spec.points);
    }

    void bad_text_is_told_beside_its_field_and_keeps_the_sweep_from_starting() {
        Session session;
        RecentSweeps recent(session, 5);
        ExperimentPage page(session, recent);
        page.setSpec({});
        page.show();
        QTRY_VERIFY_WITH_TIMEOUT(page.preview().runButton()->isEnabled(), 10'000);
        type(edit(page.form(), "batch"), "many");
        const QString problem = page.form().control("batch")->problem();
        QVERIFY2(problem.contains("whole number from 1 to 1000000, not \"many\""),
                 qPrintable(problem));
        QVERIFY(!page.preview().runButton()->isEnabled());
        QCOMPARE(page.preview().runButton()->toolTip(), "Batch: " + problem);
        QTest::keyClick(edit(page.form(), "batch"), Qt::Key_A, Qt::ControlModifier);
        QTest::keyClicks(edit(page.form(), "batch"), "4");
        QVERIFY(page.preview().runButton()->isEnabled());
    }

    void an_unknown_model_names_the_nearest_one() {
        ExperimentForm form;
        form.control("model")->setValues({"esm2-8n"});
        QVERIFY2(form.control("model")->problem().contains("esm2-8m"),
                 qPrintable(form.control("model")->problem()));
    }

    void points_are_predicted_laid_out_and_counted() {
        Session session;
        RecentSweeps recent(session, 5);
        ExperimentPage page(session, recent);
        QSignalSpy problems(&session, &Session::problem);
        Spec spec;
        spec.axes = {{"batch", {"1", "2"}},
                     {"sequence", {"64", "128", "256"}},
                     {"attention", {"naive", "flash"}}};
        page.setSpec(spec);
        page.show();
        const HeatMap& map = page.preview().heatMap();
        const auto filled = [&] {
            return map.grid().values.size() == 6 && !std::isnan(map.grid().values.back());
        };
        QTRY_VERIFY_WITH_TIMEOUT(filled() || problems.count() > 0, 20'000);
        QVERIFY2(problems.isEmpty(), qPrintable(problems.value(0).value(0).toString()));
        QCOMPARE(map.grid().rows, QStringList({"1", "2"}));
        QCOMPARE(map.grid().columns, QStringList({"64", "128", "256"}));
        for (std::size_t i = 1; i < 3; ++i) // longer takes more
            QVERIFY(map.grid().values[i] > map.grid().values[i - 1]);
        QTRY_VERIFY(page.preview().figuresText().contains("12 fit"));
        const QString figures = page.preview().figuresText();
        QVERIFY2(figures.startsWith(QString("12 points 2 %1 3 %1 2;").arg(QChar(0xD7))),
                 qPrintable(figures));
        QVERIFY2(figures.contains("no runs yet to judge by"), qPrintable(figures));
        QCOMPARE(page.preview().runButton()->text(), QString("Run 12 points"));
    }

    void a_file_that_is_no_spec_gives_a_sentence_and_leaves_the_form() {
        Session session;
        RecentSweeps recent(session, 5);
        ExperimentPage page(session, recent);
        page.setSpec({});
        QTemporaryDir folder;
        QFile file(folder.filePath("garbage.json"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("{\"base\": {\"bach\": 3}}");
        file.close();
        QSignalSpy told(&page, &ExperimentPage::problem);
        QVERIFY(!page.openSpec(file.fileName()));
        QCOMPARE(told.count(), 1);
        QVERIFY2(told[0][0].toString().contains("did you mean \"batch\"?"),
                 qPrintable(told[0][0].toString()));
        QVERIFY(page.form().spec().base == RunConfig{});
    }

    void what_the_form_says_is_remembered() {
        Session session;
        RecentSweeps recent(session, 5);
        Spec spec;
        spec.name = "kept";
        spec.base.batch = 3;
        {
            ExperimentPage page(session, recent);
            page.setSpec(spec);
            QTRY_VERIFY(QSettings().value("experiment/spec").toString().contains("kept"));
        }
        ExperimentPage again(session, recent);
        QCOMPARE(again.form().spec().base.batch, 3);
        QCOMPARE(again.form().spec().name, std::string("kept"));
    }

    void a_saved_preset_opens_again() {
        Session session;
        RecentSweeps recent(session, 5);
        ExperimentPage page(session, recent);
        Spec spec;
        spec.name = "mine";
        spec.axes = {{"layout", {"padded", "ragged"}}};
        page.setSpec(spec);
        QTemporaryDir folder;
        QVERIFY(page.saveSpec(folder.filePath("mine.json")));
        page.setSpec({});
        QVERIFY(page.openSpec(folder.filePath("mine.json")));
        QVERIFY(axesOf(page.form().spec()) == axesOf(spec));
        QSignalSpy told(&page, &ExperimentPage::problem);
        QVERIFY(!page.saveSpec(folder.filePath("no/such/folder.json")));
        QVERIFY(told[0][0].toString().contains("could not be written"));
    }
};

SWEETSPOT_TEST(ExperimentPageTest)
#include "experiment_page_test.moc"

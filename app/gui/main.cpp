#include "app/experiment/standard_output.h"
#include "app/experiment/version.h"
#include "app/gui/theme/theme_control.h"
#include "app/gui/window/screenshots.h"
#include "app/gui/window/workbench.h"
#include "app/store/store.h"
#include "kernels/core/error.h"
#include <QApplication>
#include <QCommandLineParser>
#include <QElapsedTimer>
#include <QFileInfo>
#include <iostream>

// The program sweetspot-gui: its arguments, the application and the first window; with --screenshot
// it photographs every page and ends.

namespace {

using namespace sweetspot;

constexpr int exit_bad_arguments = 2;

struct Arguments {
    QString store{}, spec{}, theme{}, screenshots{};
    QSize size{};
    bool first_paint = false;
};

QString versionText() {
    const auto text = [](std::string_view words) {
        return QString::fromUtf8(words.data(), qsizetype(words.size()));
    };
    return QString("sweetspot-gui %1 (%2, %3)")
        .arg(text(version()), text(commit()), text(build_description()));
}

/// Ends the program with what it says, for --help and --version.
[[noreturn]] void sayAndEnd(const QString& text, StandardOutput& output) {
    std::cout << qPrintable(text);
    const std::string failed = output.problem();
    if (!failed.empty()) std::cerr << "sweetspot-gui: " << failed << '\n';
    std::exit(failed.empty() ? 0 : 1);
}

/// What was asked for, or what is wrong with it in `problem`.
Arguments read(const QStringList& words, QString& problem, StandardOutput& output) {
    QCommandLineParser parser;
    parser.setApplicationDescription(
        "The window of Sweetspot: what to measure, how it goes, what came out.");
    const QCommandLineOption help({"h", "help"}, "What can be written here.");
    const QCommandLineOption version("version", "The version, the commit and how it was built.");
    const QCommandLineOption store("store", "The database of runs.", "PATH");
    const QCommandLineOption theme("theme", "light, dark or system.", "THEME");
    const QCommandLineOption screenshot("screenshot", "Write every page as PNG and end.", "FOLDER");
    const QCommandLineOption size("size", "Width and height of the window.", "1440x900");
    const QCommandLineOption paint("first-paint", "Say how long the first paint took, and end.");
    parser.addOptions({help, version, store, theme, screenshot, size, paint});
    parser.addPositionalArgument("FILE", "A database of runs, or a spec to begin with.",
                                 "[STORE] [SPEC.json]");
    Arguments result;
    if (!parser.parse(words)) return problem = parser.errorText() + '.', result;
    if (parser.isSet(help)) // there is no application yet that could say its name
        sayAndEnd(parser.helpText().replace("<executable_name>", "sweetspot-gui"), output);
    if (parser.isSet(version)) sayAndEnd(versionText() + '\n', output);
    result.store = parser.value(store);
    result.theme = parser.value(theme);
    result.screenshots = parser.value(screenshot);
    result.first_paint = parser.isSet(paint);
    for (const QString& file : parser.positionalArguments()) {
        QString& place = file.endsWith(".json") ? result.spec : result.store;
        if (!place.isEmpty()) problem = QString("There is one too many: %1.").arg(file);
        place = file;
    }
    if (parser.isSet(theme) && !QStringList{"light", "dark", "system"}.contains(result.theme))
        problem = QString("--theme is light, dark or system, not %1.").arg(result.theme);
    const QStringList sides = parser.value(size).split('x');
    if (sides.size() == 2) result.size = {sides[0].toInt(), sides[1].toInt()};
    if (parser.isSet(size) && result.size.isEmpty())
        problem = QString("--size is written as 1440x900, not %1.").arg(parser.value(size));
    return result;
}

/// Tells when the window was painted first, and ends the program.
class FirstPaint : public QObject {
public:
    FirstPaint(QWidget& window, const QElapsedTimer& since) : QObject(&window), since_(since) {
        window.installEventFilter(this);
    }

protected:
    bool eventFilter(QObject* watched, QEvent* event) override {
        if (event->type() != QEvent::Paint) return false;
        watched->removeEventFilter(this);
        QTimer::singleShot(0, qApp, [this] { // when that paint is done
            std::cout << "first paint after " << since_.elapsed() << " ms\n";
            QApplication::quit();
        });
        return false;
    }

private:
    const QElapsedTimer& since_;
};

/// Chooses the first and the last finished run, so that no page of a picture waits for a choice.
void chooseEnds(gui::Session& session) {
    if (session.selection().run()) return;
    std::int64_t first = 0, last = 0;
    for (const RunRecord& run : *session.runs()) {
        if (run.status != RunStatus::done) continue;
        if (!first) first = run.id;
        last = run.id;
    }
    if (!last) return;
    session.selection().setPair({first, last});
    session.selection().setRun(last);
}

} // namespace

int main(int argc, char** argv) {
    QElapsedTimer since_start;
    since_start.start();
    StandardOutput output;
    QStringList words;
    for (int i = 0; i < argc; ++i) words << QString::fromLocal8Bit(argv[i]);
    QString problem;
    const Arguments arguments = read(words, problem, output);
    if (!problem.isEmpty()) {
        std::cerr << "sweetspot-gui: " << qPrintable(problem) << " See sweetspot-gui --help.\n";
        return exit_bad_arguments;
    }

    QApplication application(argc, argv);
    QApplication::setOrganizationName("sweetspot");
    // Pictures are taken with settings of their own: the window of a person stays as it was.
    QApplication::setApplicationName(arguments.screenshots.isEmpty() ? "sweetspot"
                                                                     : "sweetspot-screenshots");
    QApplication::setApplicationDisplayName("Sweetspot");
    gui::ThemeControl theme;
    using Choice = gui::ThemeControl::Choice;
    if (!arguments.theme.isEmpty())
        theme.setChoice(arguments.theme == "dark"    ? Choice::dark
                        : arguments.theme == "light" ? Choice::light
                                                     : Choice::system,
                        false);
    gui::Workbench workbench(theme);
    gui::MainWindow& window = workbench.window();
    if (!arguments.size.isEmpty()) window.resize(arguments.size);
    const FirstPaint* paint = arguments.first_paint ? new FirstPaint(window, since_start) : nullptr;
    Q_UNUSED(paint)
    window.show();
    workbench.session().open(arguments.store.isEmpty()
                                 ? QString::fromStdString(default_store_path().string())
                                 : arguments.store);
    if (!arguments.spec.isEmpty()) workbench.openFile(arguments.spec);
    if (arguments.screenshots.isEmpty()) return QApplication::exec();
    gui::Session& session = workbench.session(); // pictures show the newest experiment
    QObject::connect(&session, &gui::Session::sweepsChanged, &session, [&session] {
        if (session.selection().sweep() == 0 && !session.sweeps()->empty())
            session.selection().setSweep(session.sweeps()->front().id);
    });
    QObject::connect(&session, &gui::Session::runsChanged, &session,
                     [&session] { chooseEnds(session); });
    const QString failed = gui::takeScreenshots(window, arguments.screenshots);
    if (failed.isEmpty()) return 0;
    std::cerr << "sweetspot-gui: " << qPrintable(failed) << '\n';
    return 1;
}

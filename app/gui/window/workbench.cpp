#include "app/gui/window/workbench.h"
#include "app/analysis/series.h"
#include "app/gui/frame/status_bar.h"
#include "app/gui/frame/top_bar.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/compare_page.h"
#include "app/gui/pages/counted.h"
#include "app/gui/pages/experiment_form.h"
#include "app/gui/pages/experiment_page.h"
#include "app/gui/pages/field_control.h"
#include "app/gui/pages/live_page.h"
#include "app/gui/pages/quality_page.h"
#include "app/gui/pages/results_page.h"
#include "app/gui/pages/runs_page.h"
#include "app/gui/pages/sweet_spot_page.h"
#include "app/gui/pages/timeline_page.h"
#include "app/gui/pages/welcome_page.h"
#include "app/gui/session/host.h"
#include "app/gui/session/recent_databases.h"
#include "app/gui/theme/theme_control.h"
#include "app/gui/widgets/message.h"
#include "app/runner/devices.h"
#include <QDesktopServices>
#include <QDir>
#include <QEvent>
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QMessageBox>
#include <QPushButton>
#include <QSettings>
#include <QUrl>
#include <utility>

// The window, its pages and the data, joined: what one page asks for is done here, since no page
// knows another, and what the session tells is shown in the frame.

namespace sweetspot::gui {
namespace {

constexpr std::size_t recent_count = 5;

bool isDatabase(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) && file.read(15) == "SQLite format 3";
}

/// Whether a file's JSON is a list: runs are, a spec is none.
bool isList(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) && file.read(64).trimmed().startsWith('[');
}

} // namespace

Workbench::Workbench(ThemeControl& theme)
    : recent_(session_, recent_count), window_(std::make_unique<MainWindow>(views(), theme)) {
    notice_ = new MessageStrip;
    notice_->hide();
    window_->addNotice(notice_);
    window_->installEventFilter(this);
    connect(notice_, &MessageStrip::actionRequested, this, [this] {
        notice_->clear();
        if (const auto act = std::exchange(on_notice_, nullptr)) act();
    });
    connect(window_.get(), &MainWindow::filesDropped, this, [this](const QStringList& paths) {
        for (const QString& path : paths) openFile(path);
    });
    connect(window_.get(), &MainWindow::selectionCleared, this, [this] {
        session_.selection().setRuns({});
        session_.selection().setPair({});
    });
    connect(window_.get(), &MainWindow::runDropped, this, [this](qint64 run, bool as_b) {
        const RunPair& pair = session_.selection().pair();
        session_.selection().setPair(as_b ? RunPair{pair.a, run} : RunPair{run, pair.b});
    });
    addCommands();
    window_->setMoreToFind([this] { return moreToFind(); });
    connectSession();
    connect(&report_, &ReportMaker::failed, this, &Workbench::tell);
    connect(&report_, &ReportMaker::made, this, [this](const QString& path) {
        say(Tone::good, tr("The report is written"), tr("to %1").arg(path), tr("Open it"),
            [path] { QDesktopServices::openUrl(QUrl::fromLocalFile(path)); });
    });
    connect(&host_timer_, &QTimer::timeout, this, &Workbench::showHost);
    host_timer_.start(2000);
    showHost();
    showSaved();
}

// The window goes first: its pages look at the session while they end.
Workbench::~Workbench() {
    window_.reset();
}

std::vector<View> Workbench::views() {
    auto all = defaultViews();
    const auto set = [&](ViewId id, std::function<Page*()> make) {
        for (View& view : all)
            if (view.id == id) view.make = std::move(make);
    };
    set(ViewId::welcome, [this] { return makeWelcome(); });
    set(ViewId::experiment, [this] { return makeExperiment(); });
    set(ViewId::live, [this] { return offersTrained(new LivePage(session_)); });
    set(ViewId::results, [this] { return offersTrained(new ResultsPage(session_)); });
    set(ViewId::sweet_spot, [this] { return makeSweetSpot(); });
    set(ViewId::compare, [this] { return makeCompare(); });
    set(ViewId::quality, [this] { return new QualityPage(session_); });
    set(ViewId::runs, [this] { return makeRuns(); });
    set(ViewId::timeline, [this] { return new TimelinePage(session_); });
    return all;
}

Page* Workbench::makeWelcome() {
    auto* page = new WelcomePage(session_, recent_);
    connect(page, &WelcomePage::openSpecRequested, this, [this] {
        window_->showView(ViewId::experiment);
        experiment().askAndOpen();
    });
    connect(page, &WelcomePage::openResultsRequested, this, &Workbench::openResults);
    for (auto chosen : {&WelcomePage::presetChosen, &WelcomePage::databaseChosen})
        connect(page, chosen, this, &Workbench::openFile);
    connect(page, &WelcomePage::sweepChosen, this, [this](qint64 id) {
        session_.selection().setSweep(id);
        const SweepProgress& progress = session_.progress();
        window_->showView(progress.active && progress.sweep_id == id ? ViewId::live
                                                                     : ViewId::results);
    });
    return page;
}

Page* Workbench::makeExperiment() {
    auto* page = experiment_ = new ExperimentPage(session_, recent_);
    connect(&page->form(), &ExperimentForm::changed, this, &Workbench::showGpu);
    connect(page, &ExperimentPage::problem, this, &Workbench::tell);
    connect(page, &ExperimentPage::runRequested, this, [this](qint64 id) {
        session_.selection().setRuns({id});
        window_->showView(ViewId::results);
    });
    connect(page, &ExperimentPage::saved, this, [this](const QString& path) {
        say(Tone::good, tr("Saved"), tr("as %1; it is among the presets now.").arg(path));
    });
    return page;
}

Page* Workbench::offersTrained(SweepPage* page) {
    connect(page, &SweepPage::trainedRequested, this, &Workbench::useTrained);
    return page;
}

Page* Workbench::makeSweetSpot() {
    auto* page = new SweetSpotPage(session_);
    connect(page, &SweetSpotPage::reportRequested, this, [this] { askForReport("html"); });
    connect(page, &SweetSpotPage::planRequested, this,
            [this](const std::vector<RunConfig>& points) {
                if (points.empty()) return;
                Spec spec;
                spec.name = "missing points";
                spec.base = points.front();
                for (const RunConfig& config : points) {
                    std::map<std::string, std::string> point;
                    for (const RunField& field : run_fields())
                        if (field.get(config) != field.get(spec.base))
                            point[std::string(field.name)] = field.get(config);
                    spec.points.push_back(std::move(point));
                }
                experiment().setSpec(spec);
                window_->showView(ViewId::experiment);
            });
    return page;
}

Page* Workbench::makeCompare() {
    auto* page = new ComparePage(session_);
    connect(page, &ComparePage::againRequested, this,
            [this](const SweepOrder& order) { session_.enqueue(order); });
    return page;
}

Page* Workbench::makeRuns() {
    auto* page = new RunsPage(session_);
    connect(page, &RunsPage::specChosen, this, [this](const Spec& spec) {
        experiment().setSpec(spec);
        window_->showView(ViewId::experiment);
    });
    return page;
}

ExperimentPage& Workbench::experiment() {
    window_->page(ViewId::experiment); // makes it
    return *experiment_;
}

void Workbench::addCommands() {
    const QString files = tr("Files");
    window_->addCommand(tr("New experiment"), Icon::plus, QKeySequence("Ctrl+N"), files, [this] {
        experiment().setSpec({});
        window_->showView(ViewId::experiment);
    });
    window_->addCommand(tr("Open spec"), Icon::file, QKeySequence("Ctrl+O"), files, [this] {
        window_->showView(ViewId::experiment);
        experiment().askAndOpen();
    });
    window_->addCommand(tr("Open results"), Icon::folder, QKeySequence("Ctrl+Shift+O"), files,
                        [this] { openResults(); });
    for (const auto& [format, name] : {std::pair("html", tr("Report as HTML")),
                                       {"pdf", tr("Report as PDF")},
                                       {"md", tr("Report as Markdown")}})
        window_->addCommand(name, Icon::download, {}, files,
                            [this, format = QString(format)] { askForReport(format); });
    window_->addCommand(tr("Import experiments"), Icon::folder, {}, files, [this] {
        window_->showView(ViewId::runs);
        static_cast<RunsPage*>(window_->page(ViewId::runs))->importFile();
    });
    window_->addCommand(tr("Give back what was deleted last"), Icon::refresh, QKeySequence::Undo,
                        tr("Runs"), [this] { session_.undoRemove(); });
    const QString sweep = tr("Sweep");
    window_->addCommand(tr("Pause or go on"), Icon::pause, QKeySequence("Ctrl+P"), sweep,
                        [this] { session_.setPaused(!session_.progress().paused); });
    window_->addCommand(tr("Stop after this run"), Icon::stop, QKeySequence("Ctrl+."), sweep,
                        [this] { session_.stop(); });
}

void Workbench::connectSession() {
    connect(&session_, &Session::problem, this, &Workbench::tell);
    connect(&session_, &Session::sweepStarted, this, [this] {
        if (session_.progress().from_queue) return; // nobody asked for it just now
        notice_->clear();
        window_->showView(ViewId::live);
    });
    connect(&session_, &Session::queueChanged, this, [this] {
        if (!session_.queued().empty() && window_->currentView() == ViewId::experiment)
            say(Tone::info, tr("%1 waits").arg(counted(int(session_.queued().size()), tr("sweep"))),
                tr("for what runs now; Live shows the queue."), tr("Show"),
                [this] { window_->showView(ViewId::live); });
    });
    connect(&session_, &Session::deletionsChanged, this, [this] {
        const auto& removed = session_.removed();
        if (removed.empty()) return notice_->clear();
        say(Tone::info, tr("%1 deleted").arg(removed.back().name),
            tr("nothing is erased: Ctrl+Z gives it back."), tr("Undo"),
            [this] { session_.undoRemove(); });
    });
    connect(&session_, &Session::devicesChanged, this, &Workbench::showGpu);
    connect(&session_, &Session::progressChanged, this, &Workbench::showProgress);
    connect(&session_, &Session::sweepEnded, this, &Workbench::showProgress);
    connect(&session_, &Session::opened, this, [this](const QString& path) {
        rememberDatabase(path);
        shows_newest_ = true;
        showSaved();
    });
    connect(&session_, &Session::sweepsChanged, this, [this] {
        if (!std::exchange(shows_newest_, false) || session_.sweeps()->empty()) return;
        session_.selection().setSweep(session_.sweeps()->front().id);
    });
    for (auto told : {&Session::runsChanged, &Session::sweepsChanged})
        connect(&session_, told, this, &Workbench::showSelection);
    connect(&session_.selection(), &Selection::runsChanged, this, &Workbench::showSelection);
    connect(&session_.selection(), &Selection::pairChanged, this, &Workbench::showSelection);
    connect(&session_.selection(), &Selection::sweepChanged, this, &Workbench::recallBaseline);
    connect(&session_.selection(), &Selection::baselineChanged, this, [this](qint64 id) {
        if (id) QSettings().setValue(baselineKey(), id);
    });
}

void Workbench::tell(const QString& sentence) {
    // The first line is the fact; what follows explains it.
    const qsizetype end = sentence.indexOf('\n');
    say(Tone::bad, end < 0 ? sentence : sentence.left(end),
        end < 0 ? QString() : sentence.mid(end + 1).replace('\n', "; "));
}

void Workbench::say(Tone tone, const QString& fact, const QString& consequence,
                    const QString& action, std::function<void()> act) {
    on_notice_ = std::move(act);
    notice_->tell(tone, fact, consequence, action.isEmpty() ? tr("Close") : action);
}

void Workbench::openFile(const QString& path) {
    notice_->clear();
    const QString suffix = QFileInfo(path).suffix().toLower();
    if (isDatabase(path)) {
        session_.open(path);
        window_->showView(ViewId::runs);
    } else if (suffix == "jsonl" || suffix == "sql" || (suffix == "json" && isList(path))) {
        session_.importFile(path);
        window_->showView(ViewId::runs);
    } else if (suffix == "json") {
        openSpec(path);
    } else {
        useAsData(path);
    }
}

/// What stood in the form can be had again.
void Workbench::openSpec(const QString& path) {
    const Spec before = experiment().form().spec();
    if (!experiment().openSpec(path)) return;
    window_->showView(ViewId::experiment);
    if (to_json(before) == to_json(experiment().form().spec())) return;
    say(Tone::info, tr("%1 is opened").arg(QFileInfo(path).fileName()),
        tr("in place of %1.").arg(QString::fromStdString(before.name)), tr("Undo"),
        [this, before] { experiment().setSpec(before); });
}

/// Whatever is no spec and no database is text to measure with.
void Workbench::useAsData(const QString& path) {
    FieldControl* data = experiment().form().control("data");
    const QStringList before = data->values();
    data->setValues({path});
    window_->showView(ViewId::experiment);
    say(Tone::info, tr("%1 is the data now").arg(QFileInfo(path).fileName()),
        tr("of this experiment: tokens are taken from it."), tr("Undo"),
        [data, before] { data->setValues(before); });
}

/// What a run trained as the model of an experiment of its own; adapters stand on what they were
/// trained on.
void Workbench::useTrained(const RunRecord& run) {
    const Spec before = experiment().form().spec();
    Spec next;
    const QString folder = savedModel(run);
    next.name = QFileInfo(folder).fileName().toStdString();
    next.description = "what run " + std::to_string(run.id) + " trained";
    next.base.device = run.config.device;
    next.base.gpu = run.config.gpu;
    const bool adapters = run.config.lora_rank > 0 || !run.config.adapter.empty();
    if (adapters && !run.config.save_merged) {
        next.base.model = run.config.model;
        next.base.weights = run.config.weights;
        next.base.weight_format = run.config.weight_format;
        next.base.adapter = folder.toStdString();
    } else {
        next.base.model = folder.toStdString();
    }
    experiment().setSpec(next);
    window_->showView(ViewId::experiment);
    say(Tone::info, tr("%1 is the model now").arg(QFileInfo(folder).fileName()),
        tr("as run %1 trained it.").arg(run.id), tr("Undo"),
        [this, before] { experiment().setSpec(before); });
}

void Workbench::askForReport(const QString& format) {
    const qint64 sweep = session_.selection().sweep();
    if (sweep == 0) return tell(tr("No experiment is selected: open one from Runs."));
    QSettings settings;
    const QString folder = QFileDialog::getExistingDirectory(
        window_.get(), tr("Folder for the report and its plots"),
        settings.value("export/folder", QDir::homePath()).toString());
    if (folder.isEmpty()) return;
    settings.setValue("export/folder", folder);
    report_.make(sweep, session_.path(), format, folder);
}

void Workbench::openResults() {
    const QString path = QFileDialog::getOpenFileName(
        window_.get(), tr("Open results"), QFileInfo(session_.path()).path(),
        tr("Databases (*.sweetspot *.sqlite *.db);;All files (*)"));
    if (!path.isEmpty()) openFile(path);
}

void Workbench::showSelection() {
    const QSet<qint64>& ids = session_.selection().runs();
    const Runs runs = session_.runs();
    const auto nameOf = [&](qint64 id) {
        for (const RunRecord& run : *runs)
            if (run.id == id)
                return QString("#%1 %2").arg(id).arg(runLabel(run.config, varying_fields(*runs)));
        return QString();
    };
    QString text;
    if (ids.size() == 1) {
        text = tr("selected: %1").arg(nameOf(session_.selection().run()));
    } else if (ids.size() > 2) {
        text = tr("selected: %1 runs").arg(ids.size());
    }
    const RunPair& pair = session_.selection().pair();
    QStringList sides;
    if (pair.a)
        sides << tr("A: %1").arg(ids.size() == 2 ? nameOf(pair.a) : QString("#%1").arg(pair.a));
    if (pair.b)
        sides << tr("B: %1").arg(ids.size() == 2 ? nameOf(pair.b) : QString("#%1").arg(pair.b));
    if (!sides.isEmpty()) text += (text.isEmpty() ? "" : "; ") + sides.join(", ");
    window_->topBar().setSelection(text);
}

QString Workbench::baselineKey() {
    const QByteArray path = session_.path().toUtf8().toBase64(QByteArray::Base64UrlEncoding);
    return QString("baseline/%1/%2")
        .arg(QString::fromLatin1(path))
        .arg(session_.selection().sweep());
}

/// A baseline is kept with the window's settings: it is a way to look, and nothing measured.
void Workbench::recallBaseline() {
    session_.selection().setBaseline(QSettings().value(baselineKey()).toLongLong());
}

void Workbench::showProgress() {
    const SweepProgress& progress = session_.progress();
    const int ended = progress.done + progress.failed;
    window_->setBadge(ViewId::live, progress.active && progress.total > 0
                                        ? tr("%1 %").arg(100 * ended / progress.total)
                                        : QString());
    showGpu();
    showSaved();
}

void Workbench::showSaved() {
    StatusBar& status = window_->status();
    const QString path = session_.path();
    if (path.isEmpty())
        status.setSaved(tr("no database is open"), Tone::info);
    else if (session_.readOnly())
        status.setSaved(tr("read only, %1").arg(path), Tone::warn);
    else
        status.setSaved(tr("all samples saved, %1").arg(path));
}

void Workbench::showHost() {
    const Host host = readHost();
    StatusBar& status = window_->status();
    status.setDevice(tr("%1, %2 threads")
                         .arg(host.cpu.isEmpty() ? tr("cpu") : shortCpuName(host.cpu))
                         .arg(host.threads));
    status.setMemory(host.memory_bytes - host.available_bytes, host.memory_bytes);
    QString clock = host.mhz > 0 ? tr("%1 GHz").arg(host.mhz / 1000, 0, 'f', 1) : QString();
    if (!host.governor.isEmpty()) clock += ", " + host.governor;
    status.setClock(clock);
    if (!host.has_counters)
        status.setCounters(tr("no counters"), Tone::info);
    else if (host.counters_forbidden > 2)
        status.setCounters(tr("counters not allowed"), Tone::warn);
    else
        status.setCounters(tr("counters allowed"), Tone::good);
}

/// The GPU that a sweep runs on, or that the form asks for.
void Workbench::showGpu() {
    int index = session_.progress().active ? session_.progress().gpu : -1;
    if (index < 0 && experiment_ &&
        experiment_->form().control("device")->values().contains("cuda"))
        index = experiment_->form().control("gpu")->values().value(0).toInt();
    const DeviceInfo* gpu = index < 0 ? nullptr : find_gpu(session_.devices(), index);
    window_->status().setGpu(gpu ? QString::fromStdString(gpu->meaning).section(", ", 0, 0)
                                 : QString());
}

bool Workbench::eventFilter(QObject* watched, QEvent* event) {
    if (watched != window_.get() || event->type() != QEvent::Close) return false;
    if (closing_ || !session_.progress().active) return false;
    event->ignore();
    if (!question_) askToClose();
    return true;
}

void Workbench::askToClose() {
    question_ = new QMessageBox(QMessageBox::Question, tr("Sweetspot"),
                                tr("A sweep is under way. Runs that finished are kept; the one in "
                                   "progress would be ended."),
                                QMessageBox::Cancel, window_.get());
    question_->setIconPixmap(themedIcon(Icon::alert, Ink::warn).pixmap(32, 32));
    question_->setDefaultButton(QMessageBox::Cancel);
    question_->setAttribute(Qt::WA_DeleteOnClose);
    auto* close = question_->addButton(tr("End it and close"), QMessageBox::AcceptRole);
    connect(close, &QPushButton::clicked, this, [this] {
        closing_ = true;
        session_.stopNow();
        QTimer::singleShot(0, window_.get(), &QWidget::close);
    });
    connect(question_, &QObject::destroyed, this, [this] { question_ = nullptr; });
    question_->open();
}

} // namespace sweetspot::gui

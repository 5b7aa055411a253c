#include "app/gui/window/workbench.h"
#include "app/analysis/series.h"
#include "app/gui/frame/status_bar.h"
#include "app/gui/frame/top_bar.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/experiment_form.h"
#include "app/gui/pages/experiment_page.h"
#include "app/gui/pages/field_control.h"
#include "app/gui/pages/live_page.h"
#include "app/gui/pages/results_page.h"
#include "app/gui/pages/runs_page.h"
#include "app/gui/pages/welcome_page.h"
#include "app/gui/session/host.h"
#include "app/gui/theme/theme_control.h"
#include "app/gui/widgets/message.h"
#include "app/runner/devices.h"
#include <QEvent>
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QMessageBox>
#include <QPushButton>
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

} // namespace

Workbench::Workbench(ThemeControl& theme)
    : recent_(session_, recent_count), window_(std::make_unique<MainWindow>(views(), theme)) {
    notice_ = new MessageStrip;
    notice_->hide();
    window_->addNotice(notice_);
    window_->installEventFilter(this);
    connect(notice_, &MessageStrip::actionRequested, notice_, &MessageStrip::clear);
    connect(window_.get(), &MainWindow::filesDropped, this, [this](const QStringList& paths) {
        for (const QString& path : paths) openFile(path);
    });
    connect(window_.get(), &MainWindow::selectionCleared, this,
            [this] { session_.selection().setRuns({}); });
    addCommands();
    connectSession();
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
    set(ViewId::live, [this] { return new LivePage(session_); });
    set(ViewId::results, [this] { return new ResultsPage(session_); });
    set(ViewId::runs, [this] { return new RunsPage(session_); });
    return all;
}

Page* Workbench::makeWelcome() {
    auto* page = new WelcomePage(session_, recent_);
    connect(page, &WelcomePage::openSpecRequested, this, [this] {
        window_->showView(ViewId::experiment);
        experiment().askAndOpen();
    });
    connect(page, &WelcomePage::openResultsRequested, this, &Workbench::openResults);
    connect(page, &WelcomePage::presetChosen, this, &Workbench::openFile);
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
    connect(page, &ExperimentPage::saved, this, [this](const QString& path) {
        notice_->tell(Tone::good, tr("Saved"), tr("as %1; it is among the presets now.").arg(path),
                      tr("Close"));
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
    const QString sweep = tr("Sweep");
    window_->addCommand(tr("Pause or go on"), Icon::pause, QKeySequence("Ctrl+P"), sweep,
                        [this] { session_.setPaused(!session_.progress().paused); });
    window_->addCommand(tr("Stop after this run"), Icon::stop, QKeySequence("Ctrl+."), sweep,
                        [this] { session_.stop(); });
}

void Workbench::connectSession() {
    connect(&session_, &Session::problem, this, &Workbench::tell);
    connect(&session_, &Session::sweepStarted, this, [this] {
        notice_->clear();
        window_->showView(ViewId::live);
    });
    connect(&session_, &Session::devicesChanged, this, &Workbench::showGpu);
    connect(&session_, &Session::progressChanged, this, &Workbench::showProgress);
    connect(&session_, &Session::sweepEnded, this, &Workbench::showProgress);
    connect(&session_, &Session::opened, this, [this] {
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
}

void Workbench::tell(const QString& sentence) {
    // The first line is the fact; what follows explains it.
    const qsizetype end = sentence.indexOf('\n');
    notice_->tell(Tone::bad, end < 0 ? sentence : sentence.left(end),
                  end < 0 ? QString() : sentence.mid(end + 1).replace('\n', "; "), tr("Close"));
}

void Workbench::openFile(const QString& path) {
    notice_->clear();
    if (isDatabase(path)) {
        session_.open(path);
        window_->showView(ViewId::runs);
    } else if (QFileInfo(path).suffix() == "jsonl") {
        session_.importFile(path);
        window_->showView(ViewId::runs);
    } else if (experiment().openSpec(path)) {
        window_->showView(ViewId::experiment);
    }
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
    } else if (ids.size() == 2) {
        const RunPair& pair = session_.selection().pair();
        text = tr("A: %1, B: %2").arg(nameOf(pair.a), nameOf(pair.b));
    } else if (!ids.isEmpty()) {
        text = tr("selected: %1 runs").arg(ids.size());
    }
    window_->topBar().setSelection(text);
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
    if (host.counters_forbidden > 2)
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

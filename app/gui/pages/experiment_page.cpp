#include "app/gui/pages/experiment_page.h"
#include "app/analysis/fit.h"
#include "app/gui/frame/main_window.h"
#include "app/gui/pages/command_text.h"
#include "app/gui/pages/experiment_form.h"
#include "app/gui/pages/goal_card.h"
#include "app/gui/pages/plan_preview.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include "engine/config/resources.h"
#include "kernels/core/error.h"
#include <QAction>
#include <QClipboard>
#include <QDir>
#include <QFileDialog>
#include <QGuiApplication>
#include <QSaveFile>
#include <QSettings>
#include <QSplitter>
#include <QStandardPaths>

// Run: what to measure. A form on the left, what it would take on the right; predictions follow the
// typing, and Run starts what is seen.

namespace sweetspot::gui {
namespace {

const char* const setting = "experiment/spec";

/// What the form said last, else the quickstart, else one point.
Spec firstSpec() {
    const std::string kept = QSettings().value(setting).toString().toStdString();
    try {
        if (!kept.empty()) return spec_from_json(kept, "the form as it was");
        return load_spec(resource_path("experiments/quickstart.json"));
    } catch (const Error&) { // of another version, or not installed: begin anew
        return {};
    }
}

} // namespace

QString ownSpecsFolder() {
    const QString folder = QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) +
                           "/sweetspot/experiments";
    QDir().mkpath(folder);
    return folder;
}

ExperimentPage::ExperimentPage(Session& session, RecentSweeps& recent)
    : session_(session), recent_(recent), form_(new ExperimentForm), preview_(new PlanPreview),
      goal_(new GoalCard(session)) {
    auto* splitter = new QSplitter;
    splitter->setChildrenCollapsible(false);
    splitter->setHandleWidth(1);
    auto* left = scrolled(form_);
    left->setMinimumWidth(440);
    auto* beside = new QWidget;
    auto* goal = column({goal_});
    goal->setContentsMargins(20, 0, 24, 14);
    auto* plan = column({preview_}, 0);
    plan->addLayout(goal);
    plan->addStretch(1);
    beside->setLayout(plan);
    auto* right = scrolled(beside);
    right->setMinimumWidth(440);
    splitter->addWidget(left);
    splitter->addWidget(right);
    splitter->setStretchFactor(0, 1);
    splitter->setStretchFactor(1, 1);
    splitter->setSizes({1000, 1000}); // halves, until a person moves it
    rememberSplitter(splitter, "experiment");
    auto* layout = column({splitter}, 0);
    setLayout(layout);
    addActions();

    ask_timer_.setSingleShot(true);
    ask_timer_.setInterval(150);
    connect(&ask_timer_, &QTimer::timeout, this, &ExperimentPage::askForPlan);
    connect(form_, &ExperimentForm::changed, this, &ExperimentPage::formChanged);
    connect(preview_, &PlanPreview::runRequested, this, &ExperimentPage::run);
    connect(&planner_, &Planner::planned, this, &ExperimentPage::takePlan);
    connect(&session, &Session::predicted, this,
            [this](const Runs& records) { preview_->setPredictions(records); });
    connect(&session, &Session::measuredCounted, preview_, &PlanPreview::setMeasured);
    connect(&session, &Session::sweepsChanged, this, [this] {
        offerTrained();
        if (plan_) session_.countMeasured(plan_->runs);
    });
    for (auto told : {&Session::progressChanged, &Session::sweepsChanged})
        connect(&session, told, this, &ExperimentPage::showObstacles);
    connect(&session, &Session::opened, this, &ExperimentPage::showObstacles);
    connect(&session, &Session::devicesChanged, this, &ExperimentPage::showDevices);
    connect(&recent, &RecentSweeps::changed, this,
            [this] { preview_->setEstimate(recent_.estimate()); });
    connect(&host_timer_, &QTimer::timeout, this, [this] {
        if (isVisible()) preview_->setHost(readHost());
    });
    connect(goal_, &GoalCard::runRequested, this, &ExperimentPage::runRequested);
    host_timer_.start(5000);
    preview_->setHost(readHost());
    preview_->setEstimate(recent.estimate());
    showDevices();
    offerTrained();
    setSpec(firstSpec());
}

void ExperimentPage::addActions() {
    copy_ = button(tr("Copy as command"), Icon::file, ButtonKind::ghost);
    auto* open = button(tr("Open spec"), Icon::folder, ButtonKind::ghost);
    auto* save = button(tr("Save as preset"), Icon::pin, ButtonKind::ghost);
    connect(copy_, &QPushButton::clicked, this, &ExperimentPage::copyCommand);
    connect(open, &QPushButton::clicked, this, &ExperimentPage::askAndOpen);
    connect(save, &QPushButton::clicked, this, &ExperimentPage::askAndSave);
    for (QPushButton* each : {copy_, open, save}) addTopWidget(each);

    const auto act = [this](const QString& text, const QKeySequence& keys, auto run) {
        auto* action = new QAction(text, this);
        action->setShortcut(keys);
        action->setProperty("group", tr("Experiment"));
        connect(action, &QAction::triggered, this, run);
        addAction(action);
    };
    act(tr("Run the sweep"), QKeySequence("Ctrl+Return"), &ExperimentPage::run);
    act(tr("Save as preset"), QKeySequence("Ctrl+S"), &ExperimentPage::askAndSave);
    act(tr("Copy as command"), QKeySequence("Ctrl+Shift+C"), &ExperimentPage::copyCommand);
}

void ExperimentPage::setSpec(const Spec& spec) {
    form_->setSpec(spec);
}

bool ExperimentPage::openSpec(const QString& path) {
    try {
        setSpec(load_spec(path.toStdString()));
        return true;
    } catch (const Error& e) {
        emit problem(QString::fromStdString(e.what()));
        return false;
    }
}

bool ExperimentPage::saveSpec(const QString& path) {
    QSaveFile file(path);
    const QByteArray text = QByteArray::fromStdString(to_json(form_->spec())) + '\n';
    if (file.open(QIODevice::WriteOnly) && file.write(text) == text.size() && file.commit()) {
        emit saved(path);
        return true;
    }
    emit problem(tr("%1 could not be written: %2.").arg(path, file.errorString()));
    return false;
}

void ExperimentPage::askAndOpen() {
    const QString path = QFileDialog::getOpenFileName(this, tr("Open an experiment"),
                                                      ownSpecsFolder(), tr("Specs (*.json)"));
    if (!path.isEmpty()) openSpec(path);
}

void ExperimentPage::askAndSave() {
    const QString name = QString::fromStdString(form_->spec().name).replace('/', '-');
    const QString path = QFileDialog::getSaveFileName(
        this, tr("Save as preset"), ownSpecsFolder() + '/' + name + ".json", tr("Specs (*.json)"));
    if (!path.isEmpty()) saveSpec(path);
}

void ExperimentPage::copyCommand() {
    const std::filesystem::path store = session_.path().toStdString();
    QGuiApplication::clipboard()->setText(QString::fromStdString(
        commandOf(form_->spec(), store == default_store_path() ? "" : store)));
    copy_->setText(tr("Copied"));
    QTimer::singleShot(1500, copy_, [this] { copy_->setText(tr("Copy as command")); });
}

void ExperimentPage::run() {
    setFocus(); // what is being typed is taken before the form is read
    if (ask_timer_.isActive()) askForPlan();
    if (!form_->problems().isEmpty() || !preview_->runButton()->isEnabled()) return;
    session_.enqueue({form_->spec(), preview_->again(), preview_->misfits()});
}

void ExperimentPage::formChanged() {
    const Spec spec = form_->spec();
    setContext(QString::fromStdString(spec.name));
    goal_->offer(spec, memory_limit(spec.base, {readHost().available_bytes, session_.devices()}));
    showObstacles();
    ask_timer_.start();
}

void ExperimentPage::askForPlan() {
    ask_timer_.stop();
    if (!form_->problems().isEmpty()) return; // they stand beside their fields
    const Spec spec = form_->spec();
    QSettings().setValue(setting, QString::fromStdString(to_json(spec)));
    planner_.plan(spec);
}

void ExperimentPage::takePlan(const std::shared_ptr<const PlannedSpec>& plan) {
    plan_ = plan;
    preview_->setPlan(plan);
    session_.countMeasured(plan->runs);
    form_->setNotes(plan->notes);
    const auto configs = preview_->possible();
    if (!configs.empty()) session_.predict(configs);
}

void ExperimentPage::offerTrained() {
    QList<std::pair<QString, qint64>> trained;
    for (const SavedModel& model : session_.savedModels())
        trained << std::pair(QString::fromStdString(model.folder), qint64(model.run_id));
    form_->offerTrained(trained);
}

void ExperimentPage::showDevices() {
    form_->setDevices(session_.devices());
    preview_->setDevices(session_.devices());
}

void ExperimentPage::showObstacles() {
    const QStringList wrong = form_->problems();
    QString reason;
    if (!wrong.isEmpty())
        reason = wrong.join(' ');
    else if (!session_.path().isEmpty() && session_.readOnly())
        reason = tr("The database is open to read only, so nothing could be kept.");
    preview_->setBlocked(reason);
    preview_->setMeasuring(session_.progress().active);
}

} // namespace sweetspot::gui

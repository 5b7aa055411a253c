#include "app/gui/pages/live_page.h"
#include "app/analysis/format.h"
#include "app/analysis/statistics.h"
#include "app/gui/frame/panes.h"
#include "app/gui/models/log_model.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/live_header.h"
#include "app/gui/pages/log_card.h"
#include "app/gui/pages/plot_choice_bar.h"
#include "app/gui/pages/queue_line.h"
#include "app/gui/pages/training_curves.h"
#include "app/gui/plot/legend.h"
#include "app/gui/session/host.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/message.h"
#include "app/runner/devices.h"
#include <QResizeEvent>
#include <algorithm>

// Watch: how far a sweep is, its plots growing run by run, a cell for every run, and what happened,
// line by line. The same page shows a sweep that has ended. It compares what it shows with the
// session's runs and touches only what changed, so that looking on costs the measurement nothing.

namespace sweetspot::gui {
namespace {

constexpr int least_height_with_log = 760, most_strip_height = 154, low_strip_height = 112;
constexpr int lowest_height = 640, lowest_strip_height = 66; // below it plots need all there is
constexpr int most_facet_pills = 6;                          // more are a list

bool hasEnded(RunStatus status) {
    return status == RunStatus::done || status == RunStatus::failed ||
           status == RunStatus::impossible;
}

/// The memory that all runs have to share: what they were allowed, else what the device has.
std::vector<PlotLimit> memoryLimits(const Session& session) {
    const auto& runs = *session.runs();
    const RunConfig& config = runs.front().config;
    const auto line = [](const QString& name, double bytes) -> std::vector<PlotLimit> {
        if (bytes <= 0) return {};
        return {
            {.name = QString("%1 %2").arg(name, bytesText(bytes)).toStdString(), .value = bytes}};
    };
    if (std::any_of(runs.begin(), runs.end(), [&](const RunRecord& run) {
            return run.config.on_gpu() != config.on_gpu() ||
                   run.config.memory_limit_bytes != config.memory_limit_bytes;
        }))
        return {};
    if (config.memory_limit_bytes > 0)
        return line(QObject::tr("memory limit"), double(config.memory_limit_bytes));
    if (config.on_gpu()) {
        const DeviceInfo* gpu = find_gpu(session.devices(), config.gpu);
        return line(QObject::tr("device memory"), gpu ? gpu->memory_bytes : 0);
    }
    for (const RunRecord& run : runs)
        if (const auto bytes = run.environment.find("memory_bytes"); bytes != run.environment.end())
            return line(QObject::tr("memory"), QString::fromStdString(bytes->second).toDouble());
    return line(QObject::tr("memory"), readHost().memory_bytes);
}

} // namespace

LivePage::LivePage(Session& session)
    : SweepPage(session, {Icon::live, tr("Nothing is running"),
                          tr("Memory, runtime and throughput grow here while a sweep runs. "
                             "Start one, or open one from Runs."),
                          tr("New experiment"), ViewId::experiment}) {
    log_model_ = new LogModel(this);
    setContent(makeContent());
    connect(&session_, &Session::progressChanged, this, &LivePage::takeProgress);
    connect(&session_, &Session::sweepsChanged, this, &LivePage::takeProgress);
    connect(&session_, &Session::sweepEnded, this, &LivePage::takeProgress);
}

void LivePage::showSelection(const QSet<qint64>& ids) {
    showFacetOf(session_.selection().run());
    for (Plot& plot : plots_) plot.group->setSelected(ids);
}

QWidget* LivePage::makeContent() {
    elsewhere_ = new MessageStrip;
    elsewhere_->clear();
    said_ = new MessageStrip;
    said_->clear();
    header_ = new LiveHeader;
    log_ = new LogCard(*log_model_);
    makePlots();
    makePanes();

    auto* content = new QWidget;
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins(24, 16, 24, 16);
    layout->setSpacing(12);
    layout->addWidget(elsewhere_);
    layout->addWidget(header_);
    layout->addLayout(makeQueue());
    layout->addLayout(makeChoices());
    layout->addWidget(panes_, 1);
    layout->addWidget(makeStrip());
    layout->addWidget(log_);

    connect(elsewhere_, &MessageStrip::actionRequested, this,
            [this] { session_.selection().setSweep(session_.progress().sweep_id); });
    said_->floatOver(content);
    connect(said_, &MessageStrip::actionRequested, said_, &MessageStrip::clear);
    connect(header_, &LiveHeader::pauseRequested, &session_, &Session::setPaused);
    connect(header_, &LiveHeader::stopRequested, &session_, &Session::stop);
    connect(header_, &LiveHeader::stopNowRequested, &session_, &Session::stopNow);
    connect(header_, &LiveHeader::resumeRequested, this, &LivePage::resume);
    connect(header_, &LiveHeader::trainedRequested, this, &LivePage::takeTrained);
    connect(log_, &LogCard::runChosen, this, &LivePage::choose);
    connect(log_, &LogCard::exported, this,
            [this](const QString& said) { said_->tell(Tone::info, said, {}, tr("Dismiss")); });
    return content;
}

/// What trainings say of their steps stands above what each run gave.
void LivePage::makePanes() {
    curves_ = new TrainingCurves(session_, this);
    panes_ = new Panes("live");
    const auto& curves = curves_->panes();
    panes_->add(curves[0].key, curves[0].title, curves[0].card, 2);
    QString beside = curves[0].key;
    Qt::Orientation along = Qt::Vertical;
    for (const Plot& plot : plots_) {
        const QString key = QString::fromStdString(plot.metric);
        panes_->add(key, plot.card->accessibleName(), plot.card, 2, beside, along);
        beside = key;
        along = Qt::Horizontal;
    }
    for (int i = 1; i < curves.size(); ++i)
        panes_->add(curves[i].key, curves[i].title, curves[i].card, 1, curves[i - 1].key, along);
    panes_->begin();
    addTopWidget(panes_->makeButton());
    for (const auto& pane : curves) {
        connect(pane.group, &PlotGroup::pointClicked, this, &LivePage::choose);
        connect(pane.group, &PlotGroup::exported, this, &LivePage::tellExported);
    }
}

void LivePage::tellExported(const QString& said, bool ok) {
    said_->tell(ok ? Tone::good : Tone::bad, said, {}, tr("Dismiss"));
}

/// What was taken from the queue can be had again.
QLayout* LivePage::makeQueue() {
    auto* queue = new QueueLine(session_);
    auto* taken = new MessageStrip;
    taken->clear();
    connect(queue, &QueueLine::taken, this,
            [this, taken](const SweepOrder& order, std::size_t place) {
                disconnect(taken, &MessageStrip::actionRequested, this, nullptr);
                connect(taken, &MessageStrip::actionRequested, this, [this, taken, order, place] {
                    taken->clear();
                    session_.queueAt(place, order);
                });
                taken->tell(
                    Tone::info,
                    tr("%1 was taken from the queue.").arg(QString::fromStdString(order.spec.name)),
                    {}, tr("Undo"));
            });
    return column({taken, queue});
}

void LivePage::makePlots() {
    for (const SweepPlot& kind : sweep_plots) {
        Plot plot{kind.metric, new Card(tr(kind.title)), new PlotGroup, nullptr};
        plot.growing = std::make_unique<GrowingPlot>(*plot.group);
        plot.card->head()->addWidget(plot.group->makeExportButton());
        plot.card->body()->addWidget(plot.group, 1);
        connect(plot.group, &PlotGroup::pointClicked, this, &LivePage::choose);
        connect(plot.group, &PlotGroup::exported, this, &LivePage::tellExported);
        plots_.push_back(std::move(plot));
    }
    for (size_t i = 1; i < plots_.size(); ++i)
        plots_[i].group->follow(plots_.front().group->legend());
}

QLayout* LivePage::makeChoices() {
    choice_bar_ = new PlotChoiceBar(false);
    facet_pills_ = new PillGroup({});
    facet_list_ = new Select;
    facet_list_->setAccessibleName(tr("Facet shown"));
    facet_name_ = caption({});
    plot_note_ = label({}, 12, QFont::Normal, Ink::warn);
    Legend* legend = plots_.front().group->legend();
    auto* line = row({facet_name_, facet_pills_, facet_list_, plot_note_, nullptr, choice_bar_});
    legend->show();
    auto* lines = column({}, 4);
    lines->addLayout(line);
    lines->addWidget(legend); // in a row of its own, or the two squeeze each other
    connect(choice_bar_, &PlotChoiceBar::chosen, this,
            [this] { startPlots(choice_bar_->choice()); });
    connect(facet_pills_, &PillGroup::chosen, this, &LivePage::showFacets);
    connect(facet_list_, &QComboBox::currentIndexChanged, this,
            [this](int facet) { facet_pills_->setCurrent(facet); });
    return lines;
}

Card* LivePage::makeStrip() {
    auto* card = new Card(tr("Run strip"));
    card->head()->addWidget(new RunStateLegend);
    strip_ = new RunStrip;
    strip_->setAccessibleName(tr("Run strip"));
    strip_->setFocusPolicy(Qt::StrongFocus);
    strip_area_ = scrolled(strip_);
    strip_area_->setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    card->body()->addWidget(strip_area_);
    card->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    const auto at = [this](int row, int cell) {
        return size_t(strip_layout_.runs[size_t(row)][size_t(cell)]);
    };
    connect(strip_, &RunStrip::activated, this,
            [this, at](int row, int cell) { choose(ids_[at(row, cell)]); });
    strip_->setDescriber([this, at](int row, int cell) {
        const auto& runs = *session_.runs();
        const size_t run = at(row, cell);
        return run < runs.size()
                   ? QString("#%1 %2").arg(runs[run].id).arg(runLabel(runs[run].config, varying_))
                   : QString();
    });
    return card;
}

QList<PlotGroup*> LivePage::plotGroups() const {
    QList<PlotGroup*> groups;
    for (const Plot& plot : plots_) groups << plot.group;
    return groups;
}

/// What is left of the sweep shown, as a sweep of its own that takes over what stands.
void LivePage::resume() {
    for (const SweepInfo& sweep : *session_.sweeps()) {
        if (sweep.id != session_.selection().sweep()) continue;
        try {
            session_.enqueue(rest_of(sweep, *session_.runs()));
        } catch (const Error& e) {
            said_->tell(Tone::bad, QString::fromStdString(e.what()), {}, tr("Dismiss"));
        }
        return;
    }
}

/// What the chosen run trained, else the last.
void LivePage::takeTrained() {
    const RunRecord* found = nullptr;
    for (const RunRecord& run : *session_.runs()) {
        if (savedModel(run).isEmpty()) continue;
        found = &run;
        if (run.id == session_.selection().run()) break;
    }
    if (found) emit trainedRequested(*found);
}

/// Brings the facet of a run forward.
void LivePage::showFacetOf(qint64 run_id) {
    const auto& runs = *session_.runs();
    const auto run = std::find_if(runs.begin(), runs.end(),
                                  [&](const RunRecord& each) { return each.id == run_id; });
    if (run == runs.end() || runs.size() != ids_.size()) return;
    facet_pills_->setCurrent(layout_.places[size_t(run - runs.begin())].facet);
}

void LivePage::choose(qint64 run_id) {
    session_.selection().setRuns({run_id});
}

void LivePage::resizeEvent(QResizeEvent* event) {
    Page::resizeEvent(event);
    log_->suggestOpen(event->size().height() >= least_height_with_log);
    log_->setVisible(event->size().height() >= lowest_height);
    fitStrip();
}

/// The plots come first where it is low.
void LivePage::fitStrip() {
    const int most = height() >= least_height_with_log ? most_strip_height
                     : height() >= lowest_height       ? low_strip_height
                                                       : lowest_strip_height;
    strip_area_->setFixedHeight(std::min(most, strip_->sizeHint().height()));
}

/// What changed is found by comparing: most of the time nothing or one run did.
void LivePage::takeRuns() {
    const auto& runs = *session_.runs();
    const bool same =
        std::equal(runs.begin(), runs.end(), ids_.begin(), ids_.end(),
                   [](const RunRecord& run, std::int64_t id) { return run.id == id; });
    if (!same) begin();
    advance();
    if (trains_) curves_->follow();
    takeProgress();
}

void LivePage::begin() {
    const auto& runs = *session_.runs();
    ids_.clear();
    for (const RunRecord& run : runs) ids_.push_back(run.id);
    seen_.assign(runs.size(), RunStatus::planned);
    states_.assign(runs.size(), RunState::queued);
    varying_ = varying_fields(runs);
    log_model_->clear();
    showEmpty(std::ranges::all_of(
        runs, [](const RunRecord& run) { return run.status == RunStatus::impossible; }));
    if (!runs.empty()) startPlots(default_choice(runs, plots_.front().metric));
}

void LivePage::startPlots(const PlotChoice& choice) {
    const auto& runs = *session_.runs();
    layout_ = plot_layout(runs, choice);
    choice_bar_->offer(varying_, {}, choice);
    strip_layout_ = stripLayout(runs, layout_, varying_);
    for (size_t i = 0; i < runs.size(); ++i) {
        const QPoint place = strip_layout_.places[i];
        strip_layout_.rows[place.y()].cells[place.x()] = states_[i];
    }
    strip_->setRows(strip_layout_.rows, strip_layout_.groups);
    fitStrip();
    for (Plot& plot : plots_) {
        PlotLayout layout = layout_;
        layout.choice.y = plot.metric;
        plot.growing->start(std::move(layout));
        if (plot.metric == "peak_bytes") {
            for (size_t i = 0; i < runs.size(); ++i)
                if (const double peak = session_.predictedPeak(runs[i]); peak > 0)
                    plot.growing->predict(i, runs[i], peak);
            plot.growing->setLimits(memoryLimits(session_));
        }
        for (size_t i = 0; i < runs.size(); ++i)
            if (hasEnded(seen_[i])) plot.growing->add(i, runs[i]);
    }
    QStringList values;
    const bool one = choice.facet.size() == 1; // then the pills need not repeat its name
    for (const std::string& facet : layout_.facets) {
        const QString name = QString::fromStdString(facet);
        values << (one && name.contains(' ') ? name.section(' ', 1) : name);
    }
    facet_name_->setText(one ? QString::fromStdString(choice.facet.front()) : QString());
    facet_pills_->setItems(values, 0);
    const QSignalBlocker block(facet_list_);
    facet_list_->clear();
    facet_list_->addItems(values);
    facet_pills_->setVisible(!choice.facet.empty() && values.size() <= most_facet_pills);
    facet_list_->setVisible(values.size() > most_facet_pills);
    plot_note_->setText(QString::fromStdString(plot_note(layout_, varying_)));
    for (Plot& plot : plots_) plot.growing->flush();
    showFacets();
    hideEmptyPlots();
}

void LivePage::showFacets() {
    const int facet = facet_pills_->current();
    const QSignalBlocker block(facet_list_);
    facet_list_->setCurrentIndex(facet);
    const bool known = facet >= 0 && facet < int(layout_.facets.size());
    const QString name = known ? QString::fromStdString(layout_.facets[size_t(facet)]) : QString();
    for (Plot& plot : plots_) {
        plot.growing->showFacet(facet);
        plot.card->setNote(name);
        const QString title = QString::fromStdString(axis_of(plot.metric, 1).title);
        plot.group->setExportWords(QString("%1, %2").arg(context(), title), name);
    }
}

/// Of trainings alone the curves tell more than a point each.
void LivePage::hideEmptyPlots() {
    const auto& runs = *session_.runs();
    const auto any = [&](const auto& meets) {
        return std::any_of(runs.begin(), runs.end(),
                           [&](const RunRecord& run) { return meets(run.config); });
    };
    const auto trains = [](const RunConfig& config) {
        return config.task == Task::train && config.device != DeviceKind::plan;
    };
    trains_ = any(trains);
    const bool others = any([&](const RunConfig& config) { return !trains(config); });
    for (const auto& pane : curves_->panes()) panes_->setUseful(pane.key, trains_);
    for (Plot& plot : plots_) {
        const bool useful = any([&](const RunConfig& config) {
            if (plot.metric == "perplexity") return scope::is_scored(config);
            return plot.metric == "peak_bytes" ||
                   config.device != DeviceKind::plan; // times nothing
        });
        panes_->setUseful(QString::fromStdString(plot.metric), others && useful);
    }
    for (QWidget* each : std::initializer_list<QWidget*>{plots_.front().group->legend(),
                                                         choice_bar_, plot_note_, facet_name_})
        each->setVisible(others);
    if (!others) facet_pills_->hide(), facet_list_->hide();
    if (trains_) curves_->showNow();
}

void LivePage::advance() {
    const auto& runs = *session_.runs();
    std::vector<int> changed;
    for (size_t i = 0; i < runs.size(); ++i)
        if (seen_[i] != runs[i].status) changed.push_back(int(i));
    if (changed.empty() && !runs.empty()) return showCounts();
    std::stable_sort(changed.begin(), changed.end(), [&](int a, int b) {
        const auto when = [&](int i) {
            const RunRecord& run = runs[size_t(i)];
            return run.ended_unix_seconds > 0 ? run.ended_unix_seconds : 1e300;
        };
        return when(a) < when(b);
    });
    QList<LogLine> lines;
    for (const int i : changed) {
        const RunRecord& run = runs[size_t(i)];
        seen_[size_t(i)] = run.status;
        states_[size_t(i)] = runState(run);
        const QPoint place = strip_layout_.places[size_t(i)];
        strip_->setState(place.y(), place.x(), states_[size_t(i)]);
        if (hasEnded(run.status))
            for (Plot& plot : plots_) plot.growing->add(size_t(i), run);
        if (run.status != RunStatus::impossible && run.status != RunStatus::planned)
            lines << logLineOf(run, states_[size_t(i)], varying_);
    }
    for (Plot& plot : plots_) plot.growing->flush();
    log_model_->append(lines);
    log_->refresh();
    showCounts();
}

void LivePage::showCounts() {
    RunCounts counts;
    int impossible = 0;
    for (const RunState state : states_) {
        counts.done += state == RunState::done;
        counts.flagged += state == RunState::flagged;
        counts.failed += state == RunState::failed;
        counts.running += state == RunState::running;
        impossible += state == RunState::will_not_fit;
    }
    counts.total = int(states_.size()) - impossible;
    header_->showCounts(counts, impossible);
}

void LivePage::takeProgress() {
    if (!isVisible()) return;
    const SweepProgress& progress = session_.progress();
    const auto selected = session_.selection().sweep();
    const bool running = progress.active && progress.sweep_id == selected;
    if (progress.active && !running)
        elsewhere_->tell(Tone::info, tr("%1 is running.").arg(progress.name),
                         tr("Another experiment is shown here."), tr("Show it"));
    else
        elsewhere_->clear();
    const auto& runs = *session_.runs();
    const bool current = running && progress.current >= 0 && progress.current < int(runs.size());
    const RunRecord* run = current ? &runs[size_t(progress.current)] : nullptr;
    header_->showProgress(progress, running, run);
    if (runs.size() != ids_.size()) return;
    if (!running) {
        LiveHeader::Past past{.began = 1e300};
        for (const RunRecord& run : runs) {
            if (run.started_unix_seconds > 0)
                past.began = std::min(past.began, run.started_unix_seconds);
            past.ended = std::max(past.ended, run.ended_unix_seconds);
            past.elsewhere = past.elsewhere || run.status == RunStatus::running;
            past.left += run.status == RunStatus::planned || wasStopped(run);
            past.failed += run.status == RunStatus::failed && !wasStopped(run);
            past.trained = past.trained || !savedModel(run).isEmpty();
        }
        if (past.elsewhere) past.ended = 0;
        if (session_.readOnly()) past.locked = tr("The database is open to read only.");
        header_->showPast(past);
    }
    header_->showCurrent(run, progress.current, varying_);
}

} // namespace sweetspot::gui

#include "app/gui/pages/timeline_page.h"
#include "app/analysis/format.h"
#include "app/experiment/unix_seconds.h"
#include "app/gui/frame/panes.h"
#include "app/gui/models/run_text.h"
#include "app/gui/table/table_view.h"
#include "app/gui/timeline/flame_view.h"
#include "app/gui/timeline/roofline_view.h"
#include "app/gui/timeline/sums_model.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/message.h"
#include "app/runner/devices.h"
#include "app/store/ceilings_file.h"
#include "app/store/trace_path.h"
#include "profiler/trace/file.h"
#include <QLineEdit>
#include <QPointer>
#include <QPushButton>
#include <QScrollArea>
#include <QSortFilterProxyModel>
#include <QStackedWidget>
#include <QThreadPool>

// Traces lie in files beside the database. They are read, and recorded where there are none yet, in
// other threads; the newest question is answered.

namespace sweetspot::gui {

namespace {

constexpr int sums_delay_ms = 80; ///< after the last move: summing a million events takes as long

QString words(const std::string& text) {
    return QString::fromStdString(text);
}

QString named(qint64 run) {
    return TimelinePage::tr("Run %1").arg(run);
}

} // namespace

struct TimelinePage::Loaded {
    int question = 0;
    std::vector<TimelineView::Shown> timelines{};
    Ceilings ceilings{};
    QString problem{};
};

TimelinePage::TimelinePage(Session& session)
    : SweepPage(session, {Icon::timeline, tr("No timeline yet"),
                          tr("Open an experiment from Runs, or start a new one."),
                          tr("Show all runs"), ViewId::runs}) {
    setContent(makeContent());
    sums_timer_.setSingleShot(true);
    connect(&sums_timer_, &QTimer::timeout, this, &TimelinePage::showSums);
    connect(view_, &TimelineView::seenChanged, this, [this] { sums_timer_.start(sums_delay_ms); });
    connect(view_, &TimelineView::rangeChanged, this,
            [this](const std::optional<TimeRange>& range) {
                session_.selection().setTime(range);
                sums_timer_.start(sums_delay_ms);
            });
    connect(&session.selection(), &Selection::timeChanged, view_,
            [this](const std::optional<TimeRange>& range) { view_->setRange(range); });
    connect(by_, &PillGroup::chosen, this, &TimelinePage::showSums);
    connect(shape_, &PillGroup::chosen, this, &TimelinePage::showShape);
    connect(flame_, &FlameView::regionClicked, view_, &TimelineView::setMarked);
    connect(search_, &QLineEdit::textChanged, this, [this](const QString& text) {
        view_->setSearch(text);
        flame_->setSearch(text);
        proxy_->setFilterFixedString(text);
    });
    connect(table_, &TableView::rowsSelected, this, [this](const QList<int>& rows) {
        const int row = rows.isEmpty() ? -1 : proxy_->mapToSource(proxy_->index(rows[0], 0)).row();
        view_->setMarked(row < 0 ? none : sums_->sum(row).region);
        roofline_->setMarked(row);
    });
    connect(record_, &QPushButton::clicked, this, &TimelinePage::record);
    connect(&session, &Session::progressChanged, this, &TimelinePage::offerRecord);
    connect(&session, &Session::sweepEnded, this, &TimelinePage::offerRecord);
    connect(&session.selection(), &Selection::runChanged, this, [this] {
        if (isVisible()) chooseRun();
    });
    connect(&session.selection(), &Selection::pairChanged, this, [this] {
        if (isVisible()) chooseRun();
    });
}

TimelinePage::~TimelinePage() = default;

QWidget* TimelinePage::makeContent() {
    said_ = new MessageStrip;
    said_->clear();
    view_ = new TimelineView;
    time_card_ = new Card(tr("Timeline"));
    search_ = new QLineEdit;
    search_->setPlaceholderText(tr("Find a kernel, op or layer"));
    search_->setClearButtonEnabled(true);
    search_->setFixedWidth(220);
    time_card_->head()->addWidget(search_);
    auto* scroll = scrolled(view_);
    time_card_->body()->addWidget(scroll, 1);

    by_ = new PillGroup({tr("Kernel"), tr("Op"), tr("Layer")}, 1);
    sums_card_ = new Card(tr("What takes the time"));
    sums_card_->head()->addWidget(by_);
    sums_ = new SumsModel(this);
    proxy_ = new QSortFilterProxyModel(this);
    proxy_->setSourceModel(sums_);
    proxy_->setSortRole(sort_role);
    proxy_->setFilterCaseSensitivity(Qt::CaseInsensitive);
    table_ = new TableView;
    table_->setModel(proxy_);
    table_->setSortingEnabled(true);
    table_->sortByColumn(SumsModel::time, Qt::DescendingOrder);
    table_->setStretchColumn(SumsModel::name);
    table_->setCornerWidget(new QWidget); // the style would paint its own between the bars
    table_->setAccessibleName(tr("Sums over the visible range"));
    sums_card_->body()->addWidget(table_, 1);

    roofline_ = new RooflineView(*sums_);
    flame_ = new FlameView;
    shapes_ = new QStackedWidget;
    shapes_->addWidget(roofline_);
    shapes_->addWidget(scrolled(flame_));
    shape_ = new PillGroup({tr("Roofline"), tr("Flame graph"), tr("Inverted")}, 0);
    shape_->setToolTip(tr("The flame graph shows what each region's time went into; inverted, by "
                          "whom each op was called"));
    shape_card_ = new Card(tr("Why"));
    shape_card_->head()->addWidget(shape_);
    shape_card_->body()->addWidget(shapes_, 1);
    record_ = button(tr("Record a trace"), Icon::play);
    addTopWidget(record_);

    panes_ = new Panes("timeline");
    panes_->add("timeline", tr("Timeline"), time_card_, 9);
    panes_->add("sums", tr("What takes the time"), sums_card_, 6, "timeline", Qt::Vertical);
    panes_->add("why", tr("Why"), shape_card_, 4, "sums", Qt::Horizontal);
    panes_->begin();
    addTopWidget(panes_->makeButton());
    auto* content = new QWidget;
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins(24, 16, 24, 16);
    layout->setSpacing(12);
    untraced_ =
        new EmptyState(Icon::timeline, tr("Not traced in full"),
                       tr("Record a trace: one step of it again, with every instrument there is."),
                       tr("Record a trace"));
    connect(untraced_, &EmptyState::actionRequested, this, &TimelinePage::record);
    nothing_ = emptyPage(untraced_);
    nothing_->layout()->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(said_);
    layout->addWidget(panes_, 1);
    layout->addWidget(nothing_, 1);
    return content;
}

void TimelinePage::takeRuns() {
    showEmpty(session_.runs()->empty());
    chooseRun();
    outdate(); // what other programs record is told by files alone
}

void TimelinePage::showSelection(const QSet<qint64>&) {
    if (isVisible()) chooseRun();
}

/// The run that is explained, and the other of a pair; else the sweep's first that has a trace,
/// else its first.
void TimelinePage::chooseRun() {
    if (session_.runs()->empty()) return;
    const auto has_trace = [&](qint64 run) {
        return std::filesystem::exists(trace_path(session_.path().toStdString(), run));
    };
    qint64 chosen = session_.selection().run();
    if (chosen == 0) chosen = session_.runs()->front().id;
    for (const RunRecord& run : *session_.runs())
        if (session_.selection().run() == 0 && has_trace(run.id)) {
            chosen = run.id;
            break;
        }
    const RunPair pair = session_.selection().pair();
    std::vector<qint64> runs{chosen};
    if (pair.a && pair.b && pair.a != pair.b && has_trace(pair.a) && has_trace(pair.b))
        runs = {pair.a, pair.b};
    run_ = runs.front();
    setContext(named(run_) + (runs.size() > 1 ? tr(" and run %1").arg(runs[1]) : QString()));
    if (runs == shown_) return;
    shown_ = runs;
    if (has_trace(runs.front())) return load(runs);
    showTimelines({}, {});
    said_->clear();
    untraced_->setText(tr("Run %1 was not traced in full").arg(run_),
                       tr("Record a trace: one step of it again, with every instrument there is."));
    offerRecord();
}

/// Nothing runs beside a sweep that measures.
void TimelinePage::offerRecord() {
    for (QPushButton* each : {record_, untraced_->button()})
        setReason(each, recording_ ? tr("It is being recorded.")
                        : session_.progress().active
                            ? tr("A sweep is being measured: nothing runs beside it.")
                            : QString());
}

void TimelinePage::load(std::vector<qint64> runs) {
    const int question = ++question_;
    const std::string store = session_.path().toStdString();
    QPointer<TimelinePage> self(this);
    QThreadPool::globalInstance()->start([=] {
        Loaded loaded{.question = question};
        try {
            for (const qint64 run : runs)
                loaded.timelines.push_back(
                    {named(run), std::make_shared<const Timeline>(
                                     make_timeline(read_trace(trace_path(store, run).string())))});
            const Trace& trace = loaded.timelines.front().timeline->trace;
            const auto fact = [&](const char* name) {
                const auto found = trace.facts.find(name);
                return found == trace.facts.end() ? std::string() : found->second;
            };
            const bool gpu = loaded.timelines.front().timeline->gpu;
            loaded.ceilings =
                find_ceilings(store, fact(gpu ? "gpu" : "cpu"),
                              gpu ? 0 : QString::fromStdString(fact("threads")).toInt())
                    .value_or(Ceilings{});
        } catch (const Error& error) {
            loaded.problem = sentence(error.what());
        }
        if (self)
            QMetaObject::invokeMethod(
                self,
                [self, loaded] {
                    if (self) self->took(loaded);
                },
                Qt::QueuedConnection);
    });
}

void TimelinePage::took(const Loaded& loaded) {
    if (loaded.question != question_) return;
    if (!loaded.problem.isEmpty()) {
        showTimelines({}, {});
        said_->tell(Tone::bad, loaded.problem, tr("Recording it again makes a new one."));
        return;
    }
    said_->clear();
    showTimelines(loaded.timelines, loaded.ceilings);
}

void TimelinePage::showTimelines(std::vector<TimelineView::Shown> timelines,
                                 const Ceilings& ceilings) {
    first_ = timelines.empty() ? nullptr : timelines.front().timeline;
    ceilings_ = ceilings;
    panes_->setVisible(first_ != nullptr);
    nothing_->setVisible(!first_);
    roofline_->setCeilings(ceilings_);
    view_->setTimelines(std::move(timelines));
    showEmpty(false);
    showSums();
}

/// One step of the run again, in a worker of its own.
void TimelinePage::record() {
    const auto& runs = *session_.runs();
    const auto run = std::find_if(runs.begin(), runs.end(),
                                  [&](const RunRecord& one) { return one.id == run_; });
    if (run == runs.end()) return;
    recording_ = true;
    offerRecord();
    said_->tell(Tone::info, tr("Recording run %1 …").arg(run_),
                tr("It loads, warms up and does one step."));
    const int question = ++question_;
    const auto file = trace_path(session_.path().toStdString(), run_);
    QPointer<TimelinePage> self(this);
    QThreadPool::globalInstance()->start([=, config = run->config, id = run_] {
        QString problem;
        try {
            std::filesystem::create_directories(file.parent_path());
            trace_run(config, std::filesystem::absolute(file), {}, [](const Line&) {});
        } catch (const std::exception& error) {
            problem = sentence(error.what());
        }
        if (!self) return;
        QMetaObject::invokeMethod(
            self,
            [=] {
                if (!self) return;
                self->recording_ = false;
                self->offerRecord();
                if (question != self->question_) return;
                if (problem.isEmpty())
                    self->load({id});
                else
                    self->said_->tell(Tone::bad, problem);
            },
            Qt::QueuedConnection);
    });
}

void TimelinePage::showSums() {
    if (!first_) return;
    const TimeRange range = view_->range().value_or(view_->seen());
    const auto begin = Nanoseconds(range.begin * 1e9), end = Nanoseconds(range.end * 1e9);
    sums_->setSums(range_sums(*first_, SumsBy(by_->current()), begin, end), ceilings_, first_->gpu);
    showShape();
}

/// The flame graph is made only where it is looked at: of a million events it takes a moment.
void TimelinePage::showShape() {
    if (!first_) return;
    const int shape = shape_->current();
    shapes_->setCurrentIndex(shape > 0);
    if (shape > 0) {
        const TimeRange range = view_->range().value_or(view_->seen());
        flame_->setFrames(flame(*first_, shape == 1 ? FlameFrom::top : FlameFrom::bottom,
                                Nanoseconds(range.begin * 1e9), Nanoseconds(range.end * 1e9)));
    }
    sayWhatIsSeen();
}

void TimelinePage::sayWhatIsSeen() {
    const TimeRange range = view_->range().value_or(view_->seen());
    const double length = range.end - range.begin;
    QString note = (view_->range() ? tr("in the range, %1") : tr("in view, %1"))
                       .arg(words(format_value(length, "s")));
    const Waiting waiting =
        waiting_in(*first_, Nanoseconds(range.begin * 1e9), Nanoseconds(range.end * 1e9));
    if (waiting.calls > 0)
        note += tr("; the host waits for the GPU %1 times, %2 % of it")
                    .arg(waiting.calls)
                    .arg(words(format_number(100 * waiting.seconds / length)));
    sums_card_->setNote(note);
    if (shape_->current() > 0)
        shape_card_->setNote(first_->gpu ? tr("by the GPU's time") : tr("by the host's time"));
    else
        shape_card_->setNote(ceilings_.all.empty()
                                 ? tr("no roofs yet: `sweetspot ceilings --measure`")
                                 : tr("roofs measured %1 ago, bytes estimated")
                                       .arg(words(format_duration(std::max(
                                           0.0, unix_seconds() - ceilings_.unix_seconds)))));
    time_card_->setNote(first_->trace.dropped
                            ? tr("%1 records were lost").arg(first_->trace.dropped)
                            : tr("one step, %1, recorded in a pass of its own")
                                  .arg(words(format_value(double(first_->end) * 1e-9, "s"))));
}

} // namespace sweetspot::gui

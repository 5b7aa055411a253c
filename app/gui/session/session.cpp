#include "app/gui/session/session.h"
#include "app/experiment/lines.h"
#include "app/experiment/rounds.h"
#include "app/gui/session/sweep_runner.h"
#include "app/runner/devices.h"
#include <QThread>
#include <QTimer>
#include <atomic>

// The data behind the window. The store has a thread of its own, predictions have another, a sweep
// has its runner's; each answer comes back to the window's thread, and of several questions of a
// kind only the newest is answered. A sweep in progress is shown from its lines, and from the store
// when it has ended.

namespace sweetspot::gui {

void Selection::setSweep(std::int64_t id) {
    if (id == sweep_) return;
    sweep_ = id;
    setRuns({});
    setRun(0);
    setPair({});
    emit sweepChanged(id);
}

void Selection::setRuns(const QSet<qint64>& ids) {
    if (ids == runs_) return;
    runs_ = ids;
    if (ids.size() == 1) setRun(*ids.begin());
    if (ids.size() == 2) {
        const auto [a, b] = std::minmax(*ids.begin(), *std::next(ids.begin()));
        setPair({a, b});
    }
    emit runsChanged(ids);
}

void Selection::setRun(qint64 id) {
    if (id == run_) return;
    run_ = id;
    setTime(std::nullopt);
    emit runChanged(id);
}

void Selection::setPair(const RunPair& pair) {
    if (pair == pair_) return;
    pair_ = pair;
    emit pairChanged(pair);
}

void Selection::setTime(const std::optional<TimeRange>& range) {
    if (range == time_) return;
    time_ = range;
    emit timeChanged(range);
}

/// A thread that does what it is told in order, and that asks and answers without being waited for.
class Background {
public:
    Background() {
        context_.moveToThread(&thread_);
        thread_.start();
    }
    ~Background() {
        post([this] { thread_.quit(); }); // last in line: what was told before is done before
        thread_.wait();
    }
    template <class Work>
    void post(Work&& work) {
        QMetaObject::invokeMethod(&context_, std::forward<Work>(work), Qt::QueuedConnection);
    }

private:
    QThread thread_;
    QObject context_;
};

struct Session::State {
    explicit State(Session& session) : session(session) {}

    Session& session;
    std::unique_ptr<Store> store; ///< used in store_thread only
    std::int64_t seen_version = -1;
    QString path;
    bool read_only = false;
    Sweeps sweeps = std::make_shared<std::vector<SweepInfo>>();
    Runs runs = std::make_shared<std::vector<RunRecord>>();

    // The sweep in progress: its records are kept up to date here, line by line. While it is the
    // selected one, `runs` is the same vector: a copy of a thousand runs at each turn would cost
    // time that is being measured.
    std::shared_ptr<std::vector<RunRecord>> live = std::make_shared<std::vector<RunRecord>>();
    bool live_changed = false, starting = false;
    SweepProgress progress;
    SweepClock clock;
    std::unique_ptr<SweepRunner> sweep;
    QTimer live_timer, poll_timer;

    Predictor predictor;
    std::atomic<std::uint64_t> question = 0; ///< the newest prediction asked for
    std::vector<DeviceInfo> devices;
    std::string worker_problem; ///< told last: one that is missing is missed by all who ask it

    // Last, so that they end first: their work uses what stands above.
    Background device_thread, prediction_thread, store_thread;

    /// Runs `work(store)` in the store's thread, then `done(result)` in the window's, or `failed()`
    /// and the problem.
    template <class Work, class Done, class Failing = void (*)()>
    void ask(
        Work work, Done done, Failing failed = [] {}) {
        store_thread.post([this, work, done, failed] {
            try {
                if (!store) return;
                auto result = work(*store);
                tell([done, result = std::move(result)] { done(result); });
            } catch (const Error& e) {
                tell([failed] { failed(); });
                tell_problem(e.what());
            }
        });
    }
    /// Runs `work(store)` in the store's thread; only its failure is heard of.
    template <class Work>
    void change(Work work) {
        ask([work](Store& s) { return work(s), 0; }, [](int) {});
    }
    template <class Work>
    void tell(Work&& work) {
        QMetaObject::invokeMethod(&session, std::forward<Work>(work), Qt::QueuedConnection);
    }
    void tell_problem(const std::string& sentence) {
        tell([this, text = QString::fromStdString(sentence)] { emit session.problem(text); });
    }

    void tell_worker_problem(const std::string& sentence) {
        tell([this, sentence] {
            if (std::exchange(worker_problem, sentence) != sentence)
                emit session.problem(QString::fromStdString(sentence));
        });
    }

    void load_devices();
    void load_sweeps();
    void load_runs();
    void poll();
    void publish_live();
    void begin(const Spec& spec, const std::vector<PlannedRun>& runs,
               const Store::NewSweep& stored);
    void take_line(std::size_t index, const Line& line);
    void end_sweep(const std::string& problem);
};

void Session::State::load_devices() {
    device_thread.post([this] {
        try {
            tell([this, found = list_devices()] {
                devices = found;
                emit session.devicesChanged();
            });
        } catch (const Error& e) {
            tell_worker_problem(e.what());
        }
    });
}

void Session::State::load_sweeps() {
    ask([](Store& s) { return std::make_shared<const std::vector<SweepInfo>>(s.sweeps()); },
        [this](Sweeps found) {
            sweeps = std::move(found);
            emit session.sweepsChanged();
        });
}

void Session::State::load_runs() {
    const auto id = session.selection().sweep();
    if (id == progress.sweep_id && progress.active) {
        live_changed = true; // for who looks at it anew
        return publish_live();
    }
    ask(
        [id](Store& s) {
            RunQuery query;
            query.sweep_id = id;
            return std::make_shared<const std::vector<RunRecord>>(s.runs(query));
        },
        [this, id](Runs found) {
            if (id != session.selection().sweep()) return; // asked for something newer since
            runs = std::move(found);
            emit session.runsChanged();
        });
}

/// Other programs write to the database too; what is new is shown within a second.
void Session::State::poll() {
    ask(
        [this](Store& s) {
            const auto version = s.version();
            return std::exchange(seen_version, version) != version;
        },
        [this](bool changed) {
            if (!changed) return;
            load_sweeps();
            if (!progress.active) load_runs();
        });
}

void Session::State::publish_live() {
    progress.elapsed_seconds = clock.elapsedSeconds();
    progress.left_seconds = clock.leftSeconds();
    emit session.progressChanged();
    if (session.selection().sweep() != progress.sweep_id || !live_changed) return;
    live_changed = false;
    runs = live;
    emit session.runsChanged();
}

void Session::State::begin(const Spec& spec, const std::vector<PlannedRun>& planned,
                           const Store::NewSweep& stored) {
    std::vector<PlannedRun> to_run;
    std::vector<std::size_t> place; // of each run to do, in the sweep
    progress = {};
    for (std::size_t i = 0; i < planned.size(); ++i) {
        progress.impossible += !planned[i].impossible.empty();
        if (!planned[i].impossible.empty() || stored.finished[i]) continue;
        to_run.push_back(planned[i]);
        to_run.back().rounds_done = stored.rounds_done[i];
        const RunConfig& config = planned[i].config;
        if (progress.gpu < 0 && config.device == DeviceKind::cuda) progress.gpu = config.gpu;
        place.push_back(i);
    }
    progress.active = true;
    progress.sweep_id = stored.id;
    progress.name = QString::fromStdString(spec.name);
    progress.total = int(to_run.size());
    clock.start(std::vector<double>(planned.size(), 0));
    for (std::size_t i = 0; i < planned.size(); ++i)
        if (std::find(place.begin(), place.end(), i) == place.end()) clock.ended(i);
    live_changed = true;
    live_timer.start();
    sweep = std::make_unique<SweepRunner>(
        std::move(to_run),
        [this, place, ids = stored.run_ids](std::size_t index, const Line& line) {
            const std::size_t at = place[index];
            change([id = ids[at], line](Store& s) { s.append(id, line); });
            tell([this, at, line] { take_line(at, line); });
        },
        [this](const std::string& problem) { tell([this, problem] { end_sweep(problem); }); });
    emit session.sweepStarted(stored.id);
    session.selection().setSweep(stored.id);
    load_sweeps();
    publish_live();
}

void Session::State::take_line(std::size_t index, const Line& line) {
    // Details are many and nobody looks at them while they come: see loadDetails.
    if (is_detail(line)) return;
    apply(line, live->at(index));
    live_changed = true;
    if (std::holds_alternative<Started>(line)) {
        progress.current = int(index);
        progress.phase = "load";
        progress.phase_fraction = 0;
    } else if (const auto* phase = std::get_if<Phase>(&line)) {
        progress.current = int(index); // further rounds of a run do not begin with Started
        progress.phase = QString::fromStdString(phase->name);
        progress.phase_fraction = phase->fraction;
    } else if (const auto* round = std::get_if<Round>(&line)) {
        clock.advanced(index, double(round->index + 1) / rounds_of(live->at(index).config));
    } else if (const auto* metric = std::get_if<Metric>(&line); metric && metric->name == "flops") {
        clock.setWork(index, metric->value);
    } else if (const auto* failed = std::get_if<Failed>(&line)) {
        ++progress.failed;
        progress.current = -1;
        clock.ended(index);
        emit session.logged(QString("%1: %2").arg(
                                QString::fromStdString(to_text(failed->failure)).replace('_', ' '),
                                QString::fromStdString(failed->reason)),
                            int(index));
    } else if (std::holds_alternative<Finished>(line)) {
        ++progress.done;
        progress.current = -1;
        clock.ended(index);
        emit session.logged("finished", int(index));
    }
}

void Session::State::end_sweep(const std::string& problem) {
    sweep.reset();
    live_timer.stop();
    progress.current = -1;
    publish_live();
    progress.active = progress.paused = progress.stopping = false;
    emit session.progressChanged();
    emit session.sweepEnded(progress.sweep_id);
    if (!problem.empty()) emit session.problem(QString::fromStdString(problem));
    load_sweeps();
    load_runs();
}

Session::Session(QObject* parent)
    : QObject(parent), state_(std::make_unique<State>(*this)), selection_(new Selection(this)) {
    connect(selection_, &Selection::sweepChanged, this, [this] {
        state_->runs = std::make_shared<std::vector<RunRecord>>();
        state_->load_runs();
    });
    connect(&state_->live_timer, &QTimer::timeout, this, [this] { state_->publish_live(); });
    state_->live_timer.setInterval(200);
    connect(&state_->poll_timer, &QTimer::timeout, this, [this] { state_->poll(); });
    state_->poll_timer.start(1000);
    state_->load_devices();
}

Session::~Session() {
    ++state_->question; // the prediction under way is not wanted any more
    state_->predictor.stop();
    state_->sweep.reset();
}

namespace {
struct Opened {
    std::unique_ptr<Store> store;
    std::string why_read_only{};
};

/// To write, else to read. Throws the first reason where neither can be: it is the better one.
Opened open_store(const std::string& file) {
    try {
        return {std::make_unique<Store>(file, Store::Mode::write)};
    } catch (const Error& writing) {
        try {
            return {std::make_unique<Store>(file, Store::Mode::read), writing.what()};
        } catch (const Error&) {
            throw writing;
        }
    }
}
} // namespace

void Session::open(const QString& path) {
    if (state_->progress.active || state_->starting)
        return emit problem(tr("A sweep is under way: stop it before you open another database."));
    state_->store_thread.post([this, path] {
        std::string why;
        try {
            // A database that is open already would be in its own way.
            if (state_->store && state_->store->path() == path.toStdString()) state_->store.reset();
            auto opened = open_store(path.toStdString());
            state_->store = std::move(opened.store);
            state_->seen_version = state_->store->version();
            why = opened.why_read_only;
        } catch (const Error& e) {
            return state_->tell_problem(e.what());
        }
        state_->tell([this, path, why] {
            state_->path = path;
            state_->read_only = !why.empty();
            state_->progress = {};
            selection_->setSweep(0);
            emit opened(path);
            if (!why.empty())
                emit problem(tr("%1. Opened to read only.").arg(QString::fromStdString(why)));
            state_->load_sweeps();
            state_->load_runs();
        });
    });
}

QString Session::path() const {
    return state_->path;
}

bool Session::readOnly() const {
    return state_->read_only;
}

Sweeps Session::sweeps() const {
    return state_->sweeps;
}

Runs Session::runs() const {
    return state_->runs;
}

void Session::loadDetails(std::int64_t run_id) {
    state_->ask(
        [run_id](Store& s) {
            RunQuery query;
            query.ids = {run_id};
            query.with_details = true;
            return s.runs(query);
        },
        [this](const std::vector<RunRecord>& found) {
            if (!found.empty())
                emit detailsLoaded(std::make_shared<const RunRecord>(found.front()));
        });
}

void Session::loadSweep(std::int64_t sweep_id) {
    state_->ask(
        [sweep_id](Store& s) {
            RunQuery query;
            query.sweep_id = sweep_id;
            return std::make_shared<const std::vector<RunRecord>>(s.runs(query));
        },
        [this, sweep_id](Runs found) { emit sweepLoaded(sweep_id, found); });
}

void Session::setNote(std::int64_t sweep_id, const QString& note) {
    state_->change([=](Store& s) { s.set_note(sweep_id, note.toStdString()); });
    state_->load_sweeps();
}

void Session::setTags(std::int64_t sweep_id, const QStringList& tags) {
    std::vector<std::string> words;
    for (const auto& tag : tags) words.push_back(tag.toStdString());
    state_->change([=](Store& s) { s.set_tags(sweep_id, words); });
    state_->load_sweeps();
}

void Session::setPinned(std::int64_t sweep_id, bool pinned) {
    state_->change([=](Store& s) { s.set_pinned(sweep_id, pinned); });
    state_->load_sweeps();
}

void Session::importFile(const QString& path) {
    state_->ask([file = path.toStdString()](Store& s) { return s.import(file); },
                [this, path](int count) {
                    emit logged(QString("%1 sweeps imported from %2").arg(count).arg(path), -1);
                    state_->load_sweeps();
                });
}

const SweepProgress& Session::progress() const {
    return state_->progress;
}

void Session::start(const Spec& spec, bool again) {
    if (state_->progress.active || state_->starting)
        return emit problem(tr("A sweep is already under way."));
    if (state_->path.isEmpty()) return emit problem(tr("No database is open."));
    if (state_->read_only) return emit problem(tr("%1 is open to read only.").arg(state_->path));
    state_->starting = true;
    struct Begun {
        std::vector<PlannedRun> runs;
        Store::NewSweep stored;
        std::vector<RunRecord> records;
    };
    state_->ask(
        [spec, again, devices = state_->devices](Store& s) {
            Begun begun;
            begun.runs = corners_first(plan(spec), spec);
            require_devices(begun.runs, devices);
            identify(
                begun.runs, [&](const auto& file) { return s.sha256_of(file); },
                [](const RunConfig& config) { return environment_for(config); });
            begun.stored = s.add_sweep(spec, begun.runs, again);
            RunQuery query;
            query.sweep_id = begun.stored.id;
            begun.records = s.runs(query);
            return begun;
        },
        [this, spec](const Begun& begun) {
            state_->starting = false;
            state_->live = std::make_shared<std::vector<RunRecord>>(begun.records);
            state_->begin(spec, begun.runs, begun.stored);
        },
        [this] { state_->starting = false; });
}

void Session::setPaused(bool paused) {
    if (!state_->sweep) return;
    state_->sweep->control().pause(paused);
    state_->clock.setPaused(paused);
    state_->progress.paused = paused;
    emit progressChanged();
}

void Session::stop() {
    if (!state_->sweep) return;
    setPaused(false);
    state_->sweep->control().stop();
    state_->progress.stopping = true;
    emit progressChanged();
}

void Session::stopNow() {
    if (!state_->sweep) return;
    setPaused(false);
    state_->sweep->control().stop_now();
    state_->progress.stopping = true;
    emit progressChanged();
}

void Session::predict(const std::vector<RunConfig>& configs) {
    const auto mine = ++state_->question;
    state_->prediction_thread.post([this, configs, mine] {
        std::size_t part = 64; // the first answers come soon, and no record is copied often
        auto records = std::make_shared<std::vector<RunRecord>>();
        try {
            bool complete = false;
            while (!complete) {
                if (mine != state_->question) return;
                const auto first = records->size(), last = std::min(configs.size(), first + part);
                const auto more =
                    state_->predictor.predict({configs.begin() + std::ptrdiff_t(first),
                                               configs.begin() + std::ptrdiff_t(last)});
                records->insert(records->end(), more.begin(), more.end());
                complete = last == configs.size();
                part *= 2;
                state_->tell([this, mine, complete,
                              now = std::make_shared<const std::vector<RunRecord>>(*records)] {
                    if (mine == state_->question) emit predicted(now, complete);
                });
            }
        } catch (const Error& e) {
            state_->tell_worker_problem(e.what());
        }
    });
}

const std::vector<DeviceInfo>& Session::devices() const {
    return state_->devices;
}

} // namespace sweetspot::gui

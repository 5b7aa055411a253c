#include "app/analysis/statistics.h"
#include "app/experiment/key.h"
#include "app/gui/session/session_state.h"
#include "app/runner/devices.h"
#include "app/store/earlier_steps.h"
#include "app/store/import_file.h"
#include "app/store/up_to_date.h"
#include <algorithm>
#include <filesystem>
#include <tuple>

// The data behind the window. The store has a thread of its own, predictions have another, a sweep
// has its runner's; each answer comes back to the window's thread, and of several questions of a
// kind only the newest is answered. A sweep in progress is shown from its lines, and from the store
// when it has ended.

namespace sweetspot::gui {

namespace {
/// Each page asks for all of them.
Runs with_values(std::vector<RunRecord> runs) {
    for (RunRecord& run : runs) keep_values(run);
    return std::make_shared<const std::vector<RunRecord>>(std::move(runs));
}
} // namespace

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
    ask(
        [](Store& s) {
            auto saved = s.saved_models();
            std::erase_if(saved, [](const SavedModel& model) {
                return !std::filesystem::exists(std::filesystem::path(model.folder) /
                                                "config.json");
            });
            return std::tuple(std::make_shared<const std::vector<SweepInfo>>(s.sweeps()),
                              std::make_shared<const std::vector<SweepInfo>>(s.deleted_sweeps()),
                              saved);
        },
        [this](const std::tuple<Sweeps, Sweeps, std::vector<SavedModel>>& found) {
            std::tie(sweeps, deleted_sweeps, saved_models) = found;
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
            const Runs found = with_values(s.runs(query));
            return std::pair<Runs, Runs>(found, std::make_shared<const std::vector<RunRecord>>(
                                                    sweetspot::earlier_steps(s, *found)));
        },
        [this, id](const std::pair<Runs, Runs>& found) {
            if (id != session.selection().sweep()) return; // asked for something newer since
            std::tie(runs, earlier_steps) = found;
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
    earlier_steps = live_earlier_steps;
    emit session.runsChanged();
}

Session::Session(QObject* parent)
    : QObject(parent), state_(std::make_unique<State>(*this)), selection_(new Selection(this)) {
    connect(selection_, &Selection::sweepChanged, this, [this] {
        state_->runs = state_->earlier_steps = std::make_shared<std::vector<RunRecord>>();
        state_->load_runs();
    });
    connect(&state_->live_timer, &QTimer::timeout, this, [this] { state_->publish_live(); });
    state_->live_timer.setInterval(200);
    connect(&state_->poll_timer, &QTimer::timeout, this, [this] { state_->poll(); });
    state_->poll_timer.start(1000);
    state_->load_devices();
}

Session::~Session() {
    ++state_->question; // the predictions under way are not wanted any more
    ++state_->points_question;
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
        } catch (const OlderSchema&) {
            bring_up_to_date(file); // by whoever writes to it
            return open_store(file);
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
            state_->removed.clear();
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

const std::vector<SavedModel>& Session::savedModels() const {
    return state_->saved_models;
}

Runs Session::runs() const {
    return state_->runs;
}

Runs Session::earlierSteps() const {
    return state_->earlier_steps;
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
            return with_values(s.runs(query));
        },
        [this, sweep_id](const Runs& found) { emit sweepLoaded(sweep_id, found); });
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

void Session::State::mark_deleted(const Deletion& deletion, bool deleted) {
    change([=](Store& s) {
        if (!deletion.sweeps.empty()) s.set_sweeps_deleted(deletion.sweeps, deleted);
        if (!deletion.runs.empty()) s.set_runs_deleted(deletion.runs, deleted);
    });
    load_sweeps();
    load_runs();
    emit session.deletionsChanged();
}

void Session::remove(const Deletion& deletion) {
    state_->removed.push_back(deletion);
    Selection& chosen = *selection_;
    const auto& gone = deletion.sweeps;
    if (std::find(gone.begin(), gone.end(), chosen.sweep()) != gone.end()) chosen.setSweep(0);
    chosen.setRuns({});
    state_->mark_deleted(deletion, true);
}

void Session::undoRemove() {
    if (state_->removed.empty()) return;
    const Deletion last = std::move(state_->removed.back());
    state_->removed.pop_back();
    state_->mark_deleted(last, false);
    if (!last.sweeps.empty()) selection_->setSweep(last.sweeps.front());
}

const std::vector<Session::Deletion>& Session::removed() const {
    return state_->removed;
}

Sweeps Session::deletedSweeps() const {
    return state_->deleted_sweeps;
}

void Session::restoreSweeps() {
    Deletion all;
    for (const SweepInfo& sweep : *state_->deleted_sweeps) all.sweeps.push_back(sweep.id);
    std::erase_if(state_->removed, [](const Deletion& each) { return !each.sweeps.empty(); });
    state_->mark_deleted(all, false);
}

void Session::restoreRuns(std::int64_t sweep_id) {
    state_->removed.clear(); // of which runs may be back now
    state_->change([=](Store& s) { s.restore_runs_of(sweep_id); });
    state_->mark_deleted({}, false);
}

void Session::importFile(const QString& path) {
    state_->ask([file = path.toStdString()](Store& s) { return import_file(s, file); },
                [this, path](int count) {
                    emit logged(QString("%1 sweeps imported from %2").arg(count).arg(path), -1);
                    state_->load_sweeps();
                });
}

void Session::predict(const std::vector<RunConfig>& configs) {
    state_->unanswered = configs;
    state_->ask_predictions();
}

void Session::predictPoints(const std::vector<RunConfig>& configs) {
    if (state_->progress.active || state_->starting) return;
    const auto mine = ++state_->points_question;
    state_->prediction_thread.post([this, configs, mine] {
        auto records = std::make_shared<std::vector<RunRecord>>();
        try {
            *records = state_->predictor.predict(configs, [&](std::size_t) {
                if (mine != state_->points_question)
                    throw Error(Failure::interrupted, "asked for something newer");
            });
        } catch (const Error& e) {
            if (mine == state_->points_question) state_->tell_worker_problem(e.what());
            return;
        }
        std::erase_if(*records, [](const RunRecord& run) {
            return run.status == RunStatus::failed || run.status == RunStatus::impossible;
        });
        state_->tell([this, mine, records] {
            if (mine == state_->points_question) emit pointsPredicted(records);
        });
    });
}

void Session::State::ask_predictions() {
    const auto mine = ++question;
    if (!unanswered || progress.active || starting) return;
    prediction_thread.post([this, configs = *unanswered, mine] {
        std::size_t part = 64; // the first answers come soon, and no record is copied often
        auto records = std::make_shared<std::vector<RunRecord>>();
        const auto if_wanted = [&](std::size_t) {
            if (mine != question) throw Error(Failure::interrupted, "asked for something newer");
        };
        try {
            bool complete = false;
            while (!complete) {
                if_wanted(0);
                const auto first = records->size(), last = std::min(configs.size(), first + part);
                const auto more = predictor.predict({configs.begin() + std::ptrdiff_t(first),
                                                     configs.begin() + std::ptrdiff_t(last)},
                                                    if_wanted);
                records->insert(records->end(), more.begin(), more.end());
                std::vector<std::string> hashes;
                for (std::size_t i = first; i < last; ++i) hashes.push_back(hash_of(configs[i]));
                complete = last == configs.size();
                part *= 2;
                tell([this, mine, complete, hashes,
                      now = std::make_shared<const std::vector<RunRecord>>(*records)] {
                    take_predictions(mine, complete, now, hashes);
                });
            }
        } catch (const Error& e) {
            if (mine == question) tell_worker_problem(e.what());
        }
    });
}

/// `hashes`: of the newest records, the last ones.
void Session::State::take_predictions(std::uint64_t mine, bool complete,
                                      const std::shared_ptr<const std::vector<RunRecord>>& records,
                                      const std::vector<std::string>& hashes) {
    const std::size_t first = records->size() - hashes.size();
    for (std::size_t i = 0; i < hashes.size(); ++i)
        if (const auto peak = (*records)[first + i].metrics.find("peak_bytes");
            peak != (*records)[first + i].metrics.end())
            peaks[hashes[i]] = peak->second;
    if (mine != question) return;
    if (complete) unanswered.reset();
    emit session.predicted(records, complete);
}

double Session::predictedPeak(const RunRecord& run) const {
    if (const auto own = run.metrics.find("predicted_peak_bytes"); own != run.metrics.end())
        return own->second;
    if (state_->peaks.empty()) return 0;
    const auto known = state_->peaks.find(hash_of(run.config));
    return known == state_->peaks.end() ? 0 : known->second;
}

const std::vector<DeviceInfo>& Session::devices() const {
    return state_->devices;
}

} // namespace sweetspot::gui

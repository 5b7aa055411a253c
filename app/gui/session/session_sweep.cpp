#include "app/experiment/key.h"
#include "app/experiment/lines.h"
#include "app/experiment/rounds.h"
#include "app/gui/session/session_state.h"
#include "app/runner/devices.h"
#include "app/store/earlier_steps.h"
#include "app/store/reference_path.h"
#include <algorithm>
#include <filesystem>

// A sweep from its order to its end: it is stored, run by a thread of its own, followed line by
// line, and the next in the queue begins when it has ended by itself.

namespace sweetspot::gui {

void Session::State::start(const SweepOrder& order, bool from_queue) {
    if (progress.active || starting)
        return emit session.problem(QObject::tr("A sweep is already under way."));
    if (path.isEmpty()) return emit session.problem(QObject::tr("No database is open."));
    if (read_only) return emit session.problem(QObject::tr("%1 is open to read only.").arg(path));
    starting = true;
    ++question; // nothing is computed beside what is measured
    struct Begun {
        std::vector<PlannedRun> runs;
        Store::NewSweep stored;
        std::vector<RunRecord> records, earlier;
    };
    ask(
        [order, devices = devices](Store& s) {
            Begun begun;
            begun.runs = corners_first(plan(order.spec), order.spec);
            for (PlannedRun& run : begun.runs)
                if (const auto left = order.left_out.find(run.hash);
                    left != order.left_out.end() && run.impossible.empty())
                    run.impossible = left->second;
            require_devices(begun.runs, devices);
            find_references(begun.runs, s.path());
            identify(
                begun.runs, [&](const auto& file) { return s.sha256_of(file); },
                [](const RunConfig& config) { return environment_for(config); });
            begun.stored = s.add_sweep(order.spec, begun.runs, order.again);
            RunQuery query;
            query.sweep_id = begun.stored.id;
            begun.records = s.runs(query);
            begun.earlier = sweetspot::earlier_steps(s, begun.records);
            return begun;
        },
        [this, order, from_queue](const Begun& begun) {
            starting = false;
            live = std::make_shared<std::vector<RunRecord>>(begun.records);
            live_earlier_steps = std::make_shared<const std::vector<RunRecord>>(begun.earlier);
            begin(order, begun.runs, begun.stored, from_queue);
        },
        [this] {
            starting = false;
            ask_predictions();
        });
}

void Session::countMeasured(const std::vector<PlannedRun>& planned) {
    constexpr std::size_t most_points = 2000;
    constexpr std::uintmax_t most_bytes = 256 << 20; // of a file: a second's reading, once
    const auto mine = ++state_->measured_question;
    if (state_->progress.active || state_->starting || planned.size() > most_points) return;
    state_->ask(
        [state = state_.get(), planned, mine](Store& s) -> std::optional<int> {
            if (mine != state->measured_question) return {};
            auto runs = planned;
            try {
                find_references(runs, s.path());
                identify(
                    runs,
                    [&](const std::filesystem::path& file) {
                        if (std::filesystem::file_size(file) > most_bytes)
                            throw Error(Failure::file, "it would take long to know");
                        return s.sha256_of(file);
                    },
                    [](const RunConfig& config) { return environment_for(config); });
            } catch (const std::exception&) { // a worker that is missing is told by who needs it
                return {};
            }
            return int(std::count_if(runs.begin(), runs.end(), [&](const PlannedRun& run) {
                return run.impossible.empty() && s.finished_run(run);
            }));
        },
        [this, mine](std::optional<int> count) {
            if (count && mine == state_->measured_question) emit measuredCounted(*count);
        });
}

void Session::State::begin(const SweepOrder& order, const std::vector<PlannedRun>& planned,
                           const Store::NewSweep& stored, bool from_queue) {
    // Who looks at something else goes on looking at it.
    const bool looks_on = from_queue && session.selection().sweep() != progress.sweep_id;
    std::vector<PlannedRun> to_run;
    std::vector<std::size_t> place; // of each run to do, in the sweep
    progress = {};
    for (std::size_t i = 0; i < planned.size(); ++i) {
        if (!planned[i].impossible.empty()) {
            ++progress.impossible;
            continue;
        }
        ++progress.total;
        progress.done += stored.finished[i];
        if (stored.finished[i]) continue;
        to_run.push_back(planned[i]);
        to_run.back().rounds_done = stored.rounds_done[i];
        const RunConfig& config = planned[i].config;
        if (progress.gpu < 0 && config.device == DeviceKind::cuda) progress.gpu = config.gpu;
        place.push_back(i);
    }
    progress.active = true;
    progress.from_queue = from_queue;
    progress.sweep_id = stored.id;
    progress.name = QString::fromStdString(order.spec.name);
    clock.start(std::vector<double>(to_run.size(), 0)); // what stands already takes no time
    live_changed = true;
    live_timer.start();
    sweep = std::make_unique<SweepRunner>(
        std::move(to_run),
        [this, place, ids = stored.run_ids](std::size_t index, const Line& line) {
            const std::size_t at = place[index];
            change([id = ids[at], line](Store& s) { s.append(id, line); });
            tell([this, index, at, line] { take_line(index, at, line); });
        },
        [this](const std::string& problem) { tell([this, problem] { end_sweep(problem); }); });
    emit session.sweepStarted(stored.id);
    if (!looks_on) session.selection().setSweep(stored.id);
    load_sweeps();
    publish_live();
}

/// `index` counts the runs to do, `at` all of the sweep.
void Session::State::take_line(std::size_t index, std::size_t at, const Line& line) {
    // Details are many and nobody looks at them while they come: see loadDetails.
    if (is_detail(line)) return;
    apply(line, live->at(at));
    live_changed = true;
    const auto over = [&] {
        progress.current = -1;
        clock.setPaused(progress.paused);
    };
    if (std::holds_alternative<Started>(line)) {
        progress.current = int(at);
        progress.phase = "load";
        progress.phase_fraction = 0;
    } else if (const auto* phase = std::get_if<Phase>(&line)) {
        progress.current = int(at); // further rounds of a run do not begin with Started
        follow_training(index, *phase);
        progress.phase = QString::fromStdString(phase->name);
        progress.phase_fraction = phase->fraction;
    } else if (const auto* round = std::get_if<Round>(&line)) {
        clock.advanced(index, double(round->index + 1) / rounds_of(live->at(at).config));
        over();
    } else if (const auto* metric = std::get_if<Metric>(&line); metric && metric->name == "flops") {
        clock.setWork(index, metric->value);
    } else if (const auto* failed = std::get_if<Failed>(&line)) {
        progress.failed += failed->failure != Failure::interrupted;
        clock.ended(index);
        over();
        emit session.logged(QString("%1: %2").arg(
                                QString::fromStdString(to_text(failed->failure)).replace('_', ' '),
                                QString::fromStdString(failed->reason)),
                            int(at));
    } else if (std::holds_alternative<Finished>(line)) {
        ++progress.done;
        clock.ended(index);
        over();
        emit session.logged("finished", int(at));
    }
}

/// Its steps are of one kind, so they tell the time that is left; while it waits none passes.
void Session::State::follow_training(std::size_t index, const Phase& phase) {
    const bool steps = phase.name == "train", waits = phase.name == "paused";
    if (!steps && !waits) return;
    if (progress.phase != "train" && progress.phase != "paused")
        clock.startsTraining(index, phase.fraction);
    else
        clock.advanced(index, phase.fraction);
    clock.setPaused(waits);
}

void Session::State::end_sweep(const std::string& problem) {
    sweep.reset();
    live_timer.stop();
    progress.current = -1;
    publish_live();
    const bool stopped = progress.stopping;
    progress.active = progress.paused = progress.stopping = false;
    emit session.progressChanged();
    emit session.sweepEnded(progress.sweep_id);
    if (!problem.empty()) emit session.problem(QString::fromStdString(problem));
    load_sweeps();
    load_runs();
    if (!stopped && problem.empty()) session.startNext();
    if (!starting) ask_predictions();
}

const SweepProgress& Session::progress() const {
    return state_->progress;
}

void Session::start(const SweepOrder& order) {
    state_->start(order, false);
}

void Session::enqueue(const SweepOrder& order) {
    if (!state_->progress.active && !state_->starting && state_->queue.empty()) return start(order);
    state_->queue.push_back(order);
    emit queueChanged();
}

const std::vector<SweepOrder>& Session::queued() const {
    return state_->queue;
}

void Session::unqueue(std::size_t place) {
    state_->queue.erase(state_->queue.begin() + std::ptrdiff_t(place));
    emit queueChanged();
}

void Session::moveQueued(std::size_t from, std::size_t to) {
    auto& queue = state_->queue;
    const SweepOrder order = std::move(queue.at(from));
    queue.erase(queue.begin() + std::ptrdiff_t(from));
    queueAt(to, order);
}

void Session::queueAt(std::size_t place, const SweepOrder& order) {
    auto& queue = state_->queue;
    queue.insert(queue.begin() + std::ptrdiff_t(std::min(place, queue.size())), order);
    emit queueChanged();
}

void Session::startNext() {
    if (state_->queue.empty() || state_->progress.active || state_->starting) return;
    const SweepOrder next = std::move(state_->queue.front());
    unqueue(0);
    state_->start(next, true);
}

SweepOrder rest_of(const SweepInfo& sweep, const std::vector<RunRecord>& runs) {
    SweepOrder order{spec_from_json(sweep.spec_json, sweep.name)};
    for (const RunRecord& run : runs)
        if (run.status == RunStatus::impossible) order.left_out[hash_of(run.config)] = run.reason;
    return order;
}

void Session::setPaused(bool paused) {
    if (!state_->sweep) return;
    state_->sweep->control().pause(paused);
    state_->progress.paused = paused;
    state_->clock.setPaused(paused && !state_->progress.pausing()); // what is measured goes on
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

} // namespace sweetspot::gui

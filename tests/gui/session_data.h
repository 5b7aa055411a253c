#pragma once
#include "app/gui/session/session.h"
#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QTest>
#include <QTimer>

namespace sweetspot::gui_test {

/// What the fake worker is to do, by prompt: "done", "slow", "killed", ... as fake_worker.cpp has
/// them.
inline Spec sweep_of(const std::vector<std::string>& behaviours,
                     const std::vector<std::string>& batches = {"1"}) {
    Spec spec;
    spec.name = "fake";
    spec.base.model = "stories260k";
    spec.base.task = Task::generate; // which a prompt applies to
    spec.base.rounds = 1;
    spec.axes = {{"prompt", behaviours}, {"batch", batches}};
    return spec;
}

/// Opens a database and waits for the answer.
inline bool opens(gui::Session& session, const QString& path) {
    QSignalSpy opened(&session, &gui::Session::opened);
    QSignalSpy listed(&session, &gui::Session::sweepsChanged);
    session.open(path);
    return QTest::qWaitFor([&] { return !opened.isEmpty() && !listed.isEmpty(); }, 20'000);
}

inline bool starts(gui::Session& session, const Spec& spec, bool again = false) {
    QSignalSpy started(&session, &gui::Session::sweepStarted);
    session.start(spec, again);
    return QTest::qWaitFor([&] { return !started.isEmpty(); }, 20'000);
}

/// Waits until no sweep is in progress and the runs come from the store again.
inline bool ends(gui::Session& session) {
    QSignalSpy changed(&session, &gui::Session::runsChanged);
    if (!QTest::qWaitFor([&] { return !session.progress().active; }, 60'000)) return false;
    return QTest::qWaitFor([&] { return !changed.isEmpty(); }, 20'000);
}

inline int count(const gui::Session& session, RunStatus status) {
    int n = 0;
    for (const RunRecord& run : *session.runs()) n += run.status == status;
    return n;
}

/// The longest time that the event loop left a timer of 10 ms waiting, less the time in which other
/// programs had the processor.
class Fluidity {
public:
    Fluidity() {
        timer_.setTimerType(Qt::PreciseTimer);
        QObject::connect(&timer_, &QTimer::timeout, &timer_, [this] { take(); });
        clock_.start();
        waited_ = waited();
        timer_.start(10);
    }
    int worst_ms() const { return worst_ms_; }
    int worst_wall_ms() const { return worst_wall_ms_; }

private:
    /// Milliseconds for which this thread was ready to run and did not.
    static double waited() {
        QFile file("/proc/thread-self/schedstat");
        if (!file.open(QIODevice::ReadOnly)) return 0;
        return file.readAll().split(' ').value(1).toDouble() / 1e6;
    }
    void take() {
        const double now = waited();
        const auto gap = int(clock_.restart());
        worst_wall_ms_ = std::max(worst_wall_ms_, gap);
        worst_ms_ = std::max(worst_ms_, gap - int(now - waited_));
        waited_ = now;
    }

    QTimer timer_;
    QElapsedTimer clock_;
    double waited_ = 0;
    int worst_ms_ = 0, worst_wall_ms_ = 0;
};

} // namespace sweetspot::gui_test

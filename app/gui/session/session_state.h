#pragma once
#include "app/gui/session/session.h"
#include "app/gui/session/sweep_runner.h"
#include <QThread>
#include <QTimer>
#include <atomic>
#include <unordered_map>

namespace sweetspot::gui {

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
    Sweeps sweeps = std::make_shared<std::vector<SweepInfo>>(), deleted_sweeps = sweeps;
    std::vector<SavedModel> saved_models;
    std::vector<Deletion> removed;
    Runs runs = std::make_shared<std::vector<RunRecord>>(), earlier_steps = runs;

    // The sweep in progress: its records are kept up to date here, line by line. While it is the
    // selected one, `runs` is the same vector: a copy of a thousand runs at each turn would cost
    // time that is being measured.
    std::shared_ptr<std::vector<RunRecord>> live = std::make_shared<std::vector<RunRecord>>();
    Runs live_earlier_steps = live;
    bool live_changed = false, starting = false;
    SweepProgress progress;
    SweepClock clock;
    std::unique_ptr<SweepRunner> sweep;
    std::vector<SweepOrder> queue;
    QTimer live_timer, poll_timer;

    Predictor predictor;
    std::atomic<std::uint64_t> question = 0;          ///< the newest prediction asked for
    std::atomic<std::uint64_t> points_question = 0;   ///< likewise of predictPoints()
    std::atomic<std::uint64_t> measured_question = 0; ///< and of countMeasured()
    std::optional<std::vector<RunConfig>> unanswered; ///< what it asked, until all is told
    std::unordered_map<std::string, double> peaks;    ///< predicted, by hash_of(config)
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
    void mark_deleted(const Deletion& deletion, bool deleted);
    void poll();
    void publish_live();
    void start(const SweepOrder& order, bool from_queue);
    void begin(const SweepOrder& order, const std::vector<PlannedRun>& runs,
               const Store::NewSweep& stored, bool from_queue);
    void follow_training(std::size_t index, const Phase& phase);
    void take_line(std::size_t index, std::size_t at, const Line& line);
    void end_sweep(const std::string& problem);
    void ask_predictions();
    void take_predictions(std::uint64_t mine, bool complete,
                          const std::shared_ptr<const std::vector<RunRecord>>& records,
                          const std::vector<std::string>& hashes);
};

} // namespace sweetspot::gui

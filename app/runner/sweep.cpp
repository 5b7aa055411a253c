#include "app/runner/conversation.h"
#include "app/runner/runner.h"
#include <chrono>
#include <thread>

namespace sweetspot {

void run_sweep(const std::vector<PlannedRun>& runs, RecordSink& sink, SweepControl& control,
               const RunnerOptions& options) {
    const auto program = options.worker.empty() ? find_worker() : options.worker;
    std::unique_ptr<WorkerProcess> worker;
    int runs_of_worker = 0;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (!runs[i].impossible.empty()) continue;
        while (control.paused() && !control.stopping())
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (control.stopping()) break;
        if (!worker || runs_of_worker >= options.runs_per_worker || !worker->alive()) {
            worker.reset(); // ends the old one before the new one takes memory
            worker = std::make_unique<WorkerProcess>(program);
            runs_of_worker = 0;
        }
        ++runs_of_worker;
        const bool useful = converse(
            *worker, runs[i], options, [&](const Line& line) { sink.line(i, line); },
            [&] { return control.stopping_now(); });
        if (!useful) worker.reset();
    }
}

} // namespace sweetspot

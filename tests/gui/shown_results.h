#pragma once
#include "app/gui/models/run_table_model.h"
#include "app/gui/pages/results_page.h"
#include "app/store/store.h"
#include "tests/gui/session_data.h"

namespace sweetspot::gui_test {

/// A database with one sweep of these runs.
inline void write(const QString& path, const std::vector<RunRecord>& runs) {
    Store store(path.toStdString());
    Spec spec;
    spec.name = "grid";
    std::vector<PlannedRun> points;
    for (const RunRecord& run : runs) points.push_back({run.config, run.hash, {}});
    const auto sweep = store.add_sweep(spec, points);
    for (size_t i = 0; i < runs.size(); ++i) {
        const auto id = sweep.run_ids[i];
        store.append(id, Started{runs[i].hash, runs[i].config, 1.7e9});
        for (const auto& [name, samples] : runs[i].samples)
            for (const Measured& sample : samples) store.append(id, sample);
        for (const auto& [name, value] : runs[i].metrics) store.append(id, Metric{name, value});
        if (runs[i].weights) store.append(id, *runs[i].weights);
        if (runs[i].scored) store.append(id, *runs[i].scored);
        store.append(id, TokenLosses{runs[i].token_losses});
        for (const auto& bin : runs[i].difference_bins) store.append(id, bin);
        for (const auto& place : runs[i].layer_differences) store.append(id, place);
        for (const auto& batch : runs[i].batch_differences) store.append(id, batch);
        for (const auto& bin : runs[i].logit_bins) store.append(id, bin);
        if (runs[i].status == RunStatus::failed)
            store.append(id, Failed{runs[i].failure.value_or(Failure::bug), runs[i].reason, 1.7e9});
        else
            store.append(id, Finished{1.7e9 + 1});
    }
}

/// A page that shows a sweep of `runs`.
struct Shown {
    Shown(const QString& path, const std::vector<RunRecord>& runs) : page(session) {
        write(path, runs);
        page.resize(1256, 820);
        page.show();
        ready = opens(session, path) && !session.sweeps()->empty();
        if (!ready) return;
        session.selection().setSweep(session.sweeps()->front().id);
        ready =
            QTest::qWaitFor([&] { return page.model()->rowCount() == int(runs.size()); }, 20'000);
    }

    gui::Session session;
    gui::ResultsPage page;
    bool ready = false;
};

/// A page of the newest sweep of a database of these runs.
template <class Page>
struct On {
    On(const QString& path, const std::vector<RunRecord>& runs) : page(session) {
        write(path, runs);
        page.resize(1256, 820);
        page.show();
        page.activateWindow();
        ready = opens(session, path) && !session.sweeps()->empty();
        if (!ready) return;
        session.selection().setSweep(session.sweeps()->front().id);
        ready = QTest::qWaitFor([&] { return session.runs()->size() == runs.size(); }, 20'000) &&
                QTest::qWaitFor([&] { return !page.isEmpty(); }, 5'000);
    }
    const RunRecord& run(std::size_t index) const { return session.runs()->at(index); }

    gui::Session session;
    Page page;
    bool ready = false;
};

} // namespace sweetspot::gui_test

#include "app/gui/session/recent_sweeps.h"
#include <algorithm>

namespace sweetspot::gui {

RecentSweeps::RecentSweeps(Session& session, std::size_t most, QObject* parent)
    : QObject(parent), session_(session), most_(most) {
    connect(&session, &Session::opened, this, [this] {
        entries_.clear();
        emit changed();
    });
    connect(&session, &Session::sweepsChanged, this, &RecentSweeps::follow);
    connect(&session, &Session::sweepLoaded, this, &RecentSweeps::take);
    follow();
}

void RecentSweeps::follow() {
    const auto before = std::move(entries_);
    entries_.clear();
    const SweepProgress& progress = session_.progress();
    for (const SweepInfo& info : *session_.sweeps()) {
        if (entries_.size() == most_) break;
        const auto known = std::find_if(before.begin(), before.end(), [&](const Entry& entry) {
            return entry.info.id == info.id;
        });
        const bool running = progress.active && progress.sweep_id == info.id;
        const bool grew = known == before.end() || !known->runs || known->info.done != info.done ||
                          known->info.failed != info.failed;
        if (grew && !running) session_.loadSweep(info.id);
        entries_.push_back({info, known == before.end() || running ? nullptr : known->runs});
    }
    emit changed();
}

void RecentSweeps::take(qint64 sweep_id, const Runs& runs) {
    for (Entry& entry : entries_)
        if (entry.info.id == sweep_id) {
            entry.runs = runs;
            emit changed();
        }
}

TimeEstimate RecentSweeps::estimate() const {
    TimeEstimate estimate({});
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry)
        if (entry->runs)
            for (const RunRecord& run : *entry->runs) estimate.learn(run);
    return estimate;
}

} // namespace sweetspot::gui

#include "app/gui/session/selection.h"
#include <algorithm>
#include <iterator>

namespace sweetspot::gui {

void Selection::setSweep(std::int64_t id) {
    if (id == sweep_) return;
    sweep_ = id;
    setRuns({});
    setRun(0);
    setPair({});
    setBaseline(0);
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

void Selection::setBaseline(qint64 id) {
    if (id == baseline_) return;
    baseline_ = id;
    emit baselineChanged(id);
}

void Selection::setTime(const std::optional<TimeRange>& range) {
    if (range == time_) return;
    time_ = range;
    emit timeChanged(range);
}

} // namespace sweetspot::gui

#pragma once
#include "app/analysis/estimate.h"
#include "app/gui/session/session.h"

namespace sweetspot::gui {

/// The newest sweeps with their runs: what the window begins with and what estimates go by.
class RecentSweeps : public QObject {
    Q_OBJECT
public:
    struct Entry {
        SweepInfo info{};
        Runs runs{}; ///< null until they are loaded
    };
    /// `session` must outlive this. Sweeps are loaded again when their counts have changed, except
    /// the one in progress, which is loaded when it ends.
    RecentSweeps(Session& session, std::size_t most, QObject* parent = nullptr);

    const std::vector<Entry>& entries() const { return entries_; } ///< newest first
    /// What their runs say of how long others will take.
    TimeEstimate estimate() const;

signals:
    void changed();

private:
    void follow();
    void take(qint64 sweep_id, const Runs& runs);

    Session& session_;
    std::size_t most_;
    std::vector<Entry> entries_;
};

} // namespace sweetspot::gui

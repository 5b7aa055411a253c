#pragma once
#include "app/experiment/record.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/run_strip.h"
#include <QAbstractTableModel>
#include <deque>

namespace sweetspot::gui {

struct LogLine {
    double unix_seconds = 0;
    QString what; ///< one word: "started", "finished", "flagged", "failed"
    Tone tone = Tone::neutral;
    QString sentence;
    qint64 run_id = 0; ///< 0 = of no run
};

/// What became of a run that is no longer planned; `varying` are the fields that name it.
LogLine logLineOf(const RunRecord& run, RunState state, const std::vector<std::string>& varying);

/// Lines in the order they came: time, word, sentence. The oldest go when there are too many.
class LogModel : public QAbstractTableModel {
    Q_OBJECT
public:
    static constexpr int most_lines = 5000;
    using QAbstractTableModel::QAbstractTableModel;

    void clear();
    void append(const QList<LogLine>& lines);
    const LogLine& line(int row) const { return lines_[size_t(row)]; }
    int count(Tone tone) const { return counts_[size_t(tone)]; } ///< all that ever came

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    std::deque<LogLine> lines_;
    std::array<int, 6> counts_{};
};

} // namespace sweetspot::gui

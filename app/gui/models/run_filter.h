#pragma once
#include "app/experiment/record.h"
#include <QList>
#include <QRegularExpression>
#include <QString>
#include <QStringList>
#include <optional>

namespace sweetspot::gui {

/// One condition on runs: a word that some value, the status or the reason contains, or a name with
/// a comparison: "flash", "batch>=8", "attention=flash", "peak_memory<2GiB", "status=failed"; or
/// a regular expression between slashes, which some text matches: "/^(naive|flash)$/".
struct RunTerm {
    QString text{}; ///< as typed
    QString name{}; ///< of a field or metric, or "status"; empty for a word
    QString sign{}; ///< = != < <= > >=
    QString value{};
    std::optional<double> number{}; ///< `value` in SI base units, if it is a number
    std::optional<QRegularExpression> pattern{};
};

struct RunTerms {
    QList<RunTerm> terms;
    QString problem; ///< a sentence; empty if nothing is wrong
};

/// Terms stand between spaces; all must hold. Names are those of fields and metrics; a metric's
/// title with underscores will do. A pattern has no blanks and commas: "\\s" is one. Numbers may
/// have a unit: 5ms, 2GiB, 12k, 90%.
RunTerms parseTerms(const QString& text);

/// Whether a run meets all of them. A metric that the run does not have meets none.
bool meets(const RunRecord& run, const QList<RunTerm>& terms);

} // namespace sweetspot::gui

#pragma once
#include "app/experiment/record.h"
#include "app/gui/widgets/run_strip.h"
#include <QString>
#include <span>
#include <string_view>

namespace sweetspot::gui {

/// "flash, ragged, batch 8, sequence 512": the values of these fields, with the field's name where
/// the value alone would not tell.
QString runLabel(const RunConfig& config, std::span<const std::string> fields);
/// One value likewise: "flash", but "batch 8".
QString valueLabel(const RunConfig& config, const std::string& field);

/// "out of memory: the reason", or why it is impossible; empty for a run that did neither.
QString reasonOf(const RunRecord& run);

/// Why none of these runs is done, most frequent reasons first: "2 impossible: ..."; empty if one
/// is, or none has a reason yet.
QString whyNoneIsDone(std::span<const RunRecord> runs);

/// Whether a person ended it: it did not fail, and is yet to be measured.
bool wasStopped(const RunRecord& run);

/// The folder of the model, or the adapters, that it trained; empty if it saved none.
QString savedModel(const RunRecord& run);

/// Whether it is done, and noisy or disturbed (flags_of).
bool isFlagged(const RunRecord& run);

/// As strips and counts show it; a noisy run is flagged.
RunState runState(const RunRecord& run);

/// "peak memory": what a metric, or a field, is called.
QString metricTitle(std::string_view name);

/// A number as tables show it: three digits, thousands apart, a true minus.
QString tableNumber(double value, int digits = 3);
/// The same for a number that is written already.
QString tableNumber(const std::string& number);

/// "2026-11-22 14:32" in local time; empty for 0.
QString dateText(double unix_seconds);

} // namespace sweetspot::gui

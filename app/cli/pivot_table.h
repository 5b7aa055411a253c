#pragma once
#include "app/cli/outputs.h"

namespace sweetspot {

/// Runs as a table of two fields and a metric, ROW,COLUMN,METRIC, as Markdown, CSV or JSON; the
/// window's Pivot shows the same. Throws Error(bad_input) for another format or a wrong name.
void write_pivot(std::ostream&, std::span<const RunRecord>, const std::string& choice,
                 OutputFormat);

} // namespace sweetspot

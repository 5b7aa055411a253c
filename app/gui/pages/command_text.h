#pragma once
#include "app/experiment/spec.h"

namespace sweetspot::gui {

/// The shell command that runs a spec: `sweetspot run` with a flag for each field that is not as
/// usual. What flags cannot say, e.g. explicit points, goes to its standard input as JSON. `store`:
/// where its runs are kept; empty where that need not be said.
std::string commandOf(const Spec& spec, const std::filesystem::path& store = {});

} // namespace sweetspot::gui

#pragma once
#include "app/store/store.h"

namespace sweetspot {

/// Puts what a file holds into a store: the sweeps of another database that it lacks, or, as a
/// sweep of the file's name, the runs of an export (json, jsonl) or of llama-bench (json, jsonl,
/// csv, sql), which stand in for no new measurement, since nothing is known of their place. Gives
/// the number of sweeps. Throws Error(bad_input) for a file that cannot be read or holds no runs.
int import_file(Store&, const std::string& path);

} // namespace sweetspot

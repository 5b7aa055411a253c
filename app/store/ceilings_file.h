#pragma once
#include "app/experiment/ceilings.h"
#include <filesystem>
#include <optional>

namespace sweetspot {

/// The ceilings of this machine's devices lie in a file beside the database of runs, a line a
/// device and number of threads, the newest measurement of each.
std::vector<Ceilings> read_ceilings(const std::filesystem::path& store);

/// In place of what there was for the same device and threads. Throws Error(file).
void keep_ceilings(const std::filesystem::path& store, const Ceilings&);

/// Of one device and number of threads (0 for a GPU).
std::optional<Ceilings> find_ceilings(const std::filesystem::path& store, const std::string& device,
                                      int threads);

} // namespace sweetspot

#include "app/store/reference_path.h"
#include "engine/config/possible.h"

namespace sweetspot {

std::filesystem::path reference_path(const std::filesystem::path& store, std::int64_t run) {
    std::filesystem::path folder = store;
    folder += ".references";
    return folder / ("run-" + std::to_string(run) + ".reference");
}

void find_references(std::vector<PlannedRun>& runs, const std::filesystem::path& store) {
    for (PlannedRun& run : runs) {
        const bool refers = scope::is_referred(run.config) && !has_own_reference(run.config);
        if (!run.impossible.empty() || !refers) continue;
        std::int64_t id = 0;
        const bool is_number = from_text(run.config.reference, id);
        const auto path = is_number ? std::filesystem::absolute(reference_path(store, id))
                                    : std::filesystem::path(run.config.reference);
        std::error_code unknown;
        if (std::filesystem::is_regular_file(path, unknown))
            run.config.reference = path.string();
        else if (is_number)
            run.impossible = "nothing was kept of run " + run.config.reference +
                             " to hold others against; `sweetspot reference " +
                             run.config.reference + "` does that";
        else
            run.impossible = "the reference " + path.string() + " is missing";
    }
}

} // namespace sweetspot

#include "app/store/earlier_steps.h"
#include <set>

namespace sweetspot {

std::vector<RunRecord> earlier_steps(const Store& store, std::span<const RunRecord> runs) {
    std::vector<RunRecord> found;
    std::set<std::string> asked;
    for (const RunRecord& run : runs) {
        if (run.config.task != Task::train || run.config.checkpoint.empty()) continue;
        const auto taken = run.samples.find("train_loss");
        if (taken != run.samples.end() && taken->second.front().index == 0) continue;
        if (!asked.insert(run.hash).second) continue;
        for (RunRecord& before : store.runs({.hash = run.hash}))
            if (before.id < run.id && before.samples.contains("train_loss"))
                found.push_back(std::move(before));
    }
    return found;
}

} // namespace sweetspot

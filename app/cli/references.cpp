#include "app/cli/references.h"
#include "app/experiment/run_json.h"
#include "app/store/up_to_date.h"
#include "engine/config/nearest.h"
#include "engine/config/regular_file.h"
#include <algorithm>

// How runs and sweeps are named on the command line: a number, last, last~1, a sweep's name.

namespace sweetspot {

namespace {

[[noreturn]] void refuse(const std::string& sentence) {
    throw Error(Failure::bad_input, sentence);
}

RunSet sweep_of(const Store& store, const SweepInfo& sweep, bool with_details) {
    RunQuery query;
    query.sweep_id = sweep.id;
    query.with_details = with_details;
    return {sweep.name + " (sweep " + std::to_string(sweep.id) + ")", sweep.spec_json,
            store.runs(query)};
}

/// 0 for `last`, 3 for `last~3`.
std::optional<std::size_t> steps_back(std::string_view reference) {
    std::size_t steps = 0;
    if (reference == "last") return 0;
    if (reference.starts_with("last~") && from_text(reference.substr(5), steps)) return steps;
    return {};
}

bool is_hash(std::string_view text) {
    return text.size() >= 8 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// What an export wrote, so that a baseline can be kept beside the code.
RunSet file_of(const std::string& path) {
    return of_named_file([&]() -> RunSet {
        return {path, "", runs_from_json(read_regular_file(path, most_bytes_of_runs), path)};
    });
}

} // namespace

RunSet find_runs(const Store& store, const std::string& reference, bool with_details) {
    if (reference.ends_with(".jsonl") || reference.ends_with(".json")) return file_of(reference);
    const auto sweeps = store.sweeps();
    if (sweeps.empty())
        refuse("There are no runs in " + store.path().string() +
               " yet; `sweetspot run` makes some.");
    if (const auto steps = steps_back(reference)) {
        if (*steps >= sweeps.size())
            refuse("There is no \"" + reference + "\" in " + store.path().string() +
                   ", which has " + std::to_string(sweeps.size()) +
                   (sweeps.size() == 1 ? " sweep." : " sweeps."));
        return sweep_of(store, sweeps[*steps], with_details);
    }
    if (reference == "pinned") {
        for (const auto& sweep : sweeps)
            if (sweep.pinned) return sweep_of(store, sweep, with_details);
        refuse("No sweep is pinned as a baseline yet; the window's page Runs does it.");
    }
    std::int64_t number = 0;
    if (reference.starts_with('s') && from_text(std::string_view(reference).substr(1), number)) {
        for (const auto& sweep : sweeps)
            if (sweep.id == number) return sweep_of(store, sweep, with_details);
        refuse("There is no sweep " + std::to_string(number) + "; the newest is s" +
               std::to_string(sweeps.front().id) + ".");
    }
    RunQuery query;
    query.with_details = with_details;
    if (from_text(reference, number) && !is_hash(reference)) {
        query.ids = {number};
        auto runs = store.runs(query);
        if (runs.empty())
            refuse("There is no run " + reference + "; `sweetspot list runs` shows them.");
        return {"run " + reference, "", std::move(runs)};
    }
    std::vector<std::string> names{"last"};
    for (const auto& sweep : sweeps) {
        if (sweep.name == reference) return sweep_of(store, sweep, with_details);
        names.push_back(sweep.name);
    }
    if (is_hash(reference)) {
        const auto runs = store.runs();
        const auto found = std::find_if(runs.rbegin(), runs.rend(), [&](const RunRecord& run) {
            return run.hash.starts_with(reference) && run.status == RunStatus::done;
        });
        if (found == runs.rend())
            refuse("There is no finished run whose hash begins " + reference + ".");
        query.ids = {found->id};
        return {"run " + std::to_string(found->id), "", store.runs(query)};
    }
    refuse("\"" + reference + "\" names no run or sweep" + did_you_mean(reference, names));
}

Store open_for_reading(const std::string& path) {
    if (!std::filesystem::exists(path))
        refuse("There is no store " + path +
               " yet; `sweetspot run` makes one, --store names another.");
    try {
        return Store(path, Store::Mode::read);
    } catch (const OlderSchema&) {
        bring_up_to_date(path); // once, after an upgrade
        return Store(path, Store::Mode::read);
    }
}

RunRecord find_one_run(const Store& store, const std::string& reference, const std::string& what) {
    const RunSet found = find_runs(store, reference);
    if (found.runs.size() == 1) return found.runs.front();
    std::string ids;
    for (const auto& run : found.runs) ids += (ids.empty() ? "" : ", ") + std::to_string(run.id);
    throw Error(Failure::bad_input, what + " is of one run, and " + found.title + " has " +
                                        std::to_string(found.runs.size()) + ": name one of " + ids +
                                        ".");
}

} // namespace sweetspot

#include "app/store/import_file.h"
#include "app/experiment/lines.h"
#include "app/experiment/llama_bench.h"
#include "app/experiment/run_json.h"
#include "engine/config/regular_file.h"
#include "kernels/core/error.h"

// Runs from a file of any kind that holds some, into a store.

namespace sweetspot {

namespace {

bool is_database(const std::string& path) {
    constexpr std::string_view magic = "SQLite format 3";
    std::string begin(magic.size(), '\0');
    return RegularFile(path).read(begin) == begin.size() && begin == magic;
}

/// Puts runs that another program or machine measured into the store as a sweep. They stand in for
/// no new measurement: nothing is known of their place.
int add_runs(Store& store, const std::string& name, const std::vector<RunRecord>& runs) {
    Spec spec{.name = name, .description = "imported", .base = runs.front().config};
    std::vector<PlannedRun> points;
    for (const auto& run : runs) {
        PlannedRun point{.config = run.config, .hash = run.hash};
        if (run.status == RunStatus::impossible) point.impossible = run.reason;
        points.push_back(std::move(point));
        std::map<std::string, std::string> fields;
        for (const RunField& field : run_fields())
            if (field.get(run.config) != field.get(spec.base))
                fields[std::string(field.name)] = field.get(run.config);
        if (!fields.empty()) spec.points.push_back(std::move(fields));
    }
    const auto sweep = store.add_sweep(spec, points, true);
    for (std::size_t i = 0; i < runs.size(); ++i)
        if (runs[i].status == RunStatus::done || runs[i].status == RunStatus::failed)
            for (const auto& line : lines_of(runs[i])) store.append(sweep.run_ids[i], line);
    return 1;
}

} // namespace

int import_file(Store& store, const std::string& path) {
    bool database = false;
    std::string text;
    try {
        database = is_database(path);
        if (!database) text = read_regular_file(path, most_bytes_of_runs);
    } catch (const Error& error) { // of a file that a person named
        throw Error(Failure::bad_input, error.what());
    }
    if (database) return store.import(path);
    auto foreign = runs_from_llama_bench(text, path);
    auto runs = foreign ? std::move(*foreign) : runs_from_json(text, path);
    if (runs.empty()) throw Error(Failure::bad_input, path + " holds no runs.");
    for (auto& run : runs)
        if (!foreign) run.texts.try_emplace("imported", "from " + path);
    return add_runs(store, std::filesystem::path(path).filename().string(), runs);
}

} // namespace sweetspot

#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/references.h"
#include "app/cli/spot_report.h"
#include "app/experiment/config_json.h"
#include "app/experiment/printable.h"
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>

// sweetspot best: which run to take within budgets, what it gains over a baseline and why, as a
// table and reasons for people and as JSON for scripts.

namespace sweetspot {

namespace {

struct BestOptions {
    std::vector<std::string> runs{"last"};
    std::vector<std::string> minimise, maximise, limits;
    std::string memory, quality_loss, time;
    std::string baseline, missing, output = "md";
    std::string store = default_store_path().string();
};

/// Throws Error(bad_input) where an objective's direction is not the one that is asked for.
void add_objectives(std::vector<std::string>& objectives, const std::vector<std::string>& names,
                    bool maximise) {
    for (const auto& name : names) {
        const auto& metric = objective_called(name);
        if ((metric.better == Better::higher) != maximise)
            throw Error(Failure::bad_input,
                        std::string(metric.title) + " is better " +
                            (maximise ? "lower: --minimise " : "higher: --maximise ") + name);
        objectives.emplace_back(metric.name);
    }
}

/// What was asked, checked.
void read_question(const BestOptions& options, SpotAnswer& answer) {
    add_objectives(answer.objectives, options.minimise, false);
    add_objectives(answer.objectives, options.maximise, true);
    if (answer.objectives.empty()) answer.objectives = {"kilotoken_seconds", "peak_bytes"};
    if (answer.objectives.size() > most_objectives)
        throw Error(Failure::bad_input, "`best` weighs three objectives at most.");
    const auto add = [&](const char* name, const std::string& limit) {
        if (!limit.empty()) answer.budgets.push_back(read_budget(name + std::string("<=") + limit));
    };
    add("memory", options.memory);
    add("quality-loss", options.quality_loss);
    add("time", options.time);
    for (const auto& limit : options.limits) answer.budgets.push_back(read_budget(limit));
}

/// The runs of several references, each once.
RunSet runs_of(const Store& store, const std::vector<std::string>& references) {
    RunSet all;
    for (const auto& reference : references) {
        auto set = find_runs(store, reference);
        all.title += (all.title.empty() ? "" : ", ") + set.title;
        for (auto& run : set.runs)
            if (std::none_of(all.runs.begin(), all.runs.end(),
                             [&](const RunRecord& known) { return known.id == run.id; }))
                all.runs.push_back(std::move(run));
    }
    return all;
}

/// Throws Error(bad_input) unless the reference is one run, which is done.
void find_baseline(const Store& store, const std::string& reference, SpotAnswer& answer) {
    answer.baseline = default_baseline(answer.runs);
    if (reference.empty()) return;
    auto set = find_runs(store, reference);
    if (set.runs.size() != 1)
        throw Error(Failure::bad_input, "--baseline takes one run, and " + set.title + " has " +
                                            std::to_string(set.runs.size()) + ".");
    if (set.runs.front().status != RunStatus::done)
        throw Error(Failure::bad_input, "The baseline, " + set.title + ", is " +
                                            to_text(set.runs.front().status) + ", not done.");
    answer.elsewhere = std::move(set.runs.front());
    const auto found = std::find_if(answer.runs.begin(), answer.runs.end(),
                                    [&](const auto& run) { return run.id == answer.elsewhere.id; });
    answer.baseline = found == answer.runs.end() ? &answer.elsewhere : &*found;
}

void write_markdown(const SpotAnswer& answer) {
    for (const auto& sentence : sentences_of(answer)) std::cout << printable(sentence) << '\n';
    std::cout << '\n';
    write_markdown_table(std::cout, spot_table(answer));
    const auto notes = notes_of(answer);
    if (!notes.empty()) std::cout << '\n';
    for (const auto& note : notes) std::cout << printable(note) << '\n';
}

Json json_of(const Bounded& value, Better better) {
    const bool higher = better == Better::higher;
    return {{"value", json_number(higher ? -value.value : value.value)},
            {"low", json_number(higher ? -value.high : value.low)},
            {"high", json_number(higher ? -value.low : value.high)}};
}

Json json_of(const Reasons& reasons) {
    const auto known = [](const std::optional<double>& value) {
        return value ? json_number(*value) : Json();
    };
    Json shares = Json::array(), interactions = Json::array();
    for (const auto& share : reasons.shares)
        shares.push_back({{"field", share.field},
                          {"from", share.from},
                          {"to", share.to},
                          {"saved", known(share.saved)},
                          {"saved_first", known(share.first)},
                          {"saved_last", known(share.last)},
                          {"verdict", to_text(share.verdict)}});
    for (const auto& both : reasons.interactions)
        interactions.push_back({{"fields", std::vector{both.a, both.b}},
                                {"saved_apart", json_number(both.apart)},
                                {"saved_together", json_number(both.together)},
                                {"certain", both.told}});
    return {{"metric", reasons.metric}, {"saved", json_number(reasons.saved)},
            {"shares", shares},         {"unshared", json_number(reasons.unshared)},
            {"whole", reasons.whole},   {"interactions", interactions}};
}

Json json_of(const SpotAnswer& answer) {
    Json points = Json::array(), left_out = Json::array(), misses = Json::array(),
         gains = Json::array(), reasons = Json::array(), ties = Json::array(),
         budgets = Json::array();
    const auto id = [&](std::size_t run) { return answer.runs[run].id; };
    for (std::size_t i = 0; i < answer.spots.points.size(); ++i) {
        const auto& spot = answer.spots.points[i];
        Json values = Json::object();
        for (std::size_t at = 0; at < answer.spots.objectives.size(); ++at)
            values[answer.spots.objectives[at]] =
                json_of(spot.values[at], find_metric(answer.spots.objectives[at])->better);
        points.push_back({{"run", id(spot.run)},
                          {"standing", names_of(Standing{})[std::size_t(spot.placed.standing)]},
                          {"leader", id(answer.spots.points[spot.placed.leader].run)},
                          {"fits", bool(answer.found.fits[i])},
                          {"values", values}});
    }
    for (const auto& [run, why] : answer.spots.left_out)
        left_out.push_back({{"run", id(run)}, {"why", why}});
    for (const auto& budget : answer.budgets) budgets.push_back(to_text(budget));
    for (const auto& miss : answer.found.misses) misses.push_back(miss.text);
    for (const auto tie : answer.found.ties) ties.push_back(id(tie));
    for (const auto& gain : answer.told.gains)
        gains.push_back({{"metric", gain.metric},
                         {"baseline", json_number(gain.a)},
                         {"value", json_number(gain.b)},
                         {"ratio", json_number(gain.ratio)},
                         {"ratio_low", json_number(gain.ratio_low)},
                         {"ratio_high", json_number(gain.ratio_high)},
                         {"verdict", to_text(gain.verdict)},
                         {"needs", gain.needs}});
    for (const auto& why : answer.told.reasons) reasons.push_back(json_of(why));
    return {{"objectives", answer.spots.objectives},
            {"budgets", budgets},
            {"take", answer.found.pick ? Json(id(*answer.found.pick)) : Json()},
            {"ties", ties},
            {"baseline", answer.baseline ? Json(answer.baseline->id) : Json()},
            {"nearest", answer.found.nearest ? Json(id(*answer.found.nearest)) : Json()},
            {"misses", misses},
            {"gains", gains},
            {"reasons", reasons},
            {"not_measured", answer.told.missing.size()},
            {"sentences", answer.told.sentences},
            {"points", points},
            {"left_out", left_out},
            {"notes", answer.spots.notes}};
}

/// The points that would tell, as a spec that `run` takes.
void write_missing(const SpotAnswer& answer, const std::string& path) {
    if (answer.told.missing.empty()) {
        std::cerr << "Nothing is missing between the baseline and what was taken: " << path
                  << " was not written.\n";
        return;
    }
    Spec spec{.name = "what would tell",
              .description = "points between run " + std::to_string(answer.baseline->id) +
                             " and run " + std::to_string(answer.runs[*answer.found.pick].id),
              .base = answer.baseline->config};
    for (const auto& config : answer.told.missing) {
        std::map<std::string, std::string> point;
        for (const RunField& field : run_fields())
            if (field.get(config) != field.get(spec.base))
                point[std::string(field.name)] = field.get(config);
        spec.points.push_back(std::move(point));
    }
    std::ofstream file(path, std::ios::binary);
    file << to_json(spec) << '\n';
    file.close();
    if (!file) throw Error(Failure::file, "cannot write " + path);
    std::cerr << "`sweetspot run " << path << "` measures "
              << (spec.points.size() == 1 ? "the point" : "the points") << " that would tell.\n";
}

int find_best(const BestOptions& options) {
    if (options.output != "md" && options.output != "json")
        throw Error(Failure::bad_input,
                    "`best` writes md or json, not \"" + options.output + "\".");
    SpotAnswer found;
    read_question(options, found);
    const Store store = open_for_reading(options.store);
    auto set = runs_of(store, options.runs);
    found.runs = std::move(set.runs);
    find_baseline(store, options.baseline, found);
    answer(found);
    if (found.spots.points.empty()) {
        std::string why;
        if (!found.spots.left_out.empty())
            why = ": run " + std::to_string(found.runs[found.spots.left_out.front().run].id) + " " +
                  found.spots.left_out.front().why;
        throw Error(Failure::bad_input,
                    "No run of " + set.title + " can be weighed by these objectives" + why + ".");
    }
    if (options.output == "json")
        std::cout << printable_json(dump(json_of(found), 2)) << '\n';
    else
        write_markdown(found);
    if (!options.missing.empty()) write_missing(found, options.missing);
    return found.found.pick ? exit_done : exit_gate_broken;
}

} // namespace

void add_best_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand("best", "which run to take within budgets, and why");
    const auto options = std::make_shared<BestOptions>();
    command->add_option("RUNS", options->runs,
                        "last, last~1, s3, 12, a hash or a sweep's name; several too (last)");
    const auto many = [&](const char* flag, std::vector<std::string>& into, const char* help) {
        command->add_option(flag, into, help)
            ->delimiter(',')
            ->type_name("METRICS")
            ->allow_extra_args(false);
    };
    many("--minimise,--minimize", options->minimise,
         "what to weigh runs by, the most important first (time-per-token,memory)");
    many("--maximise,--maximize", options->maximise, "likewise, of what is better higher");
    command->add_option("--memory", options->memory, "peak memory at most, e.g. 24GiB")
        ->type_name("SIZE");
    command
        ->add_option("--quality-loss", options->quality_loss,
                     "perplexity at most so much above the baseline's, e.g. 1%")
        ->type_name("SHARE");
    command->add_option("--time", options->time, "step time at most, e.g. 20ms")->type_name("TIME");
    command
        ->add_option("--limit", options->limits,
                     "any metric or field, e.g. \"batch>=8\", precision=bf16; several times")
        ->type_name("LIMIT")
        ->allow_extra_args(false);
    command
        ->add_option("--baseline", options->baseline,
                     "the run that gains are counted from (the first that is done)")
        ->type_name("RUN");
    command
        ->add_option("--missing", options->missing,
                     "write the points that would tell more as a spec for `run`")
        ->type_name("FILE");
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command->add_option("-o,--output", options->output, "md or json (md)")->type_name("FORMAT");
    command->footer(
        "A run is dominated only if another is no worse in every objective and better in one for\n"
        "certain, by the rules of `compare`: with fewer than six rounds a time counts only beyond\n"
        "a factor of two. What may be chance is a tie, and is called one. Why: what each field\n"
        "saved, from the runs between the baseline and the one that is taken, where these were\n"
        "measured; --missing writes those that were not.\n\n"
        "Metrics by short names: time, time-per-token, first-token, next-token, load, energy,\n"
        "energy-per-token, throughput, memory, reserved-memory, process-memory, model-size,\n"
        "quality; `list metrics` has all.\n\n"
        "Exit status: 0 done; 2 no run can be weighed so; 3 nothing fits, and the nearest is "
        "named.\n\n"
        "  sweetspot best last --memory 24GiB --quality-loss 1% --minimise time-per-token\n"
        "  sweetspot best s3 s4 --minimise memory,quality --limit \"batch>=8\" -o json");
    command->callback([options, &action] { action = [options] { return find_best(*options); }; });
}

} // namespace sweetspot

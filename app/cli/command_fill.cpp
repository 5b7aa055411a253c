#include "app/analysis/budget.h"
#include "app/analysis/format.h"
#include "app/analysis/objective.h"
#include "app/analysis/series.h"
#include "app/analysis/what_if.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/interrupt.h"
#include "app/cli/references.h"
#include "app/cli/run_table.h"
#include "app/experiment/config_json.h"
#include "app/experiment/printable.h"
#include "app/runner/runner.h"
#include <atomic>
#include <iostream>

// sweetspot fill: measures the points of a grid that may change its front, a few at a time, until
// none is left that may; the rest is guessed and said to be.

namespace sweetspot {

namespace {

struct FillOptions {
    std::string runs = "last", by = "time-per-token", memory, output = "md";
    std::string store = default_store_path().string();
    int each = 4, most = 64;
    bool list_only = false, quiet = false;
};

class FillCommand {
public:
    explicit FillCommand(const FillOptions& options) : options_(options) {
        if (options.output != "md" && options.output != "json")
            throw Error(Failure::bad_input,
                        "`fill` writes md or json, not \"" + options.output + "\".");
        const MetricInfo& metric = objective_called(options.by);
        if (metric.unit != "s")
            throw Error(Failure::bad_input,
                        "`fill` guesses times, and " + std::string(metric.title) + " is none.");
        metric_ = metric.name;
        if (!options.memory.empty()) budget_ = read_budget("memory<=" + options.memory).value;
        auto set = find_runs(open_for_reading(options.store), options.runs);
        runs_ = std::move(set.runs);
        title_ = set.title;
    }

    int operator()() {
        found_ = guesses();
        while (!options_.list_only && !interrupted_ && found_.mattering() > 0 &&
               measured_ < options_.most) {
            measure_next();
            found_ = guesses();
        }
        if (options_.output == "json")
            write_json();
        else
            write_markdown();
        if (interrupted_) return exit_interrupted;
        return failed_ > 0 ? exit_some_failed : exit_done;
    }

private:
    WhatIfs guesses() {
        const auto points = unmeasured(runs_);
        std::vector<RunRecord> predicted;
        try {
            const InterruptWatch watch([&] {
                interrupted_ = true;
                predictor_.stop();
            });
            predicted = predictor_.predict(points);
        } catch (const Error&) { // stopped
            if (!interrupted_) throw;
        }
        std::erase_if(predicted, [&](const RunRecord& plan) {
            return budget_ > 0 && value_of(plan, "peak_bytes").value_or(0) > budget_;
        });
        return what_if(runs_, predicted, metric_);
    }

    /// The most promising ones, as a sweep of their own.
    void measure_next() {
        Spec spec{.name = "fill in " + title_,
                  .description = "points that may stand on the front",
                  .base = runs_.front().config};
        const int count = std::min({options_.each, found_.mattering(), options_.most - measured_});
        for (int i = 0; i < count; ++i) {
            std::map<std::string, std::string> point;
            for (const RunField& field : run_fields())
                if (const auto value = field.get(found_.points[std::size_t(i)].config);
                    value != field.get(spec.base))
                    point[std::string(field.name)] = value;
            spec.points.push_back(std::move(point));
        }
        bool interrupted = false;
        auto runs = measure_spec(spec, options_.store, options_.quiet, interrupted);
        interrupted_ = interrupted_ || interrupted;
        for (auto& run : runs) {
            measured_ += run.status == RunStatus::done;
            failed_ += run.status == RunStatus::failed;
            runs_.push_back(std::move(run));
        }
        if (!options_.quiet)
            std::cerr << measured_ << " measured, " << failed_ << " failed" << std::endl;
    }

    void write_markdown() const {
        if (measured_ > 0)
            std::cout << measured_ << (measured_ == 1 ? " point was" : " points were")
                      << " measured.\n";
        for (const auto& sentence : sentences_of(found_)) std::cout << printable(sentence) << '\n';
        constexpr std::size_t most_rows = 20;
        RunTable table{.columns = {{"point", false},
                                   {"guessed " + std::string(find_metric(metric_)->title)},
                                   {"95 %"},
                                   {"predicted memory"},
                                   {"front", false}}};
        std::vector<RunRecord> named;
        for (const auto& point : found_.points) named.emplace_back().config = point.config;
        for (const auto& run : runs_) named.emplace_back().config = run.config;
        const auto varying = varying_fields(named);
        for (const auto& point : found_.points) {
            if (table.rows.size() == most_rows) break;
            table.rows.push_back(
                {point_name(point.config, varying), format_value(point.time.value, "s"),
                 format_value(point.time.low, "s") + " to " + format_value(point.time.high, "s"),
                 format_value(point.peak_bytes, "bytes"), point.matters ? "may stand on it" : ""});
        }
        if (table.rows.empty()) return;
        std::cout << '\n';
        write_markdown_table(std::cout, table);
        if (found_.points.size() > most_rows)
            std::cout << "\nand " << found_.points.size() - most_rows << " more\n";
    }

    void write_json() const {
        Json points = Json::array(), said = Json::array();
        for (const auto& point : found_.points)
            points.push_back({{"config", config_to_json(point.config)},
                              {"value", json_number(point.time.value)},
                              {"low", json_number(point.time.low)},
                              {"high", json_number(point.time.high)},
                              {"predicted_peak_bytes", json_number(point.peak_bytes)},
                              {"matters", point.matters}});
        for (const auto& sentence : sentences_of(found_)) said.push_back(sentence);
        std::cout << dump(Json{{"metric", metric_},
                               {"measured", measured_},
                               {"failed", failed_},
                               {"error", json_number(found_.error)},
                               {"fitted_on", found_.runs},
                               {"stable", found_.problem.empty() && found_.mattering() == 0},
                               {"sentences", said},
                               {"points", points}},
                          2)
                  << '\n';
    }

    const FillOptions& options_;
    std::string metric_, title_;
    double budget_ = 0;
    std::vector<RunRecord> runs_;
    WhatIfs found_{};
    Predictor predictor_{};
    int measured_ = 0, failed_ = 0;
    std::atomic<bool> interrupted_ = false;
};

} // namespace

void add_fill_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("fill", "measure the points that may change the front of a sweep");
    const auto options = std::make_shared<FillOptions>();
    command->add_option("RUNS", options->runs,
                        "last, last~1, s3, 12, a hash or a sweep's name (last)");
    command->add_option("--by", options->by, "the time that is weighed beside memory")
        ->type_name("METRIC")
        ->capture_default_str();
    command->add_option("--memory", options->memory, "peak memory at most, e.g. 24GiB")
        ->type_name("SIZE");
    command->add_option("--each", options->each, "points that are measured before guessing anew")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->add_option("--most", options->most, "points that are measured in all, at most")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->add_flag("--list", options->list_only, "measure nothing: what if they were measured");
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command->add_option("-o,--output", options->output, "md or json (md)")->type_name("FORMAT");
    command->add_flag("-q,--quiet", options->quiet, "no progress");
    command->footer(
        "A sweep that measured corners of its grid, or was stopped, leaves points open. Their\n"
        "memory is predicted to the byte; their times are guessed by a model of those that were\n"
        "measured, whose error is said. Points that may stand on the front for all that is known\n"
        "are measured, the most promising first, until none is left: the front is stable then.\n"
        "Name the sweep, s3, to go on later: `last` is what was measured to fill it in.\n\n"
        "Exit status: 0 done; 4 a run failed; 130 interrupted, what finished is kept.\n\n"
        "  sweetspot fill last --list\n"
        "  sweetspot fill s3 --memory 24GiB --most 16");
    command->callback(
        [options, &action] { action = [options] { return FillCommand(*options)(); }; });
}

} // namespace sweetspot

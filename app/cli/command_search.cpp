#include "app/analysis/budget.h"
#include "app/analysis/fit.h"
#include "app/analysis/format.h"
#include "app/analysis/search.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/interrupt.h"
#include "app/cli/run_table.h"
#include "app/cli/spec_flags.h"
#include "app/experiment/config_json.h"
#include "app/experiment/printable.h"
#include "app/runner/devices.h"
#include "app/runner/runner.h"
#include "engine/config/nearest.h"
#include "kernels/core/machine.h"
#include <iostream>

// sweetspot search: the largest batch, length or number of tokens that fits, by prediction, then
// confirmed by a run; by runs where predictions did not hold. What was measured lies in the store,
// so that the same command goes on where it was interrupted.

namespace sweetspot {

namespace {

struct SearchOptions {
    SpecFlags what;
    std::string maximise = "batch", memory, output = "md";
    std::string store = default_store_path().string();
    std::int64_t least = 1, most = 0;
    bool quiet = false;
};

constexpr std::int64_t largest_asked = 1'000'000;

class SearchCommand {
public:
    explicit SearchCommand(const SearchOptions& options) : options_(options) {
        if (options.output != "md" && options.output != "json")
            throw Error(Failure::bad_input,
                        "`search` writes md or json, not \"" + options.output + "\".");
        field_ = find_field(options.maximise);
        std::vector<std::string_view> names;
        for (const RunField& field : run_fields())
            if (field.kind == RunField::Kind::whole) names.push_back(field.name);
        if (!field_ || field_->kind != RunField::Kind::whole)
            throw Error(Failure::bad_input, "There is no field of whole numbers \"" +
                                                options.maximise + "\"" +
                                                did_you_mean(options.maximise, names));
        spec_ = options.what.spec();
        if (!spec_.axes.empty() || !spec_.points.empty())
            throw Error(Failure::bad_input, "`search` looks for one value: " +
                                                (spec_.axes.empty() ? std::string("the spec")
                                                                    : spec_.axes.front().field) +
                                                " has several.");
        if (spec_.base.device == DeviceKind::plan)
            throw Error(Failure::bad_input, "`search` measures; `plan` predicts.");
        find_budget();
    }

    int operator()() {
        const auto most =
            options_.most > 0
                ? options_.most
                : std::min(largest_asked, std::int64_t(std::min(field_->range.most, 1e15)));
        const auto found = search_largest(
            options_.least, most, [&](std::int64_t value) { return predicted(value); },
            [&](std::int64_t value) { return confirmed(value); });
        if (options_.output == "json")
            write_json(found);
        else
            write_markdown(found, most);
        if (interrupted_) return exit_interrupted;
        if (!failure_.empty()) return exit_some_failed;
        return found.largest ? exit_done : exit_gate_broken;
    }

private:
    void find_budget() {
        if (!options_.memory.empty()) {
            budget_ = read_budget("memory<=" + options_.memory).value;
            return;
        }
        std::vector<DeviceInfo> devices;
        if (spec_.base.on_gpu()) devices = list_devices();
        budget_ = memory_limit(spec_.base, {read_machine().available_bytes, devices});
        if (budget_ <= 0)
            throw Error(Failure::bad_input, "It is not known how much memory there is: say it by "
                                            "--memory.");
    }

    RunConfig at(std::int64_t value) const {
        RunConfig config = spec_.base;
        field_->set(config, to_text(value));
        return config;
    }

    void say(const std::string& sentence) const {
        if (!options_.quiet) std::cerr << printable(sentence) << std::endl;
    }
    std::string named(std::int64_t value) const {
        return std::string(field_->name) + " " + to_text(value);
    }

    std::optional<bool> predicted(std::int64_t value) {
        const InterruptWatch watch([&] {
            interrupted_ = true;
            predictor_.stop();
        });
        const auto run = predictor_.predict({at(value)}).at(0);
        if (run.status == RunStatus::failed) {
            // What cannot be at all, as a sequence beyond a model's positions, bounds the search.
            if (value == options_.least)
                throw Error(Failure::bad_input, named(value) + ": " + run.reason);
            say(named(value) + ": " + run.reason);
            return false;
        }
        const auto peak = value_of(run, "peak_bytes");
        if (!peak) return {};
        const bool fits = *peak <= budget_;
        say(named(value) + " would take " + format_value(*peak, "bytes") +
            (fits ? "" : ", too much"));
        return fits;
    }

    std::optional<bool> confirmed(std::int64_t value) {
        Spec spec = spec_;
        spec.base = at(value);
        bool interrupted = false;
        const auto runs = measure_spec(spec, options_.store, options_.quiet, interrupted);
        interrupted_ = interrupted_ || interrupted;
        if (interrupted || runs.empty()) return {};
        const auto& run = runs.front();
        if (run.status == RunStatus::done) {
            const double peak = value_of(run, "peak_bytes").value_or(0);
            const bool fits = peak <= budget_;
            say(named(value) + " took " + format_value(peak, "bytes") + (fits ? "" : ", too much"));
            if (fits) best_ = run;
            return fits;
        }
        if (run.failure == Failure::out_of_memory) {
            say(named(value) + " ran out of memory");
            return false;
        }
        failure_ = named(value) + ": " + run.reason;
        return {};
    }

    void write_markdown(const SearchResult& found, std::int64_t most) const {
        if (found.largest) {
            std::cout << "The largest " << field_->name << " within "
                      << format_value(budget_, "bytes") << " is " << *found.largest
                      << (found.bounded ? ", the largest asked for" : "") << ", confirmed by run "
                      << best_.id << ".\n\n";
            sweetspot::write_markdown(std::cout, std::vector{best_});
        } else if (interrupted_) {
            std::cout << "Interrupted before a run confirmed a value; the same command goes on.\n";
        } else if (failure_.empty()) {
            std::cout << "No " << field_->name << " from " << options_.least << " to " << most
                      << " fits within " << format_value(budget_, "bytes") << ".\n";
        }
        if (!failure_.empty()) std::cerr << "A run failed: " << printable(failure_) << '\n';
    }

    void write_json(const SearchResult& found) const {
        Json steps = Json::array();
        for (const auto& step : found.steps)
            steps.push_back(
                {{"value", step.value}, {"predicted", step.predicted}, {"fits", step.fits}});
        std::cout << dump(Json{{"field", field_->name},
                               {"budget_bytes", json_number(budget_)},
                               {"largest", found.largest ? Json(*found.largest) : Json()},
                               {"run", found.largest ? Json(best_.id) : Json()},
                               {"bounded", found.bounded},
                               {"interrupted", interrupted_.load()},
                               {"failure", failure_},
                               {"steps", steps}},
                          2)
                  << '\n';
    }

    const SearchOptions& options_;
    const RunField* field_ = nullptr;
    Spec spec_{};
    double budget_ = 0;
    Predictor predictor_{};
    RunRecord best_{};
    std::string failure_{}; ///< of a run that failed for other reasons than memory
    std::atomic<bool> interrupted_ = false;
};

} // namespace

void add_search_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("search", "the largest batch, length or tokens that fit");
    const auto options = std::make_shared<SearchOptions>();
    options->what.add_to(*command);
    command
        ->add_option("--maximise,--maximize", options->maximise,
                     "batch, sequence, token_budget, new_tokens, … (batch)")
        ->type_name("FIELD");
    command
        ->add_option("--memory", options->memory,
                     "peak memory at most, e.g. 24GiB (what is free where it runs)")
        ->type_name("SIZE");
    command->add_option("--from", options->least, "the smallest value to try (1)");
    command->add_option("--to", options->most, "the largest (as the field allows)");
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command->add_option("-o,--output", options->output, "md or json (md)")->type_name("FORMAT");
    command->add_flag("-q,--quiet", options->quiet, "no progress");
    command->footer(
        "The device plan says exactly what each value would take, so that the search itself costs\n"
        "nothing; the largest that fits is then confirmed by a run. If that runs out of memory\n"
        "after all, the search goes on by runs. They are kept: the same command reuses them.\n\n"
        "Exit status: 0 done; 3 nothing fits; 4 a run failed for another reason; 130 "
        "interrupted.\n\n"
        "  sweetspot search --maximise batch --memory 24GiB -m esm2-650m -s 1024\n"
        "  sweetspot search --maximise sequence --to 8192 -m llama2-7b --precision bf16\n"
        "  sweetspot search --maximise batch -m llama-110m --task train --data FILE -s 512");
    command->callback(
        [options, &action] { action = [options] { return SearchCommand(*options)(); }; });
}

} // namespace sweetspot

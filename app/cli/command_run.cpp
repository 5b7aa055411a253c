#include "app/analysis/format.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/interrupt.h"
#include "app/cli/outputs.h"
#include "app/cli/progress.h"
#include "app/cli/spec_flags.h"
#include "app/runner/devices.h"
#include "app/runner/runner.h"
#include "app/store/store.h"
#include <algorithm>
#include <iostream>
#include <set>

namespace sweetspot {

namespace {

struct RunOptions {
    SpecFlags what;
    std::string store = default_store_path().string();
    std::string output = "md", output_to_errors = "none";
    bool force = false, fail_fast = false, quiet = false;
};

/// Keeps what the workers say and shows how it goes.
class SweepSink : public RecordSink {
public:
    SweepSink(Store& store, const Store::NewSweep& sweep, const std::vector<PlannedRun>& runs,
              Progress* progress, std::function<void(const RunRecord&)> ended)
        : store_(store), ids_(sweep.run_ids), progress_(progress), ended_(std::move(ended)),
          records_(runs.size()) {
        for (std::size_t i = 0; i < runs.size(); ++i) {
            records_[i].id = ids_[i];
            records_[i].sweep_id = sweep.id;
            records_[i].hash = runs[i].hash;
            records_[i].config = runs[i].config;
        }
    }

    void line(std::size_t index, const Line& line) override {
        store_.append(ids_[index], line);
        apply(line, records_[index]);
        if (const auto* phase = std::get_if<Phase>(&line); phase && progress_)
            progress_->phase(index, *phase);
        if (std::holds_alternative<Finished>(line) || std::holds_alternative<Failed>(line)) {
            if (progress_) progress_->ended(index, records_[index]);
            ended_(records_[index]);
        }
    }

private:
    Store& store_;
    std::vector<std::int64_t> ids_;
    Progress* progress_; ///< not owned; null = quiet
    std::function<void(const RunRecord&)> ended_;
    std::vector<RunRecord> records_;
};

/// Predicted work of each run, 0 where it cannot be told.
std::vector<double> predicted_flops(const std::vector<PlannedRun>& runs, Predictor& predictor) {
    std::vector<RunConfig> configs;
    for (const auto& run : runs) configs.push_back(run.config);
    std::vector<double> flops;
    for (const auto& prediction : predictor.predict(configs))
        flops.push_back(value_of(prediction, "flops").value_or(0));
    return flops;
}

/// Finished runs of the same configurations, by place in the list.
std::map<std::size_t, std::int64_t> finished_before(const Store& store,
                                                    const std::vector<PlannedRun>& runs) {
    std::map<std::size_t, std::int64_t> found;
    for (std::size_t i = 0; i < runs.size(); ++i)
        if (runs[i].impossible.empty())
            if (const auto id = store.finished_run(runs[i])) found[i] = *id;
    return found;
}

std::vector<RunRecord> runs_of(const Store& store, std::int64_t sweep_id) {
    RunQuery query;
    query.sweep_id = sweep_id;
    return store.runs(query);
}

/// The runs of the newest sweep of exactly this spec, if these are all that is asked for: each one
/// impossible, or one that stands for its point. Nothing otherwise.
std::vector<RunRecord> complete_sweep(const Store& store, const Spec& spec,
                                      const std::map<std::size_t, std::int64_t>& known) {
    const auto text = to_json(spec);
    for (const auto& sweep : store.sweeps()) {
        if (sweep.spec_json != text) continue;
        auto runs = runs_of(store, sweep.id);
        bool same = true;
        for (std::size_t i = 0; i < runs.size(); ++i) {
            const auto found = known.find(i);
            same = same && (found == known.end() ? runs[i].status == RunStatus::impossible
                                                 : found->second == runs[i].id);
        }
        if (same) return runs;
    }
    return {};
}

class RunCommand {
public:
    explicit RunCommand(const RunOptions& options)
        : options_(options), output_(output_format(options.output)),
          to_errors_(output_format(options.output_to_errors)) {}

    int operator()() {
        spec_ = options_.what.spec();
        auto runs = plan(spec_);
        require_devices(runs);
        Store store(options_.store);
        identify(
            runs, [&](const auto& file) { return store.sha256_of(file); },
            [](const RunConfig& config) { return environment_for(config); });
        const auto known =
            options_.force ? std::map<std::size_t, std::int64_t>{} : finished_before(store, runs);
        const auto possible = std::count_if(runs.begin(), runs.end(),
                                            [](const auto& run) { return run.impossible.empty(); });
        announce(runs.size(), std::size_t(possible), known.size());
        say_what_is_outdated(store, runs, known);
        for (const auto& [_, id] : known) reused_.insert(id);
        if (known.size() == std::size_t(possible) && !options_.force)
            if (auto old = complete_sweep(store, spec_, known); !old.empty())
                return finish(std::move(old), false);
        const auto sweep = store.add_sweep(spec_, runs, options_.force);
        const bool all_known = known.size() == std::size_t(possible);
        const bool interrupted = !all_known && measure(store, sweep, runs, known);
        return finish(runs_of(store, sweep.id), interrupted);
    }

private:
    void say(const std::string& sentence) const {
        if (!options_.quiet) std::cerr << sentence << std::endl;
    }

    void announce(std::size_t all, std::size_t possible, std::size_t known) const {
        if (possible < all)
            say(std::to_string(all - possible) + " of " + std::to_string(all) +
                " points are impossible; their reasons are in the table.");
        if (known > 0) // not to be kept quiet: these numbers are old
            std::cerr << known << " of " << possible
                      << " runs were measured before, here and by this build, and are reused; "
                         "--force runs them again."
                      << std::endl;
    }

    void say_what_is_outdated(const Store& store, const std::vector<PlannedRun>& runs,
                              const std::map<std::size_t, std::int64_t>& known) const {
        std::size_t outdated = 0;
        for (std::size_t i = 0; i < runs.size(); ++i)
            outdated += !known.contains(i) && store.was_measured_by_another_build(runs[i]);
        if (outdated > 0 && !options_.force)
            say(std::to_string(outdated) + (outdated == 1 ? " run was" : " runs were") +
                " measured by an older build, and " + (outdated == 1 ? "is" : "are") +
                " measured again.");
    }

    /// True if it was interrupted.
    bool measure(Store& store, const Store::NewSweep& sweep, std::vector<PlannedRun> runs,
                 const std::map<std::size_t, std::int64_t>& known) {
        for (const auto& [index, _] : known)
            runs[index].impossible = "It is in the store already."; // nothing to do for the runner
        SweepControl control;
        Predictor predictor;
        std::atomic<bool> interrupted = false;
        const InterruptWatch watch([&] {
            interrupted = true;
            std::cerr << "\nStopping; what finished is kept. Ctrl-C again ends at once."
                      << std::endl;
            control.stop_now();
            predictor.stop();
        });
        std::optional<Progress> progress;
        if (!options_.quiet)
            progress.emplace(runs, predicted_flops(runs, predictor), TimeEstimate(store.runs()));
        SweepSink sink(store, sweep, runs, progress ? &*progress : nullptr,
                       [&](const RunRecord& run) {
                           if (output_ == OutputFormat::jsonl) stream(run);
                           if (options_.fail_fast && run.status == RunStatus::failed)
                               control.stop();
                       });
        run_sweep(runs, sink, control);
        return interrupted;
    }

    /// Lines of JSON come out as runs end.
    void stream(const RunRecord& run) {
        std::cout << json_line_of(run) << std::endl;
        streamed_.insert(run.id);
    }

    int finish(std::vector<RunRecord> runs, bool interrupted) {
        for (auto& run : runs) run.reused = reused_.contains(run.id);
        if (output_ != OutputFormat::jsonl)
            write_runs(std::cout, runs, output_, spec_.name);
        else
            for (const auto& run : runs)
                if (!streamed_.contains(run.id)) stream(run);
        write_runs(std::cerr, runs, to_errors_, spec_.name);
        const auto failed = std::count_if(runs.begin(), runs.end(), [](const auto& run) {
            return run.status == RunStatus::failed;
        });
        if (interrupted) return exit_interrupted;
        if (failed)
            say(std::to_string(failed) + " of " + std::to_string(runs.size()) + " runs failed.");
        return failed ? exit_some_failed : exit_done;
    }

    const RunOptions& options_;
    OutputFormat output_, to_errors_;
    Spec spec_{};
    std::set<std::int64_t> streamed_, reused_;
};

} // namespace

void add_run_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand("run", "run a sweep and keep every run");
    const auto options = std::make_shared<RunOptions>();
    options->what.add_to(*command);
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command
        ->add_option("-o,--output", options->output,
                     "md, csv, json, jsonl, sql, html or none, to standard output (md)")
        ->type_name("FORMAT");
    command
        ->add_option("--output-err", options->output_to_errors,
                     "likewise to standard error (none); also -oe")
        ->type_name("FORMAT");
    command->add_flag("--force", options->force, "measure again what was measured before");
    command->add_flag("--fail-fast", options->fail_fast, "stop after the first run that fails");
    command->add_flag("-q,--quiet", options->quiet, "no progress");
    command->footer(
        "A run is reused, and said to be, where it was measured before: same configuration, same\n"
        "contents of its files, same machine, instruction set, threads and build.\n\n"
        "Lists: 1,2,4   ranges: 1-64*2 (times two), 128-1024+128, sequence[pow2]=[7:11]\n\n"
        "  sweetspot run quickstart\n"
        "  sweetspot run -m esm2-8m -b 1,2,4 -s 128-512*2 -a naive,flash -r 5\n"
        "  sweetspot run -m esm2-8m -b 1,8 -s 512,64 --zip -o csv > runs.csv\n"
        "  sweetspot run my.json --precision bf16 --store results.sweetspot -o jsonl");
    command->callback(
        [options, &action] { action = [options] { return RunCommand(*options)(); }; });
}

} // namespace sweetspot

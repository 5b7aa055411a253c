#include "app/analysis/format.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/interrupt.h"
#include "app/cli/outputs.h"
#include "app/cli/progress.h"
#include "app/cli/spec_flags.h"
#include "app/cli/step_lines.h"
#include "app/experiment/identity.h"
#include "app/experiment/lines.h"
#include "app/experiment/notes.h"
#include "app/experiment/printable.h"
#include "app/runner/devices.h"
#include "app/runner/runner.h"
#include "app/store/ceilings_file.h"
#include "app/store/reference_path.h"
#include "app/store/store.h"
#include <algorithm>
#include <array>
#include <iostream>
#include <set>
#include <unordered_map>

// sweetspot run: measures what a spec or flags ask for, point by point, keeps every sample and says
// what came out. Interrupted, it keeps what it has.

namespace sweetspot {

namespace {

struct RunOptions {
    SpecFlags what;
    std::string store = default_store_path().string();
    std::string output = "md", output_to_errors = "none";
    std::vector<std::string> interleave; ///< none, or what A and B are
    bool force = false, fail_fast = false, quiet = false;
};

/// What a step of a run is predicted to do; 0 where it cannot be told.
struct Work {
    double flops = 0, tokens = 0;
};

std::vector<Work> predicted_work(const std::vector<PlannedRun>& runs, Predictor& predictor) {
    std::vector<RunConfig> configs;
    for (const auto& run : runs) configs.push_back(run.config);
    std::vector<Work> work;
    for (const auto& prediction : predictor.predict(configs))
        work.push_back({value_of(prediction, "flops").value_or(0),
                        value_of(prediction, "tokens_nominal").value_or(0)});
    return work;
}

/// The rate of products that was measured in a precision; 0 if it was not.
double ceiling_in(Precision precision, const Ceilings& ceilings) {
    switch (precision) {
    case Precision::f32: return ceilings.compute(DType::f32);
    case Precision::bf16: return ceilings.compute(DType::bf16);
    case Precision::f16: return ceilings.compute(DType::f16);
    default: return 0;
    }
}

/// Keeps what the workers say and shows how it goes.
class SweepSink : public RecordSink {
public:
    SweepSink(Store& store, const Store::NewSweep& sweep, const std::vector<PlannedRun>& runs,
              std::vector<Work> work, Progress* progress,
              std::function<void(const RunRecord&)> ended)
        : store_(store), ids_(sweep.run_ids), work_(std::move(work)), progress_(progress),
          ended_(std::move(ended)), records_(runs.size()) {
        for (std::size_t i = 0; i < runs.size(); ++i) {
            if (runs[i].rounds_done > 0 && runs[i].impossible.empty()) {
                RunQuery begun; // its further rounds come to those it has
                begun.ids = {ids_[i]};
                records_[i] = store.runs(begun).at(0);
            }
            records_[i].id = ids_[i];
            records_[i].sweep_id = sweep.id; // of two interleaved ones nothing is streamed
            records_[i].hash = runs[i].hash;
            records_[i].config = runs[i].config;
        }
    }

    void line(std::size_t index, const Line& line) override {
        store_.append(ids_[index], line);
        apply(line, records_[index]);
        if (progress_ && records_[index].config.task == Task::train) say_steps(index, line);
        if (const auto* round = std::get_if<Round>(&line); round && progress_)
            progress_->round_ended(index, round->index, records_[index]);
        if (const auto* phase = std::get_if<Phase>(&line); phase && progress_)
            progress_->phase(index, *phase);
        if (std::holds_alternative<Finished>(line) || std::holds_alternative<Failed>(line)) {
            if (progress_) progress_->ended(index, records_[index]);
            ended_(records_[index]);
        }
    }

private:
    void say_steps(std::size_t index, const Line& line) {
        std::optional<std::string> text;
        if (const auto* sample = std::get_if<Measured>(&line)) {
            if (!steps_) steps_.emplace(scale_of(index));
            text = steps_->add(*sample);
        } else if (steps_) {
            text = steps_->take(); // the worker has said all of it
            if (!std::holds_alternative<Phase>(line)) steps_.reset();
        }
        if (text) progress_->say_step(index, *text);
    }
    StepScale scale_of(std::size_t index) const {
        const RunRecord& run = records_[index];
        const auto fact = [&](const char* name) {
            const auto found = run.environment.find(name);
            return found == run.environment.end() ? "" : found->second;
        };
        const bool gpu = run.config.device == DeviceKind::cuda;
        int threads = 0;
        if (!gpu) from_text(fact("threads"), threads);
        const auto ceilings = find_ceilings(store_.path(), fact(gpu ? "gpu" : "cpu"), threads);
        const auto [flops, tokens] = index < work_.size() ? work_[index] : Work{};
        return {.steps = run.config.steps,
                .flops_a_token = tokens > 0 ? flops / tokens : 0,
                .ceiling = ceilings ? ceiling_in(run.config.precision, *ceilings) : 0};
    }

    Store& store_;
    std::vector<std::int64_t> ids_;
    std::vector<Work> work_;
    std::optional<StepLines> steps_{}; ///< of the training under way
    Progress* progress_;               ///< not owned; null = quiet
    std::function<void(const RunRecord&)> ended_;
    std::vector<RunRecord> records_;
};

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
std::vector<RunRecord> complete_sweep(const Store& store, const Spec& spec, std::size_t points,
                                      const std::map<std::size_t, std::int64_t>& known) {
    const auto text = to_json(spec);
    for (const auto& sweep : store.sweeps()) {
        if (sweep.spec_json != text) continue;
        auto runs = runs_of(store, sweep.id);
        bool same = runs.size() == points; // an older build may have planned others
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
        if (!options_.interleave.empty()) return interleave();
        bool interrupted = false;
        auto runs = measured(options_.what.spec(), interrupted);
        return finish(std::move(runs), interrupted);
    }

    /// The spec's runs, those that were measured before among them.
    std::vector<RunRecord> measured(Spec spec, bool& interrupted) {
        spec_ = std::move(spec);
        auto runs = planned(spec_);
        Store store(options_.store);
        look_at(runs, store);
        const auto known =
            options_.force ? std::map<std::size_t, std::int64_t>{} : finished_before(store, runs);
        const auto possible = std::count_if(runs.begin(), runs.end(),
                                            [](const auto& run) { return run.impossible.empty(); });
        announce(runs.size(), std::size_t(possible), known.size());
        say_what_is_outdated(store, runs, known);
        say_what_is_never_reused(runs);
        for (const auto& [_, id] : known) reused_.insert(id);
        if (known.size() == std::size_t(possible) && !options_.force)
            if (auto old = complete_sweep(store, spec_, runs.size(), known); !old.empty())
                return old;
        const auto sweep = store.add_sweep(spec_, runs, options_.force);
        const bool all_known = known.size() == std::size_t(possible);
        interrupted = !all_known && measure_corners_first(store, sweep, runs, known);
        return runs_of(store, sweep.id);
    }

private:
    std::vector<PlannedRun> planned(const Spec& spec) const {
        auto runs = plan(spec);
        for (const auto& [field, sentence] : notes_on(spec).sentences) say(sentence + ".");
        require_devices(runs);
        return runs;
    }

    void look_at(std::vector<PlannedRun>& runs, Store& store) const {
        find_references(runs, store.path());
        std::optional<ReadingProgress> reading;
        if (!options_.quiet) reading.emplace();
        identify(
            runs,
            [&](const auto& file) {
                return store.sha256_of(file, [&](double share) {
                    if (reading) (*reading)(file, share);
                });
            },
            [](const RunConfig& config) { return environment_for(config); });
    }

    /// In the window's order, so that a sweep that is stopped has seen the ends of each axis;
    /// stored and shown are the points as they were asked for.
    bool measure_corners_first(Store& store, const Store::NewSweep& sweep,
                               const std::vector<PlannedRun>& runs,
                               const std::map<std::size_t, std::int64_t>& known) {
        std::unordered_map<std::string, std::size_t> places; // configurations stand once
        for (std::size_t i = 0; i < runs.size(); ++i)
            places.emplace(to_json_line(runs[i].config), i);
        auto ordered = corners_first(runs, spec_);
        Store::NewSweep order{.id = sweep.id};
        std::map<std::size_t, std::int64_t> known_there;
        for (std::size_t i = 0; i < ordered.size(); ++i) {
            const auto from = places.at(to_json_line(ordered[i].config));
            order.run_ids.push_back(sweep.run_ids[from]);
            order.finished.push_back(sweep.finished[from]);
            order.rounds_done.push_back(sweep.rounds_done[from]);
            if (const auto found = known.find(from); found != known.end())
                known_there.emplace(i, found->second);
        }
        return measure(store, order, std::move(ordered), known_there);
    }

    /// Two sweeps at once, their points turn about, all measured anew: what is old was measured at
    /// another time, and stands in for no round.
    int interleave() {
        const std::array specs{options_.what.spec_with(options_.interleave[0]),
                               options_.what.spec_with(options_.interleave[1])};
        std::array parts{planned(specs[0]), planned(specs[1])};
        Store store(options_.store);
        std::array<std::int64_t, 2> ids{};
        Store::NewSweep both;
        std::vector<PlannedRun> runs;
        for (std::size_t i = 0; i < 2; ++i) {
            auto& part = parts[i];
            look_at(part, store);
            const auto sweep = store.add_sweep(specs[i], part, true);
            ids[i] = sweep.id;
            runs.insert(runs.end(), part.begin(), part.end());
            both.run_ids.insert(both.run_ids.end(), sweep.run_ids.begin(), sweep.run_ids.end());
        }
        both.finished.assign(runs.size(), false);
        both.rounds_done.assign(runs.size(), 0);
        const bool interrupted = measure(store, both, std::move(runs), {});
        int status = exit_done;
        std::array<RunSet, 2> sets;
        for (std::size_t i = 0; i < 2; ++i) {
            spec_ = specs[i];
            sets[i] = {spec_.name + " (sweep " + std::to_string(ids[i]) + ")", "",
                       runs_of(store, ids[i])};
            status = std::max(status, finish(sets[i].runs, interrupted));
            if (output_ == OutputFormat::md) std::cout << '\n';
        }
        if (output_ == OutputFormat::md) write_comparison(sets[0], sets[1]);
        return status;
    }

    void say(const std::string& sentence) const {
        if (!options_.quiet) std::cerr << printable(sentence) << std::endl;
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

    void say_what_is_never_reused(const std::vector<PlannedRun>& runs) const {
        const auto count = std::count_if(runs.begin(), runs.end(), [](const auto& run) {
            return run.impossible.empty() && leaves_files(run.config);
        });
        if (count > 0)
            say(std::to_string(count) + (count == 1 ? " run writes" : " runs write") +
                " files (save, checkpoint): no earlier run stands in for " +
                (count == 1 ? "it." : "them."));
    }

    /// Runs that were stopped between rounds go on with those that are missing.
    void resume(const Store::NewSweep& sweep, std::vector<PlannedRun>& runs) const {
        std::size_t resumed = 0;
        for (std::size_t i = 0; i < runs.size(); ++i) {
            runs[i].rounds_done = sweep.rounds_done[i];
            resumed += runs[i].rounds_done > 0 && !sweep.finished[i];
        }
        if (resumed > 0)
            say(std::to_string(resumed) + (resumed == 1 ? " run lacks rounds, and gets them."
                                                        : " runs lack rounds, and get them."));
    }

    /// True if it was interrupted.
    bool measure(Store& store, const Store::NewSweep& sweep, std::vector<PlannedRun> runs,
                 const std::map<std::size_t, std::int64_t>& known) {
        resume(sweep, runs);
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
        std::vector<Work> work;
        if (!options_.quiet) {
            work = predicted_work(runs, predictor);
            std::vector<double> flops;
            for (const Work& one : work) flops.push_back(one.flops);
            progress.emplace(runs, std::move(flops), TimeEstimate(store.runs()));
        }
        SweepSink sink(store, sweep, runs, std::move(work), progress ? &*progress : nullptr,
                       [&](const RunRecord& run) {
                           if (output_ == OutputFormat::jsonl && options_.interleave.empty())
                               stream(run);
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

std::vector<RunRecord> measure_spec(const Spec& spec, const std::string& store, bool quiet,
                                    bool& interrupted) {
    RunOptions options;
    options.store = store;
    options.output = "none";
    options.quiet = quiet;
    return RunCommand(options).measured(spec, interrupted);
}

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
    command
        ->add_option("--interleave", options->interleave,
                     "two sweeps turn about: A and B are each FIELD=VALUE,… or a spec; then a "
                     "comparison")
        ->type_name("A B")
        ->expected(2);
    command->add_flag("--force", options->force, "measure again what was measured before");
    command->add_flag("--fail-fast", options->fail_fast, "stop after the first run that fails");
    command->add_flag("-q,--quiet", options->quiet, "no progress");
    command->footer(
        "A run is reused, and said to be, where it was measured before: same configuration, same\n"
        "contents of its files, same machine, instruction set, threads and build.\n\n"
        "What cannot be had, or would be something else than was asked for, is refused by name:\n"
        "the point is impossible, says why, and the others run.\n\n"
        "Points are measured in rounds (--rounds), each round in a new worker and another order,\n"
        "which share --repeats, --max-repeats and --min-seconds: more rounds take little longer,\n"
        "and say what one cannot: how far runs differ though nothing was changed. Within a round\n"
        "points that share a model on the CPU follow each other in one worker, which keeps it.\n"
        "Ctrl-C keeps the rounds that are over; the same command goes on with those that are\n"
        "missing.\n\n"
        "Lists: 1,2,4   ranges: 1-64*2 (times two), 128-1024+128, sequence[pow2]=[7:11]\n\n"
        "  sweetspot run quickstart\n"
        "  sweetspot run -m esm2-8m -b 1,2,4 -s 128-512*2 -a naive,flash -r 5\n"
        "  sweetspot run -m esm2-8m --rounds 12 --interleave attention=naive attention=flash\n"
        "  sweetspot run -m esm2-8m -b 1,8 -s 512,64 --zip -o csv > runs.csv\n"
        "  sweetspot run my.json --precision bf16 --store results.sweetspot -o jsonl");
    command->callback(
        [options, &action] { action = [options] { return RunCommand(*options)(); }; });
}

} // namespace sweetspot

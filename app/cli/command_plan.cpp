#include "app/analysis/estimate.h"
#include "app/analysis/fit.h"
#include "app/analysis/format.h"
#include "app/analysis/series.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/interrupt.h"
#include "app/cli/outputs.h"
#include "app/cli/run_table.h"
#include "app/cli/spec_flags.h"
#include "app/experiment/notes.h"
#include "app/runner/devices.h"
#include "app/store/store.h"
#include "kernels/core/machine.h"
#include <algorithm>
#include <iostream>
#include <map>

// sweetspot plan: what a sweep would take. The device plan goes through the same code as a run, so
// that memory is exact; time is judged by past runs. Nothing runs.

namespace sweetspot {

namespace {

struct PlanOptions {
    SpecFlags what;
    std::string store = default_store_path().string();
    std::string output = "md";
    std::string memory{}; ///< as people write it; "": what is free
    bool points_only = false;
};

/// In bytes, or nothing. Throws Error(bad_input).
std::optional<double> budget_of(const PlanOptions& options) {
    if (options.memory.empty()) return {};
    const auto bytes = read_value(options.memory, "bytes");
    if (!bytes || *bytes <= 0)
        throw Error(Failure::bad_input,
                    "--memory is a size such as 24GiB, not \"" + options.memory + '"');
    return bytes;
}

/// Each point as a record that holds what the device plan says of it.
std::vector<RunRecord> predicted(const std::vector<PlannedRun>& runs, bool points_only) {
    std::vector<RunConfig> possible;
    for (const auto& run : runs)
        if (run.impossible.empty() && !points_only) possible.push_back(run.config);
    Predictor predictor;
    const InterruptWatch watch([&] { predictor.stop(); });
    auto predictions = predictor.predict(possible);
    std::vector<RunRecord> records;
    auto next = predictions.begin();
    for (const auto& run : runs) {
        RunRecord record;
        if (run.impossible.empty() && !points_only) record = std::move(*next++);
        record.hash.clear(); // a point's needs the contents of its files, which nobody read
        record.config = run.config;
        if (!run.impossible.empty()) {
            record.status = RunStatus::impossible;
            record.reason = run.impossible;
        } else if (record.status != RunStatus::failed) {
            record.status = RunStatus::planned;
        }
        records.push_back(std::move(record));
    }
    return records;
}

class PlanCommand {
public:
    explicit PlanCommand(const PlanOptions& options)
        : options_(options), output_(output_format(options.output)), budget_(budget_of(options)) {}

    int operator()() {
        const auto spec = options_.what.spec();
        const auto runs = plan(spec);
        for (const auto& [field, sentence] : notes_on(spec).sentences)
            std::cerr << sentence << ".\n";
        records_ = predicted(runs, options_.points_only);
        const bool asks_for_gpu = std::any_of(records_.begin(), records_.end(),
                                              [](const auto& run) { return run.config.on_gpu(); });
        if (asks_for_gpu && !options_.points_only) devices_ = list_devices();
        estimate();
        if (output_ == OutputFormat::md)
            write_markdown_table(std::cout, budget_ && varies("sequence") ? grid() : table());
        else
            write_runs(std::cout, records_, output_, spec.name);
        std::cout.flush();
        say_total();
        return exit_done;
    }

private:
    void estimate() {
        std::vector<RunRecord> history;
        if (std::filesystem::exists(options_.store))
            history = open_for_reading(options_.store).runs();
        const TimeEstimate estimate(history);
        for (const auto& run : records_) {
            const auto flops = value_of(run, "flops");
            seconds_.push_back(flops && run.status == RunStatus::planned
                                   ? estimate.run_seconds(run.config, *flops)
                                   : std::nullopt);
        }
    }

    FreeMemory memory() const { return {host_bytes_, devices_}; }
    bool fits_here(const RunRecord& run) const {
        if (budget_) return value_of(run, "peak_bytes").value_or(0) <= *budget_;
        return fits(value_of(run, "peak_bytes").value_or(0), run.config, memory());
    }

    RunTable table() const {
        auto table = run_table(records_);
        table.columns.insert(table.columns.end() - 1, {"time", true});
        for (std::size_t i = 0; i < records_.size(); ++i) {
            auto& row = table.rows[i];
            row.insert(row.end() - 1, seconds_[i] ? "≈ " + format_duration(*seconds_[i]) : "");
            if (records_[i].status != RunStatus::planned) continue;
            row.back() = fits_here(records_[i]) ? "" : "will not fit";
            for (const auto& note : notes_of(records_[i], RunMark::What::status))
                row.back() += (row.back().empty() ? "" : "; ") + note;
        }
        return table;
    }

    bool varies(std::string_view field) const {
        const auto fields = varying_fields(records_);
        return std::ranges::find(fields, field) != fields.end();
    }

    /// A row for what varies beside the length, and a column for each length: what it takes, or
    /// that this is beyond the budget.
    RunTable grid() const {
        RunTable table;
        std::vector<std::string> fields, lengths;
        for (const auto& field : varying_fields(records_))
            if (field != "sequence") fields.emplace_back(field);
        for (const auto& field : fields) table.columns.push_back({field, false});
        std::map<std::vector<std::string>, std::size_t> places;
        for (const RunRecord& run : records_) {
            std::vector<std::string> row;
            for (const auto& field : fields) row.push_back(get_field(run.config, field));
            if (places.try_emplace(row, places.size()).second) table.rows.push_back(row);
            const auto length = get_field(run.config, "sequence");
            if (std::ranges::find(lengths, length) == lengths.end()) lengths.push_back(length);
        }
        for (const auto& length : lengths) table.columns.push_back({length + " tokens", true});
        for (auto& row : table.rows) row.resize(table.columns.size());
        for (const RunRecord& run : records_) {
            std::vector<std::string> row;
            for (const auto& field : fields) row.push_back(get_field(run.config, field));
            const auto column = std::ranges::find(lengths, get_field(run.config, "sequence"));
            const auto peak = value_of(run, "peak_bytes");
            table.rows[places.at(row)][fields.size() + std::size_t(column - lengths.begin())] =
                !peak            ? to_text(run.status)
                : fits_here(run) ? format_value(*peak, "bytes")
                                 : "✗ " + format_value(*peak, "bytes");
        }
        return table;
    }

    void say_total() const {
        std::size_t impossible = 0, too_large = 0;
        double total = 0, largest = 0, available = 0;
        bool known = true;
        for (std::size_t i = 0; i < records_.size(); ++i) {
            impossible += records_[i].status != RunStatus::planned;
            if (records_[i].status != RunStatus::planned) continue;
            too_large += !fits_here(records_[i]);
            const double bytes = value_of(records_[i], "peak_bytes").value_or(0);
            if (bytes > largest)
                available = budget_.value_or(memory_limit(records_[i].config, memory()));
            largest = std::max(largest, bytes);
            known &= seconds_[i].has_value();
            total += seconds_[i].value_or(0);
        }
        std::cerr << records_.size() << (records_.size() == 1 ? " run" : " runs");
        if (impossible) std::cerr << ", " << impossible << " of them impossible";
        if (too_large) std::cerr << ", " << too_large << " will not fit";
        if (largest > 0) std::cerr << "; at most " << format_value(largest, "bytes");
        if (available > 0)
            std::cerr << " of " << format_value(available, "bytes")
                      << (budget_ ? " asked for" : " available");
        std::cerr << (options_.points_only ? ""
                      : known              ? "; about " + format_duration(total)
                                           : "; times are known once something was measured")
                  << ".\n";
    }

    const PlanOptions& options_;
    OutputFormat output_;
    std::optional<double> budget_;
    double host_bytes_ = read_machine().available_bytes;
    std::vector<DeviceInfo> devices_{};
    std::vector<RunRecord> records_;
    std::vector<std::optional<double>> seconds_;
};

} // namespace

void add_plan_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("plan", "what would run, with predicted memory and time");
    const auto options = std::make_shared<PlanOptions>();
    options->what.add_to(*command);
    command->add_option("--store", options->store, "the database of runs, for estimates of time")
        ->type_name("FILE");
    command->add_option("-o,--output", options->output, "md, csv, json, jsonl, sql or html (md)")
        ->type_name("FORMAT");
    command
        ->add_option("--memory", options->memory,
                     "what a run may take, e.g. 24GiB (what is free where it runs); several "
                     "lengths are columns of a table then")
        ->type_name("SIZE");
    command->add_flag("--points-only", options->points_only,
                      "no predictions: at once, however many");
    command->footer(
        "Nothing runs. The device plan goes through the same code as a run and keeps the\n"
        "ledger of memory, so that what it says is exact.\n\n"
        "  sweetspot plan -m llama2-7b,llama2-13b -s 512-4096*2 --precision f32,bf16\n"
        "  sweetspot plan -m llama2-7b,llama2-13b --weight-format dense,q8_0,q4_k --task generate "
        "\\\n"
        "      -s 512-8192*2 --memory 24GiB\n"
        "  sweetspot plan quickstart -o csv");
    command->callback(
        [options, &action] { action = [options] { return PlanCommand(*options)(); }; });
}

} // namespace sweetspot

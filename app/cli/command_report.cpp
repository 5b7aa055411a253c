#include "app/analysis/run_plots.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/paint.h"
#include "app/cli/references.h"
#include "app/cli/report.h"
#include "app/cli/spot_report.h"
#include "app/experiment/key.h"
#include "app/experiment/printable.h"
#include "app/store/earlier_steps.h"
#include "engine/config/nearest.h"
#include <fstream>
#include <iostream>
#include <unistd.h>

// sweetspot report: what was measured as one HTML file, Markdown or PDF, with its drawings, its
// findings and the way to repeat it.

namespace sweetspot {

namespace {

struct ReportOptions {
    std::string runs = "last";
    std::string store = default_store_path().string();
    std::string output = "html";
    std::string folder;
    double tolerance = usual_tolerance;
};

void write_text(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw Error(Failure::file, "cannot write " + path.string());
}

/// A name of letters that every file system takes.
std::string as_file_name(std::string text) {
    for (char& c : text)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.') c = '-';
    return text;
}

/// A path is its bytes to a program that reads it, and nothing that acts on a terminal.
std::string shown(const std::filesystem::path& path) {
    return isatty(STDOUT_FILENO) ? printable(path.string()) : path.string();
}

/// The run that is furthest from its reference by its mean divergence, with what was kept of it.
std::optional<RunRecord> furthest_of(const Store& store, std::span<const RunRecord> runs) {
    const RunRecord* furthest = nullptr;
    const auto off = [](const RunRecord& run) { return value_of(run, "kl_mean"); };
    for (const auto& run : runs)
        if (run.status == RunStatus::done && off(run) && (!furthest || off(run) > off(*furthest)))
            furthest = &run;
    if (!furthest) return {};
    const auto found = store.runs({.ids = {furthest->id}, .with_details = true});
    return found.empty() || found.front().hash != furthest->hash ? *furthest : found.front();
}

/// The first runs that are done, with what they did inside a step.
std::vector<RunRecord> details_of(const Store& store, std::span<const RunRecord> runs) {
    RunQuery query{.with_details = true};
    for (const auto& run : runs)
        if (run.status == RunStatus::done && run.id && query.ids.size() < most_detailed)
            query.ids.push_back(run.id);
    return query.ids.empty() ? std::vector<RunRecord>{} : store.runs(query);
}

ReportInput input_of(const ReportOptions& options) {
    const Store store = open_for_reading(options.store);
    auto set = find_runs(store, options.runs);
    ReportInput input{.title = set.title,
                      .spec_json = set.spec_json,
                      .store = std::filesystem::absolute(options.store).string(),
                      .runs = std::move(set.runs)};
    input.earlier = earlier_steps(store, input.runs);
    input.furthest = furthest_of(store, input.runs);
    input.detailed = details_of(store, input.runs);
    input.tolerance = options.tolerance;
    if (!set.spec_json.empty()) {
        const Spec spec = spec_from_json(set.spec_json, "the sweep's spec");
        input.description = spec.description;
        if (!spec.name.empty()) input.title = spec.name;
        input.spec_hash = hash_of_text(set.spec_json);
    }
    return input;
}

int report(const ReportOptions& options) {
    constexpr std::array<std::string_view, 3> formats{"html", "pdf", "md"};
    if (std::find(formats.begin(), formats.end(), options.output) == formats.end())
        throw Error(Failure::bad_input, "There is no report format \"" + options.output + "\"" +
                                            did_you_mean(options.output, formats));
    const auto input = input_of(options);
    const std::filesystem::path folder =
        options.folder.empty() ? "report-" + as_file_name(input.title) : options.folder;
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed)
        throw Error(Failure::file,
                    "cannot make the folder " + folder.string() + ": " + failed.message());
    const auto path = folder / ("report." + options.output);
    if (options.output == "html") write_text(path, report_html(input));
    if (options.output == "md") write_text(path, report_markdown(input));
    if (options.output == "pdf") write_report_pdf(input, path);
    std::cout << shown(path) << '\n';
    auto plots = plots_of(input.runs);
    if (const auto spot = spot_of_report(input.runs))
        plots.push_back(spot_plot(spot->runs, spot->spots, spot->found, spot->budgets));
    if (input.furthest)
        for (auto& plot : reference_plots(*input.furthest, input.tolerance))
            plots.push_back(std::move(plot));
    for (auto& plot : detail_plots(input.detailed)) plots.push_back(std::move(plot));
    if (auto curves = loss_curves(input.runs, input.earlier); !curves.facets.empty())
        plots.push_back(std::move(curves));
    for (const auto& plot : plots) {
        const auto image = folder / (plot.name + ".png");
        write_png(plot, light_palette, image);
        std::cout << shown(image) << '\n';
    }
    return exit_done;
}

} // namespace

void add_report_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand("report", "findings, plots and tables in one file");
    const auto options = std::make_shared<ReportOptions>();
    command->add_option("RUNS", options->runs,
                        "last, last~1, s3, 12, a hash or a sweep's name (last)");
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command->add_option("-o,--output", options->output, "html, pdf or md (html)")
        ->type_name("FORMAT");
    command->add_option("--out", options->folder, "the folder for the report and the plots as PNG")
        ->type_name("FOLDER");
    command
        ->add_option("--tolerance", options->tolerance,
                     "what counts as a difference of a logit to the reference's (0.01)")
        ->check(CLI::PositiveNumber)
        ->type_name("SIZE");
    command->footer("  sweetspot report last -o html --out results");
    command->callback([options, &action] { action = [options] { return report(*options); }; });
}

} // namespace sweetspot

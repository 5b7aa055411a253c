#include "app/analysis/fit.h"
#include "app/analysis/format.h"
#include "app/analysis/objective.h"
#include "app/cli/available_models.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/outputs.h"
#include "app/cli/references.h"
#include "app/cli/run_table.h"
#include "app/experiment/config_json.h"
#include "app/experiment/printable.h"
#include "app/experiment/schema.h"
#include "app/runner/devices.h"
#include "app/runner/runner.h"
#include "engine/config/catalogue.h"
#include "engine/config/families.h"
#include "engine/config/foreign_tensors.h"
#include "engine/config/hugging_face.h"
#include "engine/config/resources.h"
#include "kernels/core/machine.h"
#include <algorithm>
#include <iostream>

// sweetspot list: what there is to choose from and what was measured, as a table or as JSON.

namespace sweetspot {

namespace {

struct ListOptions {
    std::string store = default_store_path().string();
    bool json = false, schema = false, available = false;
    std::vector<std::string> folders{};
};

void print(const Json& rows, const RunTable& table, bool json) {
    if (json)
        std::cout << printable_json(dump(rows, 2)) << '\n';
    else
        write_markdown_table(std::cout, table);
}

/// A table whose columns are the rows' members; lists are written with commas.
RunTable table_of(const Json& rows) {
    RunTable table;
    for (const auto& row : rows) {
        std::vector<std::string> cells;
        for (const auto& [name, value] : row.items()) {
            if (table.rows.empty()) table.columns.push_back({name, value.is_number()});
            std::string text;
            if (value.is_array())
                for (const auto& item : value)
                    text += (text.empty() ? "" : ", ") + item.get<std::string>();
            else
                text = value.is_string() ? value.get<std::string>()
                       : value.is_null() ? ""
                                         : dump(value);
            cells.push_back(std::move(text));
        }
        table.rows.push_back(std::move(cells));
    }
    return table;
}

std::string in_millions(double count) {
    return count < 1e9 ? format_number(count / 1e6) + " M" : format_number(count / 1e9) + " B";
}

/// What one sequence of 128 tokens takes, in the format that the file is in.
std::vector<RunRecord> predicted(const std::vector<AvailableModel>& models) {
    std::vector<RunConfig> runs;
    for (const AvailableModel& one : models)
        if (one.problem.empty()) {
            RunConfig& run = runs.emplace_back();
            run.model = one.path.string();
            run.weight_format = one.stored_in;
        }
    return Predictor().predict(runs);
}

/// Those of the caches of other tools, and of the folders that were named.
int list_available(const ListOptions& options) {
    std::vector<std::filesystem::path> folders{options.folders.begin(), options.folders.end()};
    if (folders.empty()) folders = model_caches();
    for (const auto& folder : folders)
        if (!std::filesystem::is_directory(folder))
            throw Error(Failure::bad_input, folder.string() + " is no folder");
    const auto models = find_models(folders);
    if (models.empty())
        std::cerr << "There are no models in "
                  << (options.folders.empty() ? "the caches of Hugging Face's tools and llama.cpp"
                                              : "these folders")
                  << "; --folder DIR looks elsewhere.\n";
    const FreeMemory memory{read_machine().available_bytes, {}};
    const auto runs = predicted(models);
    auto run = runs.begin();
    Json rows = Json::array();
    for (const AvailableModel& one : models) {
        std::string note = one.problem;
        Json needed;
        if (note.empty()) {
            const RunRecord& record = *run++;
            const auto peak = value_of(record, "peak_bytes");
            if (peak) needed = *peak;
            note = !peak                                ? record.reason
                   : fits(*peak, record.config, memory) ? "fits"
                                                        : "will not fit";
        }
        rows.push_back(
            {{"model", one.path.string()},
             {"family", one.family},
             {"parameters", one.problem.empty() ? Json(parameter_count(one.model)) : Json()},
             {"file_bytes", one.file_bytes},
             {"format", one.format},
             {"needs_bytes", needed},
             {"note", note}});
    }
    auto table = table_of(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto number = [&](const char* name, std::size_t column, auto&& in_words) {
            const Json* value = rows[i].find(name);
            if (value->is_number()) table.rows[i][column] = in_words(value->get<double>());
        };
        const auto in_bytes = [](double bytes) { return format_value(bytes, "bytes"); };
        number("parameters", 2, in_millions);
        number("file_bytes", 3, in_bytes);
        number("needs_bytes", 5, in_bytes);
    }
    print(rows, table, options.json);
    return exit_done;
}

int list_families(const ListOptions& options) {
    Json rows = Json::array();
    for (const KnownFamily& family : known_families())
        rows.push_back({{"model_type", std::string(family.model_type)},
                        {"models", std::string(family.models)},
                        {"gguf", std::string(family.architecture)},
                        {"made_of", std::string(family.made_of)}});
    print(rows, table_of(rows), options.json);
    return exit_done;
}

int list_models(const ListOptions& options) {
    if (options.available || !options.folders.empty()) return list_available(options);
    Json rows = Json::array();
    for (const auto& name : model_names()) {
        const auto model = load_model_config(name);
        rows.push_back({{"name", name},
                        {"family", to_text(model.family)},
                        {"parameters", parameter_count(model)},
                        {"layers", model.layers},
                        {"width", model.width},
                        {"heads", model.heads},
                        {"kv_heads", model.kv_heads},
                        {"vocabulary", model.vocabulary},
                        {"positions", model.positions},
                        {"source", model.source}});
    }
    auto table = table_of(rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
        table.rows[i][2] = in_millions(rows[i].find("parameters")->get<double>());
    print(rows, table, options.json);
    return exit_done;
}

int list_devices(const ListOptions& options) {
    Json rows = Json::array();
    for (const DeviceInfo& device : sweetspot::list_devices()) {
        const bool gpu = device.name == "cuda" && device.available;
        rows.push_back(
            {{"name", device.name},
             {"available", device.available},
             {"gpu", gpu ? Json(device.gpu) : Json()},
             {"memory_bytes", device.memory_bytes > 0 ? Json(device.memory_bytes) : Json()},
             {"meaning", device.meaning}});
    }
    print(rows, table_of(rows), options.json);
    return exit_done;
}

int list_fields(const ListOptions& options, std::string_view group) {
    Json rows = Json::array();
    for (const RunField& field : run_fields()) {
        if (!group.empty() && field.group != group) continue;
        rows.push_back({{"name", field.name},
                        {"group", field.group},
                        {"unit", field.unit},
                        {"default", field.usual},
                        {"values", field.choices},
                        {"for", field.scope.where},
                        {"meaning", field.meaning}});
    }
    print(rows, table_of(rows), options.json);
    return exit_done;
}

int list_metrics(const ListOptions& options) {
    constexpr std::array better{"lower", "higher", ""};
    constexpr std::array judged{"by rounds", "exact", "beyond rounding", "never"};
    Json rows = Json::array();
    for (const auto& metric : metric_catalogue) {
        const auto* name =
            std::find_if(objective_names.begin(), objective_names.end(),
                         [&](const ObjectiveName& known) { return known.metric == metric.name; });
        rows.push_back({{"name", metric.name},
                        {"short", name == objective_names.end() ? "" : name->called},
                        {"title", metric.title},
                        {"unit", metric.unit},
                        {"better", better[std::size_t(metric.better)]},
                        {"judged", judged[std::size_t(judgement_of({}, metric.name))]},
                        {"gate", metric.gate},
                        {"meaning", metric.meaning}});
    }
    print(rows, table_of(rows), options.json);
    return exit_done;
}

int list_settings(const ListOptions& options) {
    Json rows = Json::array();
    for (const auto& setting : foreign_settings())
        rows.push_back({{"file", "config.json"},
                        {"model_type", setting.model_type},
                        {"key", setting.key},
                        {"use", setting.use},
                        {"default", setting.standard},
                        {"meaning", setting.meaning}});
    for (const auto& tensor : foreign_tensors())
        rows.push_back({{"file", "weights"},
                        {"model_type", model_type_of(tensor.family)},
                        {"key", "…" + std::string(tensor.ending)},
                        {"use", tensor.copy ? "checked" : "ignored"},
                        {"default", ""},
                        {"meaning", tensor.meaning}});
    print(rows, table_of(rows), options.json);
    return exit_done;
}

int print_schema() {
    std::cout << spec_schema();
    return exit_done;
}

int list_experiments(const ListOptions& options) {
    std::vector<std::filesystem::path> files;
    const auto folder = resource_path("experiments");
    if (std::filesystem::is_directory(folder))
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            if (entry.path().extension() == ".json") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    Json rows = Json::array();
    for (const auto& file : files) {
        const Spec spec = load_spec(file);
        rows.push_back({{"name", file.stem().string()},
                        {"points", plan(spec).size()},
                        {"model", spec.base.model},
                        {"description", spec.description}});
    }
    print(rows, table_of(rows), options.json);
    return exit_done;
}

int list_runs(const ListOptions& options) {
    const Store store = open_for_reading(options.store);
    if (options.json) {
        write_runs(std::cout, store.runs(), OutputFormat::json, "");
        return exit_done;
    }
    Json rows = Json::array();
    for (const auto& sweep : store.sweeps())
        rows.push_back({{"sweep", "s" + std::to_string(sweep.id)},
                        {"name", sweep.name},
                        {"when", utc_time(sweep.created_unix_seconds)},
                        {"runs", sweep.planned},
                        {"done", sweep.done},
                        {"reused", sweep.reused},
                        {"failed", sweep.failed},
                        {"impossible", sweep.impossible},
                        {"note", sweep.note}});
    print(rows, table_of(rows), false);
    return exit_done;
}

} // namespace

void add_list_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("list", "what there is to choose from, and the runs so far");
    command->require_subcommand(1);
    const auto options = std::make_shared<ListOptions>();
    const auto add = [&](const char* name, const char* help, std::function<int()> list) {
        auto* what = command->add_subcommand(name, help);
        what->add_flag("--json", options->json, "as JSON");
        what->callback([&action, list] { action = list; });
        return what;
    };
    auto* models = add("models", "models that come with the program, or that lie on this machine",
                       [options] { return list_models(*options); });
    models->add_flag("--available", options->available,
                     "those in the caches of Hugging Face's tools and of llama.cpp: whether each "
                     "is read, and fits");
    models->add_option("--folder", options->folders, "those below a folder; may be repeated")
        ->type_name("DIR");
    add("families", "kinds of models that are read from files",
        [options] { return list_families(*options); });
    add("devices", "where runs can go", [options] { return list_devices(*options); });
    add("optimizations", "fields that make runs faster or smaller",
        [options] { return list_fields(*options, "optimizations"); });
    add("fields", "everything a run can be told", [options] {
        if (options->schema) return print_schema();
        return list_fields(*options, "");
    })->add_flag("--schema", options->schema, "the JSON schema of spec files, for editors");
    add("metrics", "what is measured, what `best` weighs and `compare` judges",
        [options] { return list_metrics(*options); });
    add("settings",
        "what becomes of each key of a Hugging Face config.json, and of tensors beside a model's "
        "own",
        [options] { return list_settings(*options); });
    add("experiments", "specs that come with the program",
        [options] { return list_experiments(*options); });
    add("runs", "sweeps in the store; with --json every run in full",
        [options] { return list_runs(*options); })
        ->add_option("--store", options->store, "the database of runs")
        ->type_name("FILE");
}

} // namespace sweetspot

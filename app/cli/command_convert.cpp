// sweetspot convert: a model's weights, rounded to blocks or not, into a file that it and others
// read, and what rounding cost, linear by linear.
#include "app/analysis/format.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/run_table.h"
#include "app/experiment/printable.h"
#include "app/runner/devices.h"
#include "engine/config/catalogue.h"
#include "engine/config/json.h"
#include <cmath>
#include <iostream>
#include <unistd.h>

namespace sweetspot {

namespace {

struct ConvertOptions {
    std::map<std::string, std::string> fields{{"precision", "bf16"}}; ///< of the configuration
    std::string to, output = "md";
    bool gptq = false, no_tokenizer = false, quiet = false;
};

RunConfig configuration(const ConvertOptions& options) {
    RunConfig config;
    for (const auto& [field, value] : options.fields)
        if (!set_field(config, field, value))
            throw Error(Failure::bad_input, field + " cannot be \"" + value + "\".");
    if (options.gptq != !config.prune_data.empty())
        throw Error(Failure::bad_input, "--gptq and --calibrate TEXT go together.");
    return config;
}

/// What the worker has said so far.
struct Said {
    std::vector<Json> linears{};
    Json file{};

    void take(const std::string& line) {
        Json one = parse_json(line, "what the worker said");
        if (one.contains("bytes"))
            file = std::move(one);
        else
            linears.push_back(std::move(one));
    }
};

std::string text_of(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
    return value.is_null() ? "" : format_number(100 * value.get<double>(), 3);
}

void write_table(const Said& said) {
    RunTable table{
        .columns = {
            {"layer"}, {"linear", false}, {"format", false}, {"weights [%]"}, {"products [%]"}}};
    for (const Json& one : said.linears) {
        auto& row = table.rows.emplace_back();
        for (const char* key : {"layer", "part", "format", "weight_error", "product_error"})
            row.push_back(text_of(*one.find(key)));
    }
    if (table.rows.empty()) return;
    write_markdown_table(std::cout, table);
    std::cout << '\n';
}

int convert(const ConvertOptions& options) {
    if (options.output != "md" && options.output != "json")
        throw Error(Failure::bad_input,
                    "--output takes md or json, not \"" + options.output + "\".");
    const RunConfig config = configuration(options);
    const int layers = load_model_config(config.model).layers;
    std::vector<std::string> flags;
    if (options.gptq) flags.push_back("--gptq");
    if (options.no_tokenizer) flags.push_back("--no-tokenizer");
    const bool shows = !options.quiet && isatty(STDERR_FILENO);
    Said said;
    convert_model(config, options.to, flags, [&](const std::string& line) {
        said.take(line);
        if (shows && !said.linears.empty())
            std::cerr << "\r" << text_of(*said.linears.back().find("layer")) << " of " << layers
                      << " layers" << std::flush;
    });
    if (shows) std::cerr << "\r\x1b[K";
    if (options.output == "json") {
        said.file["file"] = options.to;
        said.file["linears"] = said.linears;
        std::cout << dump(said.file, 2) << '\n';
        return exit_done;
    }
    write_table(said);
    const std::string note = text_of(*said.file.find("note"));
    std::cout << printable(options.to) << ": "
              << format_value(double(said.file.find("bytes")->get<std::int64_t>()), "bytes")
              << (note.empty() ? "" : "; " + printable(note)) << '\n';
    return exit_done;
}

} // namespace

void add_convert_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "convert", "write a model, rounded to blocks or not, as GGUF or safetensors");
    const auto options = std::make_shared<ConvertOptions>();
    const auto field = [&](const char* flags, const char* name, const char* help) {
        return command->add_option_function<std::string>(
            flags, [options, name](const std::string& value) { options->fields[name] = value; },
            help);
    };
    field("-m,--model", "model", "a folder, a .gguf, or a name with --weights")->required();
    field("--weights", "weights", "where they lie, if not with the model; random draws some");
    field("--weight-format", "weight_format", "of the linears: dense, q8_0, q4_k, … (dense)");
    field("--precision", "precision", "of tables in GGUF: f32, bf16 or f16 (bf16)");
    field("--tokenizer", "tokenizer", "that goes along (the model's)");
    field("-t,--threads", "threads", "how many to use (all)");
    command->add_flag("--gptq", options->gptq, "round so that products of a text change least");
    field("--calibrate", "prune_data", "that text, a file as --data has it")->type_name("TEXT");
    field("--calibrate-windows", "prune_windows", "so many of its first windows (128)");
    field("--calibrate-window", "prune_window", "tokens of a window (256)");
    command->add_flag("--no-tokenizer", options->no_tokenizer, "leave the tokenizer out");
    command->add_option("TO", options->to, "FILE.gguf, or a folder for model.safetensors")
        ->required();
    command->add_option("-o,--output", options->output, "md or json (md)")->type_name("FORMAT");
    command->add_flag("-q,--quiet", options->quiet, "no progress");
    command->footer(
        "GGUF holds blocks as they are (q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k) of models "
        "of\nLLaMA's kinds, with the tokenizer of another GGUF or of a tokenizer.json of byte "
        "pairs. A\nfolder gets model.safetensors in f32, with the numbers that blocks stand for, "
        "and the model's\nother files; any family and any format. Rounding is to nearest, or "
        "GPTQ's: each column makes up\nfor what rounding those before it changed in the products "
        "of a text.\nThe table says how far each linear's weights are off, and with a text its "
        "products: root mean\nsquares, as shares of what they were.\n\n"
        "  sweetspot convert -m FOLDER --weight-format q4_k model.gguf\n"
        "  sweetspot convert -m FOLDER --weight-format q4_0 --gptq --calibrate TEXT model.gguf\n"
        "  sweetspot convert -m model.gguf FOLDER");
    command->callback([options, &action] { action = [options] { return convert(*options); }; });
}

} // namespace sweetspot

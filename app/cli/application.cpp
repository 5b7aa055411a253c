#include "app/cli/application.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/experiment/printable.h"
#include "app/experiment/standard_output.h"
#include "app/experiment/version.h"
#include "engine/config/nearest.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <iostream>

// The command line as a whole: its commands, what they have in common, how an error becomes a
// sentence and an exit code.

namespace sweetspot {

namespace {

constexpr auto examples =
    "Examples:\n"
    "  sweetspot run quickstart                              ESM-2 8M over real protein lengths\n"
    "  sweetspot run -m esm2-8m -b 1,2,4 -s 128-512*2 -a naive,flash -o md\n"
    "  sweetspot plan -m llama2-7b -s 512-4096*2             memory and work; nothing runs\n"
    "  sweetspot list models\n"
    "  sweetspot best last --memory 24GiB --minimise time-per-token\n"
    "  sweetspot compare last~1 last --fail-on slower,memory\n"
    "  sweetspot report last -o html\n\n"
    "Exit status: 0 done; 1 internal error, or output or a store that cannot be written;\n"
    "2 bad arguments; 3 gate broken, or nothing fits; 4 some runs failed; 5 no such device; 6 "
    "undecided;\n"
    "7 not comparable; 130 interrupted (Ctrl-C, SIGTERM, SIGHUP), what finished is kept.";

/// Whoever forgets a value would have the flag behind it taken for one.
void refuse_flags_as_values(CLI::App& command) {
    for (auto* below : command.get_subcommands({})) refuse_flags_as_values(*below);
    for (auto* option : command.get_options())
        if (option->get_expected_min() > 0)
            option->check([&command](const std::string& value) {
                return command.get_option_no_throw(value) && value.starts_with('-')
                           ? "a value is missing before " + value
                           : std::string();
            });
}

void build(CLI::App& program, Action& action) {
    program.description(
        "sweetspot finds the sweet spot of a transformer on this machine: which model, "
        "batch, length\nand optimizations give the best memory, speed and quality. "
        "Without arguments it opens the window.");
    program.footer(examples);
    program.add_flag_function(
        "--version", [](std::int64_t) {}, "the version, the commit and how it was built");
    program.require_subcommand(1);
    add_run_command(program, action);
    add_plan_command(program, action);
    add_list_command(program, action);
    add_best_command(program, action);
    add_compare_command(program, action);
    add_search_command(program, action);
    add_fill_command(program, action);
    add_report_command(program, action);
    add_export_command(program, action);
    add_reference_command(program, action);
    add_trace_command(program, action);
    add_score_command(program, action);
    add_convert_command(program, action);
    add_ceilings_command(program, action);
    add_import_command(program, action);
    add_doctor_command(program, action);
    add_gui_command(program, action);
    for (auto* command : program.get_subcommands({})) command->get_formatter()->column_width(34);
    refuse_flags_as_values(program);
}

/// llama-bench's -oe is two letters, which no parser of short flags takes.
std::vector<std::string> arguments_of(int count, char** words) {
    std::vector<std::string> arguments(words + 1, words + count);
    for (auto& word : arguments)
        if (word == "-oe") word = "--output-err";
    return arguments;
}

/// The commands below one, or the long flags of it.
std::vector<std::string> names_below(const CLI::App& command, bool flags) {
    std::vector<std::string> names;
    if (flags)
        for (const auto* option : command.get_options())
            for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    else
        for (const auto* below : command.get_subcommands({})) names.push_back(below->get_name());
    return names;
}

/// The command that the arguments lead to, and how many of them name it.
const CLI::App* command_of(const CLI::App& program, const std::vector<std::string>& arguments,
                           std::size_t& depth) {
    const CLI::App* command = &program;
    for (depth = 0; depth < arguments.size(); ++depth) {
        const auto below = command->get_subcommands(
            [&](const CLI::App* app) { return app->get_name() == arguments[depth]; });
        if (below.empty()) break;
        command = below.front();
    }
    return command;
}

/// "sweetspot list runs"
std::string path_of(const CLI::App& command) {
    const auto* parent = command.get_parent();
    return (parent ? path_of(*parent) + " " : "") + command.get_name();
}

/// A sentence about what could not be parsed, with the nearest right word.
std::string explain(const CLI::App& program, const std::vector<std::string>& arguments,
                    const CLI::ParseError& error) {
    std::size_t depth = 0;
    const auto* command = command_of(program, arguments, depth);
    const auto commands = names_below(*command, false);
    const std::string path = path_of(*command);
    if (!commands.empty() && depth < arguments.size() && arguments[depth].front() != '-')
        return "`" + path + "` has no command \"" + arguments[depth] + "\"" +
               did_you_mean(arguments[depth], commands);
    if (!commands.empty() && depth == arguments.size()) {
        std::string all;
        for (const auto& name : commands) all += (all.empty() ? "" : ", ") + name;
        return "`" + path + "` takes one of " + all + ".";
    }
    const auto flags = names_below(*command, true);
    for (std::size_t i = depth; i < arguments.size(); ++i) {
        const auto flag = arguments[i].substr(0, arguments[i].find('='));
        if (flag.size() < 3 || !flag.starts_with("--")) continue;
        if (std::find(flags.begin(), flags.end(), flag) != flags.end()) continue;
        const auto near = nearest(flag, flags);
        return "`" + path + "` has no flag " + flag +
               (is_near(flag, near) ? "; did you mean " + near + "?"
                                    : "; `" + path + " --help` shows them.");
    }
    return std::string(error.what()) + "; see `" + path + " --help`.";
}

int status_of(const Error& e) {
    switch (e.kind) {
    case Failure::bad_input: return exit_bad_arguments;
    case Failure::device: return exit_no_device;
    case Failure::interrupted: return exit_interrupted;
    default: return exit_internal;
    }
}

int parse_and_do(int count, char** words) {
    const auto arguments = arguments_of(count, words);
    CLI::App program;
    program.name("sweetspot");
    Action action;
    build(program, action);
    try {
        program.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::CallForHelp&) {
        std::size_t depth = 0;
        const auto* command = command_of(program, arguments, depth);
        const auto* parent = command->get_parent();
        std::cout << command->help(parent ? path_of(*parent) : "");
        return exit_done;
    } catch (const CLI::ParseError& error) {
        throw Error(Failure::bad_input, explain(program, arguments, error));
    }
    return action();
}

void complain(const std::string& sentence) {
    std::cerr << "sweetspot: " << printable(sentence) << std::endl;
}

/// Without a window there is still something to say.
int window_or_help(char* name) {
    open_window({});
    char flag[] = "--help";
    char* words[] = {name, flag};
    return parse_and_do(2, words);
}

int do_words(int count, char** words) {
    if (count == 1) return window_or_help(words[0]);
    if (count > 2 || std::string_view(words[1]) != "--version") return parse_and_do(count, words);
    std::cout << "sweetspot " << version() << " (" << commit() << ", " << build_description()
              << ")\n";
    return exit_done;
}

} // namespace

int run_program(int count, char** words) {
    StandardOutput output;
    int status = exit_internal;
    try {
        status = do_words(count, words);
    } catch (const Error& e) {
        complain(e.what());
        status = status_of(e);
    } catch (const std::exception& e) {
        complain(std::string("unexpected: ") + e.what());
    }
    const auto problem = output.problem();
    if (problem.empty()) return status;
    complain(problem);
    return status == exit_done ? exit_internal : status;
}

} // namespace sweetspot

#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include <filesystem>
#include <iostream>
#include <unistd.h>

namespace sweetspot {

std::string program_folder() {
    std::error_code none;
    return std::filesystem::read_symlink("/proc/self/exe", none).parent_path().string();
}

int open_window(const std::vector<std::string>& arguments) {
    const std::string window = program_folder() + "/sweetspot-gui";
    std::vector<char*> words{const_cast<char*>(window.c_str())};
    for (const auto& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execv(window.c_str(), words.data());
    std::cerr << "The window program " << window
              << " is not there; this build is for the command line only. `sweetspot --help` shows "
                 "what it can do.\n";
    return exit_bad_arguments;
}

void add_gui_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand("gui", "open the window, with a spec or store if given");
    const auto arguments = std::make_shared<std::vector<std::string>>();
    command->add_option("ARGUMENTS", *arguments, "handed to the window program");
    command->allow_extras(false);
    command->callback(
        [arguments, &action] { action = [arguments] { return open_window(*arguments); }; });
}

} // namespace sweetspot

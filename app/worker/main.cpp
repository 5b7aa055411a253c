// Configurations in on standard input, record lines out on standard output, nothing else on either.
#include "app/experiment/lines.h"
#include "app/experiment/version.h"
#include "app/worker/run_one.h"
#include "kernels/core/memory.h"
#include <iostream>
#include <unistd.h>

namespace sweetspot {

constexpr std::string_view help =
    "sweetspot-worker: runs configurations and says what it measured.\n\n"
    "Reads a configuration a line from standard input, each a JSON object of fields, e.g.\n"
    "  {\"model\":\"esm2-8m\",\"batch\":2,\"sequence\":128}\n"
    "and writes record lines (JSON Lines) to standard output until the input ends.\n"
    "`sweetspot list fields` explains the fields; `sweetspot run` is the comfortable way.\n\n"
    "  --help     this text\n"
    "  --version  the version and commit\n\n"
    "Environment: SWEETSPOT_ISA limits the instruction set, SWEETSPOT_RESOURCES names the folder\n"
    "of models and data.\n";

/// Writes a line at once, so that views follow a run while it goes on. Throws when nobody reads.
static void write_line(const Line& line) {
    const std::string text = to_json_line(line) + "\n";
    for (std::size_t done = 0; done < text.size();) {
        const auto count = write(STDOUT_FILENO, text.data() + done, text.size() - done);
        if (count < 0) throw Error(Failure::file, "cannot write to standard output");
        done += std::size_t(count);
    }
}

static int run_all() {
    for (std::string line; std::getline(std::cin, line);) {
        if (line.empty()) continue;
        try {
            run_one(config_from_json_line(line), write_line);
        } catch (const Error& e) {
            if (e.kind != Failure::bad_input) throw;
            write_line(Failed{e.kind, e.what(), 0});
        }
    }
    return 0;
}

} // namespace sweetspot

int main(int count, char** arguments) {
    using namespace sweetspot;
    keep_freed_memory(); // forget_peak_rss() gives it back between runs
    const std::string_view argument = count > 1 ? arguments[1] : "";
    try {
        if (count == 1) return run_all();
        if (argument == "--version") {
            std::cout << "sweetspot-worker " << version() << " (" << commit() << ")\n";
            return 0;
        }
        if (argument == "--help") {
            std::cout << help;
            return 0;
        }
        std::cerr << "sweetspot-worker: unknown argument '" << argument << "'\n\n" << help;
        return 2;
    } catch (const std::exception& e) {
        std::cerr << "sweetspot-worker: " << e.what() << '\n';
        return 1;
    }
}

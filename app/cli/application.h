#pragma once

namespace sweetspot {

/// The whole program: parses, does what was asked and gives the exit status (ExitCode). Results go
/// to standard output, everything else to standard error.
int run_program(int count, char** words);

} // namespace sweetspot

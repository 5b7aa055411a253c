#pragma once

namespace sweetspot {

/// What the program's exit status says; scripts rely on these numbers.
enum ExitCode {
    exit_done = 0,
    exit_internal = 1,       ///< our mistake, or the machine's: a full disk, an unreadable store,
                             ///< output that cannot be written
    exit_bad_arguments = 2,  ///< a flag, name, value or file that cannot be
    exit_gate_broken = 3,    ///< `compare --fail-on` found what it looks for
    exit_some_failed = 4,    ///< the sweep is over and some of its runs failed
    exit_no_device = 5,      ///< the device asked for is not in this build or machine
    exit_undecided = 6,      ///< `compare --fail-on undecided` could not tell
    exit_not_comparable = 7, ///< `compare` was given what cannot be held against each other
    exit_interrupted = 130,  ///< by Ctrl-C, SIGTERM or SIGHUP; what finished is kept
};

} // namespace sweetspot

#pragma once
#include "app/cli/references.h"
#include <CLI/CLI.hpp>
#include <functional>

namespace sweetspot {

/// What the command that was chosen does; gives the exit status.
using Action = std::function<int()>;

// Each adds its command to the program; parsing it sets the action.
void add_run_command(CLI::App&, Action&);
void add_plan_command(CLI::App&, Action&);
void add_list_command(CLI::App&, Action&);
void add_best_command(CLI::App&, Action&);
void add_compare_command(CLI::App&, Action&);
void add_convert_command(CLI::App&, Action&);
void add_search_command(CLI::App&, Action&);
void add_fill_command(CLI::App&, Action&);
void add_report_command(CLI::App&, Action&);
void add_export_command(CLI::App&, Action&);
void add_import_command(CLI::App&, Action&);
void add_doctor_command(CLI::App&, Action&);
void add_ceilings_command(CLI::App&, Action&);
void add_reference_command(CLI::App&, Action&);
void add_trace_command(CLI::App&, Action&);
void add_score_command(CLI::App&, Action&);
void add_gui_command(CLI::App&, Action&);

/// Measures a spec as `run` does, with its progress unless `quiet`, and gives its runs: those of
/// the store where they stand for new ones.
std::vector<RunRecord> measure_spec(const Spec&, const std::string& store, bool quiet,
                                    bool& interrupted);

/// Says on standard output what `compare` says of two sweeps.
void write_comparison(const RunSet& a, const RunSet& b);

/// Becomes the window program beside this one. Returns only if there is none: with the exit status,
/// after saying so.
int open_window(const std::vector<std::string>& arguments);

/// The folder this program lies in.
std::string program_folder();

} // namespace sweetspot

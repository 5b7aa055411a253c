#pragma once
#include "app/analysis/quality.h"
#include "app/cli/run_table.h"
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sweetspot {

/// What a report tells of.
struct ReportInput {
    std::string title{}, description{};
    std::string spec_json{}; ///< "" if the runs are no sweep
    std::string spec_hash{}; ///< hash_of_text(spec_json)
    std::string store{};     ///< where the runs lie
    std::vector<RunRecord> runs{};
    std::vector<RunRecord> earlier{}; ///< as loss_curves() has it
    /// With details: the run that is furthest from the reference that it was held against.
    std::optional<RunRecord> furthest{};
    /// With details: the first that are done, detail_plots() of which are shown.
    std::vector<RunRecord> detailed{};
    double tolerance = usual_tolerance; ///< of logits, as explain_reference() has it
};

/// The findings in sentences: throughput, memory, what each optimization gave, failures.
std::vector<std::string> findings(std::span<const RunRecord>);

/// What each value of an optimization changed against the first, a row a value. No rows if no
/// optimization varies.
RunTable effect_table(std::span<const RunRecord>);

/// Commands that run the same again.
std::string how_to_reproduce(const ReportInput&);

/// One page with all in it, drawings too, in light or dark as the reader's system.
std::string report_html(const ReportInput&);

/// Markdown that shows the drawings as files beside it.
std::string report_markdown(const ReportInput&);

/// A4 pages. Throws Error(file) if it cannot be written.
void write_report_pdf(const ReportInput&, const std::filesystem::path&);

} // namespace sweetspot

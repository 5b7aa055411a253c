#include "app/analysis/format.h"
#include "app/analysis/quality.h"
#include "app/analysis/run_plots.h"
#include "app/cli/html.h"
#include "app/cli/outputs.h"
#include "app/cli/paint.h"
#include "app/cli/report.h"
#include "app/cli/spot_report.h"
#include <sstream>

// A report as one page that needs no other file: drawings inside it, in light and dark, every name
// quoted.

namespace sweetspot {

namespace {

std::string base64(const std::string& bytes) {
    constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned group = 0;
        for (std::size_t j = 0; j < 3; ++j)
            group =
                group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
        for (int j = 0; j < 4; ++j)
            text += i + j <= bytes.size() ? letters[group >> (18 - 6 * j) & 63] : '=';
    }
    return text;
}

/// As an image, so that the names inside one drawing cannot meet those of another.
void write_plot(std::ostream& out, const Plot& plot) {
    const auto data = [&](const Palette& palette) {
        return "data:image/svg+xml;base64," + base64(svg_of(plot, palette));
    };
    out << "<section class=\"plot\"><div><picture><source media=\"(prefers-color-scheme: dark)\" "
           "srcset=\""
        << data(dark_palette) << "\"><img alt=\"" << html_escaped(plot.title + ": " + plot.note)
        << "\" src=\"" << data(light_palette) << "\"></picture>";
    // More would make a page that no browser is quick with; the table has them all.
    constexpr std::size_t most_points = 4000;
    const auto points = points_of(plot);
    const auto percent = [](double share) { return format_number(100 * share, 5) + "%"; };
    if (points.size() <= most_points)
        for (const auto& point : points)
            out << "<i" << (point.x > 0.5 ? " class=\"left\"" : "")
                << " style=\"left:" << percent(point.x) << ";top:" << percent(point.y)
                << "\" data-words=\"" << html_escaped(point.words) << "\"></i>";
    out << "</div></section>\n";
}

void write_section(std::ostream& out, const char* title, const RunTable& table) {
    if (table.rows.empty()) return;
    out << "<section><h2>" << title << "</h2>";
    write_html_table(out, table);
    out << "</section>\n";
}

void write_table(std::ostream& out, std::span<const RunRecord> runs) {
    std::vector<std::string> classes;
    for (const auto& run : runs)
        classes.emplace_back(run.status == RunStatus::failed ? "failed" : "");
    out << "<section class=\"runs\"><h2>All runs</h2><p class=\"quiet\">"
        << html_escaped(common_facts(runs)) << "</p>";
    write_html_table(out, run_table(runs), classes);
    out << "</section>\n";
}

void write_failures(std::ostream& out, const ReportInput& input) {
    bool any = false;
    for (const auto& run : input.runs) {
        if (run.status != RunStatus::failed && run.status != RunStatus::impossible) continue;
        if (!any) out << "<section><h2>What did not run, and why</h2><ul>\n";
        any = true;
        out << "<li>run " << run.id << ": " << html_escaped(run.reason) << "</li>\n";
    }
    if (any) out << "</ul></section>\n";
}

void write_environment(std::ostream& out, const ReportInput& input) {
    for (const auto& run : input.runs) {
        if (run.environment.empty()) continue;
        out << "<section><h2>Environment</h2><table><tbody>\n";
        for (const auto& [name, value] : run.environment) {
            double bytes = 0;
            if (name.ends_with("_bytes")) from_text(value, bytes);
            out << "<tr><td>" << html_escaped(name) << "</td><td>"
                << html_escaped(bytes > 0 ? format_value(bytes, "bytes") : value) << "</td></tr>\n";
        }
        out << "</tbody></table></section>\n";
        return;
    }
}

} // namespace

std::string report_html(const ReportInput& input) {
    std::ostringstream out;
    begin_page(out, input.title);
    out << "<p class=\"quiet\">" << html_escaped(input.description);
    if (!input.runs.empty() && input.runs.front().started_unix_seconds > 0)
        out << (input.description.empty() ? "" : " · ")
            << utc_time(input.runs.front().started_unix_seconds);
    if (!input.spec_hash.empty()) out << " · spec " << input.spec_hash;
    out << "</p>\n";
    write_html_list(out, "Findings", findings(input.runs));
    if (const auto spot = spot_of_report(input.runs)) {
        write_html_list(out, "Sweet spot", sentences_of(*spot));
        write_plot(out, spot_plot(spot->runs, spot->spots, spot->found, spot->budgets));
        write_section(out, "The front", spot_table(*spot));
        write_section(out, "Against the baseline", gains_table(*spot));
        write_html_list(out, "Mind", notes_of(*spot));
    }
    for (const auto& plot : plots_of(input.runs)) write_plot(out, plot);
    write_section(out, "Quality", quality_table(input.runs));
    if (const Plot curves = loss_curves(input.runs, input.earlier); !curves.facets.empty())
        write_plot(out, curves);
    if (input.furthest) {
        write_html_list(out, "Against the reference",
                        explain_reference(*input.furthest, input.tolerance));
        for (const auto& plot : reference_plots(*input.furthest, input.tolerance))
            write_plot(out, plot);
    }
    write_section(out, "What each optimization did", effect_table(input.runs));
    for (const auto& plot : detail_plots(input.detailed)) write_plot(out, plot);
    write_table(out, input.runs);
    write_failures(out, input);
    write_environment(out, input);
    out << "<section><h2>Run it again</h2><pre>" << html_escaped(how_to_reproduce(input))
        << "</pre>";
    if (!input.store.empty())
        out << "<p class=\"quiet\">Every run lies in " << html_escaped(input.store) << ".</p>";
    if (!input.spec_json.empty())
        out << "<details><summary>spec.json</summary><pre>" << html_escaped(input.spec_json)
            << "</pre></details>";
    out << "</section>\n";
    end_page(out);
    return out.str();
}

} // namespace sweetspot

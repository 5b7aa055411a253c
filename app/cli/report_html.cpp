#include "app/analysis/format.h"
#include "app/cli/outputs.h"
#include "app/cli/paint.h"
#include "app/cli/report.h"
#include "app/cli/run_table.h"
#include "app/experiment/version.h"
#include <sstream>

// A report as one page that needs no other file: drawings inside it, in light and dark, every name
// quoted.

namespace sweetspot {

namespace {

constexpr auto style = R"(
:root { --window: #F5F6F8; --surface: #FFFFFF; --border: #DEE2E8; --text: #14171C; --text2: #434B58;
        --text3: #5B6472; --accent: #5145CD; --bad: #B3261E; --warn: #8A5200; --inset: #F1F3F6; }
@media (prefers-color-scheme: dark) {
:root { --window: #101216; --surface: #171A20; --border: #2A2F39; --text: #E9ECF1; --text2: #B6BDC9;
        --text3: #929BAA; --accent: #A79CFF; --bad: #FF8A80; --warn: #E8B04A; --inset: #1F232B; } }
:root { color-scheme: light dark; }
body { margin: 0; background: var(--window); color: var(--text);
       font: 14px/1.5 Inter, "Noto Sans", Ubuntu, "DejaVu Sans", system-ui, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 24px; }
h1 { font-size: 24px; font-weight: 600; margin: 0 0 4px; }
h2 { font-size: 14px; font-weight: 600; margin: 0 0 12px; }
.quiet { color: var(--text3); margin: 0 0 16px; }
section { background: var(--surface); border: 1px solid var(--border); border-radius: 8px;
          padding: 16px; margin: 12px 0; overflow-x: auto; }
section.plot { padding: 0; } section.plot img { display: block; width: 100%; border-radius: 8px; }
ul { margin: 0; padding-left: 20px; } li { margin: 4px 0; color: var(--text2); }
li:nth-child(2) { color: var(--text); font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-size: 12px; }
th { color: var(--text3); font-size: 11px; font-weight: 500; text-align: left; vertical-align: bottom; }
th, td { padding: 6px 8px; border-bottom: 1px solid var(--border); white-space: nowrap; }
td.number, th.number { text-align: right; }
td.number { font-family: "JetBrains Mono", "IBM Plex Mono", "DejaVu Sans Mono", monospace; }
td:last-child { white-space: normal; } tr.failed td { color: var(--bad); } td .note { color: var(--warn); }
tbody tr:hover { background: var(--inset); }
pre { background: var(--inset); border-radius: 4px; padding: 12px; overflow-x: auto; margin: 8px 0 0;
      font: 12px/1.5 "JetBrains Mono", "DejaVu Sans Mono", monospace; }
summary { cursor: pointer; color: var(--accent); }
)";

std::string escaped(const std::string& text) {
    std::string safe;
    for (const char c : text) switch (c) {
        case '&': safe += "&amp;"; break;
        case '<': safe += "&lt;"; break;
        case '>': safe += "&gt;"; break;
        case '"': safe += "&quot;"; break;
        default: safe += c;
        }
    return safe;
}

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
    out << "<section class=\"plot\"><picture><source media=\"(prefers-color-scheme: dark)\" "
           "srcset=\""
        << data(dark_palette) << "\"><img alt=\"" << escaped(plot.title + ": " + plot.note)
        << "\" src=\"" << data(light_palette) << "\"></picture></section>\n";
}

void write_table(std::ostream& out, std::span<const RunRecord> runs) {
    const auto table = run_table(runs);
    out << "<section><h2>All runs</h2><p class=\"quiet\">" << escaped(common_facts(runs))
        << "</p><table><thead><tr>";
    for (const auto& column : table.columns)
        out << (column.number ? "<th class=\"number\">" : "<th>") << escaped(column.head)
            << "</th>";
    out << "</tr></thead><tbody>\n";
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
        out << (runs[r].status == RunStatus::failed ? "<tr class=\"failed\">" : "<tr>");
        for (std::size_t c = 0; c < table.columns.size(); ++c) {
            const auto text = escaped(table.rows[r][c]);
            const bool note = c + 1 == table.columns.size();
            out << (table.columns[c].number ? "<td class=\"number\">" : "<td>")
                << (note ? "<span class=\"note\">" + text + "</span>" : text) << "</td>";
        }
        out << "</tr>\n";
    }
    out << "</tbody></table></section>\n";
}

void write_failures(std::ostream& out, const ReportInput& input) {
    bool any = false;
    for (const auto& run : input.runs) {
        if (run.status != RunStatus::failed && run.status != RunStatus::impossible) continue;
        if (!any) out << "<section><h2>What did not run, and why</h2><ul>\n";
        any = true;
        out << "<li>run " << run.id << ": " << escaped(run.reason) << "</li>\n";
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
            out << "<tr><td>" << escaped(name) << "</td><td>"
                << escaped(bytes > 0 ? format_value(bytes, "bytes") : value) << "</td></tr>\n";
        }
        out << "</tbody></table></section>\n";
        return;
    }
}

} // namespace

std::string report_html(const ReportInput& input) {
    std::ostringstream out;
    out << "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
           "<meta name=\"viewport\" content=\"width=device-width\"><title>"
        << escaped(input.title) << "</title><style>" << style << "</style></head><body><main>\n<h1>"
        << escaped(input.title) << "</h1>\n<p class=\"quiet\">" << escaped(input.description);
    if (!input.runs.empty() && input.runs.front().started_unix_seconds > 0)
        out << (input.description.empty() ? "" : " · ")
            << utc_time(input.runs.front().started_unix_seconds);
    if (!input.spec_hash.empty()) out << " · spec " << input.spec_hash;
    out << "</p>\n<section><h2>Findings</h2><ul>\n";
    for (const auto& sentence : findings(input.runs))
        out << "<li>" << escaped(sentence) << "</li>\n";
    out << "</ul></section>\n";
    for (const auto& plot : plots_of(input.runs)) write_plot(out, plot);
    write_table(out, input.runs);
    write_failures(out, input);
    write_environment(out, input);
    out << "<section><h2>Run it again</h2><pre>" << escaped(how_to_reproduce(input)) << "</pre>";
    if (!input.store.empty())
        out << "<p class=\"quiet\">Every run lies in " << escaped(input.store) << ".</p>";
    if (!input.spec_json.empty())
        out << "<details><summary>spec.json</summary><pre>" << escaped(input.spec_json)
            << "</pre></details>";
    out << "</section>\n<p class=\"quiet\">Made by sweetspot " << version() << " (" << commit()
        << ").</p>\n</main></body></html>\n";
    return out.str();
}

} // namespace sweetspot

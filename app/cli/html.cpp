#include "app/cli/html.h"
#include "app/analysis/explain.h"
#include "app/experiment/version.h"
#include <algorithm>
#include <ostream>

// What pages that reports and comparisons write are made of.

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
section.plot { padding: 0; overflow: visible; } section.plot div { position: relative; }
section.plot i { position: absolute; width: 14px; height: 14px; margin: -7px; border-radius: 7px; }
section.plot i:hover { box-shadow: 0 0 0 2px var(--accent); z-index: 1; }
section.plot i:hover::after { content: attr(data-words); position: absolute; left: 20px; top: -8px;
          white-space: pre; font: 12px/1.5 Inter, system-ui, sans-serif; color: var(--text); padding: 8px;
          background: var(--surface); border: 1px solid var(--border); border-radius: 6px; }
section.plot i.left:hover::after { left: auto; right: 20px; }
section.plot img { display: block; width: 100%; border-radius: 8px; }
ul { margin: 0; padding-left: 20px; } li { margin: 4px 0; color: var(--text2); }
li:nth-child(2) { color: var(--text); font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-size: 12px; }
th { color: var(--text3); font-size: 11px; font-weight: 500; text-align: left; vertical-align: bottom; }
th, td { padding: 6px 8px; border-bottom: 1px solid var(--border); white-space: nowrap; }
td.number, th.number { text-align: right; }
td.number { font-family: "JetBrains Mono", "IBM Plex Mono", "DejaVu Sans Mono", monospace; }
td:last-child { white-space: normal; } tr.failed td { color: var(--bad); }
.runs td:last-child { color: var(--warn); }
th { cursor: pointer; } th[aria-sort]::after { content: " \\2191"; }
th[aria-sort=descending]::after { content: " \\2193"; }
.bars td { padding: 2px 8px; } .bars td.bar { width: 50%; }
.bars i { display: block; position: relative; height: 14px; border-radius: 2px; background: var(--accent); }
.bars i.more { background: var(--bad); } .bars i.noise { opacity: .35; }
tbody tr:hover { background: var(--inset); }
pre { background: var(--inset); border-radius: 4px; padding: 12px; overflow-x: auto; margin: 8px 0 0;
      font: 12px/1.5 "JetBrains Mono", "DejaVu Sans Mono", monospace; }
summary { cursor: pointer; color: var(--accent); }
)";

/// A click on a head sorts by it: numbers by size, what is none behind them, words by letters.
constexpr auto script = R"(
for (const table of document.querySelectorAll("table.sorts"))
  table.querySelectorAll("th").forEach((head, column) => {
    head.tabIndex = 0;
    const sort = () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = row => row.cells[column].textContent.trim();
      const number = text => text === "" || isNaN(parseFloat(text)) ? null : parseFloat(text);
      const numbers = head.classList.contains("number");
      const order = (a, b) => {
        const x = key(a), y = key(b), m = number(x), n = number(y);
        if (numbers && (m === null || n === null)) return (m === null) - (n === null);
        return (down ? -1 : 1) * (numbers ? m - n : x.localeCompare(y));
      };
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort(order));
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
  });
)";

} // namespace

std::string html_escaped(const std::string& text) {
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

void begin_page(std::ostream& out, const std::string& title) {
    out << "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
           "<meta name=\"viewport\" content=\"width=device-width\"><title>"
        << html_escaped(title) << "</title><style>" << style << "</style></head><body><main>\n<h1>"
        << html_escaped(title) << "</h1>\n";
}

void end_page(std::ostream& out) {
    out << "<p class=\"quiet\">Made by sweetspot " << version() << " (" << commit()
        << ").</p>\n</main><script>" << script << "</script></body></html>\n";
}

void write_html_table(std::ostream& out, const RunTable& table,
                      std::span<const std::string> classes) {
    out << "<table class=\"sorts\"><thead><tr>";
    for (const auto& column : table.columns)
        out << (column.number ? "<th class=\"number\">" : "<th>") << html_escaped(column.head)
            << "</th>";
    out << "</tr></thead><tbody>\n";
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
        const bool marked = r < classes.size() && !classes[r].empty();
        out << (marked ? "<tr class=\"" + classes[r] + "\">" : "<tr>");
        for (std::size_t c = 0; c < table.columns.size(); ++c)
            out << (table.columns[c].number ? "<td class=\"number\">" : "<td>")
                << html_escaped(table.rows[r][c]) << "</td>";
        out << "</tr>\n";
    }
    out << "</tbody></table>\n";
}

void write_html_list(std::ostream& out, const std::string& title,
                     std::span<const std::string> sentences) {
    if (sentences.empty()) return;
    out << "<section><h2>" << html_escaped(title) << "</h2><ul>\n";
    for (const auto& sentence : sentences) out << "<li>" << html_escaped(sentence) << "</li>\n";
    out << "</ul></section>\n";
}

void write_html_waterfall(std::ostream& out, const Waterfall& fall) {
    const auto quantity = to_text(fall.quantity), by = to_text(fall.by);
    const bool memory = fall.quantity == Quantity::memory;
    out << "<section><h2>From A to B: " << quantity << (memory ? "" : ", by " + by) << "</h2>";
    if (!fall.problem.empty()) {
        out << "<p class=\"quiet\">" << html_escaped(fall.problem) << "</p></section>\n";
        return;
    }
    // Where the bars run: from A's whole, step by step, to B's.
    std::int64_t at = 0, least = 0, most = 0;
    for (const auto& bar : fall.bars) {
        at += bar.change();
        least = std::min(least, at);
        most = std::max(most, at);
    }
    const double width = std::max<double>(1, double(most - least));
    at = 0;
    out << "<p class=\"quiet\">" << change_text(fall, fall.b - fall.a)
        << " in all; the bars add up to it exactly.</p><table class=\"bars\"><tbody>\n";
    for (const auto& bar : fall.bars) {
        const auto from = std::min(at, at + bar.change());
        at += bar.change();
        const double share = 100 * std::abs(double(bar.change())) / width;
        const auto remark = remark_on(bar);
        out << "<tr title=\"" << html_escaped(bar.name + ": " + change_text(fall, bar.change()))
            << (remark.empty() ? "" : ", " + remark) << "\"><td>" << html_escaped(bar.name)
            << "</td><td class=\"number\">" << change_text(fall, bar.change())
            << "</td><td class=\"bar\"><i class=\"" << (bar.change() > 0 ? "more" : "less")
            << (bar.inside_noise() ? " noise" : "")
            << "\" style=\"margin-left:" << to_text(100 * double(from - least) / width)
            << "%;width:" << to_text(share) << "%\"></i></td><td>" << remark << "</td></tr>\n";
    }
    out << "</tbody></table></section>\n";
}

} // namespace sweetspot

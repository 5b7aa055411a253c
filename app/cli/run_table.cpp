#include "app/cli/run_table.h"
#include "app/analysis/format.h"
#include "app/analysis/series.h"
#include "app/analysis/statistics.h"
#include "app/cli/outputs.h"
#include "app/experiment/metrics.h"
#include "app/experiment/printable.h"
#include "app/experiment/rounds.h"
#include "engine/config/catalogue.h"
#include <algorithm>
#include <cmath>
#include <functional>
#include <ostream>

namespace sweetspot {

namespace {

struct TableBuilder {
    std::span<const RunRecord> runs;
    RunTable table{};

    void add(std::string head, bool number,
             const std::function<std::string(const RunRecord&)>& cell) {
        table.columns.push_back({std::move(head), number});
        table.rows.resize(runs.size());
        for (std::size_t i = 0; i < runs.size(); ++i) table.rows[i].push_back(cell(runs[i]));
    }
};

/// Letters as a terminal counts them: bytes that go on a UTF-8 letter take no room.
std::size_t width_of(const std::string& text) {
    return std::size_t(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// A cell as Markdown and a terminal can have it: nothing in it ends the cell or its line.
std::string as_cell(std::string text) {
    text = printable(text);
    for (std::size_t at = 0; (at = text.find_first_of("|\n\t", at)) != std::string::npos; at += 2)
        text.replace(at, 1, text[at] == '|' ? "\\|" : text[at] == '\n' ? "; " : "  ");
    return text;
}

bool any_has(std::span<const RunRecord> runs, std::string_view metric) {
    return std::any_of(runs.begin(), runs.end(),
                       [&](const RunRecord& run) { return value_of(run, metric).has_value(); });
}

void add_metric(TableBuilder& builder, std::string_view name) {
    double largest = 0;
    for (const auto& run : builder.runs)
        largest = std::max(largest, std::abs(value_of(run, name).value_or(0)));
    const auto& metric = *find_metric(name);
    const auto unit = scaled_unit(largest, metric.unit);
    const std::string head =
        std::string(metric.title) + (unit.label.empty() ? "" : " [" + unit.label + "]");
    builder.add(head, true, [&](const RunRecord& run) {
        const auto value = value_of(run, name);
        return value ? format_number(*value / unit.factor, 4) : std::string();
    });
}

void add_noise(TableBuilder& builder) {
    builder.add("± [%]", true, [](const RunRecord& run) {
        const auto steps = summarize(run, "step_seconds");
        if (!steps || steps->count < 2) return std::string();
        const double noise = relative_noise(*steps);
        return noise > 1 ? std::string("> 100") : format_number(100 * noise, 2);
    });
}

bool is_random(const RunRecord& run) {
    return run.weights ? !run.weights->loaded : weights_of(run.config) == "random";
}

std::string reuse_note(const RunRecord& run) {
    const auto host = run.environment.find("host");
    return "reused: measured " + utc_time(run.started_unix_seconds) +
           (host == run.environment.end() ? "" : " on " + host->second);
}

} // namespace

std::vector<std::string> notes_of(const RunRecord& run) {
    std::vector<std::string> notes;
    if (run.status == RunStatus::failed)
        notes.push_back(run.failure ? to_text(*run.failure) : "failed");
    else if (run.status != RunStatus::done)
        notes.push_back(to_text(run.status));
    if (!run.reason.empty() && !notes.empty()) notes.back() += ": " + run.reason;
    if (run.reused) notes.push_back(reuse_note(run));
    for (const auto& flag : flags_of(run)) notes.push_back(flag);
    const auto rounds = int(run.rounds.size());
    if (run.status == RunStatus::done && rounds > 0 && rounds < rounds_of(run.config))
        notes.push_back(to_text(rounds) + " of " + to_text(rounds_of(run.config)) + " rounds");
    if (value_of(run, "perplexity") && is_random(run)) notes.push_back("random weights");
    if (const auto data = run.texts.find("data"); data != run.texts.end())
        notes.push_back(data->second);
    else if (const double replaced = value_of(run, "replaced_letters").value_or(0); replaced > 0)
        notes.push_back(format_number(replaced, 1) + " letters replaced"); // of an older run
    if (const auto caveat = run.texts.find("caveat"); caveat != run.texts.end())
        notes.push_back(caveat->second);
    return notes;
}

RunTable run_table(std::span<const RunRecord> runs) {
    TableBuilder builder{runs};
    if (std::any_of(runs.begin(), runs.end(), [](const auto& run) { return run.id != 0; }))
        builder.add("run", true, [](const RunRecord& run) { return std::to_string(run.id); });
    for (const auto& name : varying_fields(runs)) {
        const RunField& field = *find_field(name);
        builder.add(name, field.is_number(),
                    [&](const RunRecord& run) { return field.get(run.config); });
    }
    const bool generates = any_has(runs, "decode_seconds");
    for (const auto name : {"step_seconds", "prefill_seconds", "decode_seconds"})
        if (any_has(runs, name)) {
            add_metric(builder, name);
            if (std::string_view(name) == "step_seconds") add_noise(builder);
        }
    if (!generates && any_has(runs, "tokens_per_second")) add_metric(builder, "tokens_per_second");
    if (any_has(runs, "flops_per_second"))
        add_metric(builder, "flops_per_second");
    else if (any_has(runs, "flops"))
        add_metric(builder, "flops");
    for (const auto name :
         {"padding_efficiency", "peak_bytes", "peak_activations_bytes", "perplexity", "loss_nats"})
        if (any_has(runs, name)) add_metric(builder, name);
    builder.add("notes", false, [](const RunRecord& run) {
        std::string all;
        for (const auto& note : notes_of(run)) all += (all.empty() ? "" : "; ") + note;
        return all;
    });
    return builder.table;
}

std::string point_name(const RunRecord& run, std::span<const std::string> varying) {
    std::string name;
    for (const RunField& field : run_fields()) {
        if (std::find(varying.begin(), varying.end(), field.name) == varying.end()) continue;
        name += name.empty() ? "" : " ";
        if (field.is_number() || field.kind == RunField::Kind::toggle)
            name += std::string(field.name) + " ";
        name += field.get(run.config);
    }
    return name.empty() ? run.config.model : name;
}

std::string common_facts(std::span<const RunRecord> runs) {
    if (runs.empty()) return {};
    const auto varying = varying_fields(runs);
    std::string line;
    const auto add = [&](const std::string& text) {
        if (!text.empty()) line += (line.empty() ? "" : " · ") + text;
    };
    for (const RunField& field : run_fields()) {
        const bool varies = std::find(varying.begin(), varying.end(), field.name) != varying.end();
        if (field.headline == Headline::none || varies) continue;
        const auto value = field.get(runs.front().config);
        add(field.headline == Headline::value ? value : std::string(field.name) + " " + value);
    }
    for (const auto fact : {"cpu", "isa", "threads", "commit"})
        for (const auto& run : runs)
            if (const auto found = run.environment.find(fact); found != run.environment.end()) {
                const bool plain =
                    std::string_view(fact) == "cpu" || std::string_view(fact) == "isa";
                add(plain ? found->second : std::string(fact) + " " + found->second);
                break;
            }
    return line;
}

void write_markdown_table(std::ostream& out, RunTable table) {
    for (auto& column : table.columns) column.head = as_cell(column.head);
    for (auto& row : table.rows)
        for (auto& cell : row) cell = as_cell(cell);
    std::vector<std::size_t> widths;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
        std::size_t width = std::max<std::size_t>(3, width_of(table.columns[c].head));
        for (const auto& row : table.rows) width = std::max(width, width_of(row[c]));
        widths.push_back(width);
    }
    const auto cell = [&](const std::string& text, std::size_t c) {
        const std::string room(widths[c] - std::min(width_of(text), widths[c]), ' ');
        return table.columns[c].number ? room + text : text + room;
    };
    for (std::size_t c = 0; c < table.columns.size(); ++c)
        out << "| " << cell(table.columns[c].head, c) << ' ';
    out << "|\n";
    for (std::size_t c = 0; c < table.columns.size(); ++c)
        out << '|' << (table.columns[c].number ? "" : ":") << std::string(widths[c] + 1, '-')
            << (table.columns[c].number ? ":" : "");
    out << "|\n";
    for (const auto& row : table.rows) {
        for (std::size_t c = 0; c < row.size(); ++c) out << "| " << cell(row[c], c) << ' ';
        out << "|\n";
    }
}

void write_markdown(std::ostream& out, std::span<const RunRecord> runs) {
    if (const auto facts = common_facts(runs); !facts.empty()) out << printable(facts) << "\n\n";
    write_markdown_table(out, run_table(runs));
}

} // namespace sweetspot

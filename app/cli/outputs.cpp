#include "app/cli/outputs.h"
#include "app/analysis/csv.h"
#include "app/analysis/statistics.h"
#include "app/cli/report.h"
#include "app/cli/run_table.h"
#include "app/experiment/config_json.h"
#include "app/experiment/lines.h"
#include "app/experiment/metrics.h"
#include "app/experiment/printable.h"
#include "engine/config/nearest.h"
#include <ctime>
#include <ostream>
#include <set>

// Runs in the formats of other programs: CSV, JSON, JSON Lines, SQL, HTML, Markdown. One list of
// columns serves them all.

namespace sweetspot {

namespace {

std::string host_of(const RunRecord& run) {
    const auto host = run.environment.find("host");
    return host == run.environment.end() ? "" : host->second;
}

/// A run as one flat object: the same names in JSON, CSV columns and SQL columns.
Json flat(const RunRecord& run) {
    Json row;
    row["run_id"] = run.id;
    row["sweep_id"] = run.sweep_id;
    row["hash"] = run.hash;
    row["status"] = to_text(run.status);
    row["failure"] = run.failure ? Json(to_text(*run.failure)) : Json();
    row["reason"] = run.reason;
    row["started"] = utc_time(run.started_unix_seconds);
    row["ended"] = utc_time(run.ended_unix_seconds);
    row["reused"] = run.reused;
    row["measured_on"] = host_of(run);
    const Json config = config_to_json(run.config);
    for (const auto& [name, value] : config.items()) row[name] = value;
    row["weights_loaded"] = run.weights ? Json(run.weights->loaded) : Json();
    row["weights_sha256"] = run.weights ? Json(run.weights->sha256) : Json();
    row["weights_run"] = run.weights_run ? Json(run.weights_run) : Json();
    row["adapter_run"] = run.adapter_run ? Json(run.adapter_run) : Json();
    row["data_sha256"] = run.data ? Json(run.data->sha256) : Json();
    row["data_sequences"] = run.data ? Json(run.data->sequences) : Json();
    row["data_letters"] = run.data ? Json(run.data->letters) : Json();
    row["parameters"] = run.weights ? Json(run.weights->parameters) : Json();
    for (const auto& metric : metric_catalogue) {
        const auto value = value_of(run, metric.name);
        // A field may have the name of what is measured of it, as the learning rate.
        const auto name = std::string(metric.name) + (find_field(metric.name) ? "_measured" : "");
        row[name] = value ? json_number(*value) : Json();
    }
    const auto steps = summarize(run, "step_seconds");
    const auto statistic = [&](const char* name, double Summary::*member) {
        row["step_seconds_" + std::string(name)] = steps ? json_number((*steps).*member) : Json();
    };
    row["rounds_done"] = run.rounds.size();
    row["step_samples"] = steps ? Json(steps->count) : Json();
    statistic("mean", &Summary::mean);
    statistic("deviation", &Summary::deviation);
    statistic("least", &Summary::low);
    statistic("greatest", &Summary::high);
    statistic("interval_low", &Summary::interval_low);
    statistic("interval_high", &Summary::interval_high);
    return row;
}

Json full(const RunRecord& run) {
    Json row = flat(run);
    row["environment"] = run.environment;
    row["texts"] = run.texts;
    row["scored"] = run.scored ? parse_json(to_json_line(*run.scored), "scored") : Json();
    // What a reader needs to make the record again (app/experiment/run_json.h): the numbers as they
    // were recorded, and of which round each sample is.
    Json samples = Json::object(), warmup = Json::object(), sample_rounds = Json::object(),
         warmup_rounds = Json::object(), rounds = Json::array(), metrics = Json::object();
    for (const auto& [metric, all] : run.samples)
        for (const auto& sample : all) {
            (sample.warmup ? warmup : samples)[metric].push_back(json_number(sample.value));
            (sample.warmup ? warmup_rounds : sample_rounds)[metric].push_back(sample.round);
        }
    for (const auto& round : run.rounds)
        rounds.push_back(Json(
            std::vector<Json>{round.index, round.started_unix_seconds, round.ended_unix_seconds}));
    for (const auto& [name, value] : run.metrics) metrics.add(name, json_number(value));
    row["samples"] = samples;
    row["sample_rounds"] = sample_rounds;
    row["warmup_samples"] = warmup;
    row["warmup_rounds"] = warmup_rounds;
    row["rounds_done_at"] = rounds;
    row["metrics"] = metrics;
    return row;
}

std::string cell_text(const Json& value) {
    if (value.is_null()) return {};
    return value.is_string() ? value.get<std::string>() : dump(value);
}

/// Facts of the environment that any of the runs has.
std::set<std::string> facts_of(std::span<const RunRecord> runs) {
    std::set<std::string> names;
    for (const auto& run : runs)
        for (const auto& [name, _] : run.environment) names.insert(name);
    return names;
}

/// Flat rows with the facts as columns of their own.
std::vector<Json> table_of(std::span<const RunRecord> runs) {
    const auto facts = facts_of(runs);
    std::vector<Json> rows;
    for (const auto& run : runs) {
        Json row = flat(run);
        for (const auto& name : facts) {
            const auto found = run.environment.find(name);
            row["environment_" + name] =
                found == run.environment.end() ? Json() : Json(found->second);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

void write_csv(std::ostream& out, std::span<const RunRecord> runs) {
    bool head = true;
    for (const auto& row : table_of(runs)) {
        std::string names, cells;
        for (const auto& [name, value] : row.items()) {
            names += (names.empty() ? "" : ",") + csv_cell(name);
            cells += (cells.empty() ? "" : ",") + csv_cell(cell_text(value));
        }
        if (head) out << names << "\r\n";
        head = false;
        out << cells << "\r\n";
    }
}

void write_json(std::ostream& out, std::span<const RunRecord> runs) {
    out << "[";
    for (std::size_t i = 0; i < runs.size(); ++i)
        out << (i ? ",\n " : "\n ") << json_line_of(runs[i]);
    out << (runs.empty() ? "]\n" : "\n]\n");
}

std::string sql_value(const Json& value) {
    if (value.is_null()) return "NULL";
    if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
    if (value.is_number()) return dump(value);
    std::string text = "'";
    for (const char c : printable(value.get<std::string>()))
        text += c == '\'' ? "''" : std::string(1, c);
    return text + "'";
}

/// A name as SQL has it, whatever it contains: facts of the environment come from files.
std::string sql_name(const std::string& name) {
    std::string text = "\"";
    for (const char c : name) text += c == '"' ? "\"\"" : std::string(1, c);
    return text + '"';
}

void write_sql(std::ostream& out, std::span<const RunRecord> runs) {
    bool head = true;
    for (const auto& row : table_of(runs)) {
        std::string columns, values;
        for (const auto& [name, value] : row.items()) {
            columns += (columns.empty() ? "" : ", ") + sql_name(name);
            values += (values.empty() ? "" : ", ") + sql_value(value);
        }
        if (head) out << "CREATE TABLE IF NOT EXISTS sweetspot_runs (" << columns << ");\n";
        head = false;
        out << "INSERT INTO sweetspot_runs (" << columns << ") VALUES (" << values << ");\n";
    }
}

} // namespace

OutputFormat output_format(const std::string& text) {
    OutputFormat format{};
    if (!from_text(text, format))
        throw Error(Failure::bad_input, "There is no output format \"" + text + "\"" +
                                            did_you_mean(text, names_of(format)));
    return format;
}

void write_runs(std::ostream& out, std::span<const RunRecord> runs, OutputFormat format,
                const std::string& title) {
    switch (format) {
    case OutputFormat::none: break;
    case OutputFormat::md: write_markdown(out, runs); break;
    case OutputFormat::csv: write_csv(out, runs); break;
    case OutputFormat::json: write_json(out, runs); break;
    case OutputFormat::jsonl:
        for (const auto& run : runs) out << json_line_of(run) << '\n';
        break;
    case OutputFormat::sql: write_sql(out, runs); break;
    case OutputFormat::html:
        out << report_html({.title = title, .runs = {runs.begin(), runs.end()}});
        break;
    }
    out.flush();
}

std::string json_line_of(const RunRecord& run) {
    return printable_json(dump(full(run)));
}

std::string utc_time(double unix_seconds) {
    if (unix_seconds <= 0) return {};
    const auto seconds = std::time_t(unix_seconds);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

} // namespace sweetspot

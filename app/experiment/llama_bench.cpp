#include "app/experiment/llama_bench.h"
#include "app/experiment/key.h"
#include "engine/config/json.h"
#include <algorithm>
#include <cmath>
#include <ctime>

// llama-bench's rows as records of ours. Each of its forms becomes rows of named texts first; what
// a row means is said once.

namespace sweetspot {

namespace {

using Row = std::map<std::string, std::string, std::less<>>;

[[noreturn]] void refuse(const std::string& sentence) {
    throw Error(Failure::bad_input, sentence);
}

bool is_row(const Row& row) {
    return row.contains("model_filename") && row.contains("n_prompt") && row.contains("n_gen");
}

/// A list keeps its numbers, parted by blanks.
Row row_of(const Json& object) {
    Row row;
    for (const auto& [name, value] : object.items()) {
        if (!value.is_array()) {
            row[name] = value.is_string() ? value.get<std::string>() : dump(value);
            continue;
        }
        std::string& list = row[name];
        for (const auto& one : value) list += (list.empty() ? "" : " ") + dump(one);
    }
    return row;
}

/// Cells between commas, each plain or in `quote`s, which stand twice for one inside.
std::vector<std::string> cells_of(std::string_view text, char quote) {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == quote && quoted && i + 1 < text.size() && text[i + 1] == quote)
            cells.back() += text[++i];
        else if (c == quote)
            quoted = !quoted;
        else if (c == ',' && !quoted)
            cells.emplace_back();
        else if (quoted || (c != ' ' && c != '\r'))
            cells.back() += c;
    }
    return cells;
}

std::vector<std::string_view> lines_in(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (text.substr(0, end).find_first_not_of(" \t\r") != std::string_view::npos)
            lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(text.size(), end + 1));
    }
    return lines;
}

Row named(const std::vector<std::string>& names, const std::vector<std::string>& cells,
          const std::string& place) {
    if (names.size() != cells.size())
        refuse(place + " has " + std::to_string(cells.size()) + " values for " +
               std::to_string(names.size()) + " columns");
    Row row;
    for (std::size_t i = 0; i < names.size(); ++i) row[names[i]] = cells[i];
    return row;
}

std::vector<Row> rows_of_csv(const std::vector<std::string_view>& lines, const std::string& where) {
    std::vector<Row> rows;
    const auto names = cells_of(lines.front(), '"');
    for (std::size_t i = 1; i < lines.size(); ++i)
        rows.push_back(
            named(names, cells_of(lines[i], '"'), where + ", line " + std::to_string(i + 1)));
    return rows;
}

/// INSERT INTO name (columns) VALUES (values); what else there is is none of ours.
std::vector<Row> rows_of_sql(const std::vector<std::string_view>& lines, const std::string& where) {
    std::vector<Row> rows;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto line = lines[i];
        if (!line.starts_with("INSERT INTO ")) continue;
        const auto place = where + ", statement " + std::to_string(i + 1);
        const auto open = line.find('('), close = line.find(')'),
                   values = line.find('(', close == line.npos ? close : close + 1),
                   end = line.rfind(')');
        if (values == line.npos || end == line.npos || end < values)
            refuse(place + " has no columns and values");
        rows.push_back(named(cells_of(line.substr(open + 1, close - open - 1), '"'),
                             cells_of(line.substr(values + 1, end - values - 1), '\''), place));
    }
    return rows;
}

class Reader {
public:
    Reader(const Row& row, std::string place) : row_(row), place_(std::move(place)) {}

    std::string text(std::string_view name) const {
        const auto found = row_.find(name);
        return found == row_.end() ? std::string() : found->second;
    }
    double number(std::string_view name) const {
        double value = 0;
        if (const auto written = text(name); !written.empty() && !from_text(written, value))
            refuse(place_ + ": " + std::string(name) + " is no number but \"" + written + '"');
        return value;
    }
    template <class Whole>
    Whole count(std::string_view name) const {
        constexpr double most = sizeof(Whole) > sizeof(int) ? 1e15 : 1e9;
        const double value = number(name);
        if (!(value >= 0 && value <= most && value == std::floor(value)))
            refuse(place_ + ": " + std::string(name) + " is no count but \"" + text(name) + '"');
        return Whole(value);
    }
    std::vector<double> numbers(std::string_view name) const {
        std::vector<double> all;
        const auto written = text(name);
        for (std::size_t at = 0; at < written.size();) {
            const auto end = std::min(written.find(' ', at), written.size());
            double value = 0;
            if (!from_text(std::string_view(written).substr(at, end - at), value) || !(value > 0))
                refuse(place_ + ": " + std::string(name) + " holds what is no time");
            all.push_back(value);
            at = end + 1;
        }
        return all;
    }

private:
    const Row& row_;
    std::string place_;
};

/// How llama-bench computes beyond what a configuration of ours can say.
constexpr std::string_view settings[] = {
    "backends",      "n_batch",       "n_ubatch",   "cpu_mask",     "cpu_strict",
    "poll",          "type_k",        "type_v",     "flash_attn",   "n_gpu_layers",
    "n_cpu_moe",     "split_mode",    "main_gpu",   "tensor_split", "use_mmap",
    "no_kv_offload", "no_op_offload", "embeddings", "use_direct_io"};

/// Those in which rows of a file differ: without them different runs would be one point.
std::vector<std::string_view> varying_settings(const std::vector<Row>& rows) {
    std::vector<std::string_view> varying;
    for (const auto name : settings) {
        const auto value = [&](const Row& row) {
            const auto found = row.find(name);
            return found == row.end() ? std::string() : found->second;
        };
        if (std::any_of(rows.begin(), rows.end(),
                        [&](const Row& row) { return value(row) != value(rows.front()); }))
            varying.push_back(name);
    }
    return varying;
}

RunRecord run_of(const Row& row, std::span<const std::string_view> varying,
                 const std::string& place) {
    const Reader read(row, place);
    RunRecord run;
    const int prompt = read.count<int>("n_prompt"), generated = read.count<int>("n_gen");
    if (read.count<int>("n_depth"))
        refuse(place + ": n_depth is " + read.text("n_depth") +
               ": a step behind so many tokens is none that can be asked for here");
    run.config.model = read.text("model_filename");
    run.config.weights = run.config.model;
    for (const auto name : varying)
        run.config.model += ", " + std::string(name) + " " + read.text(name);
    run.config.threads = read.count<int>("n_threads");
    run.config.task = generated > 0 ? Task::generate : Task::forward;
    run.config.device = !read.text("gpu_info").empty() && read.number("n_gpu_layers") > 0
                            ? DeviceKind::cuda
                            : DeviceKind::cpu;
    run.config.sequence = std::max(1, prompt);
    if (generated > 0) run.config.new_tokens = generated;
    run.config.rounds = 1;
    run.hash = hash_of(run.config);
    run.status = RunStatus::done;
    if (const auto time = read.text("test_time"); !time.empty()) {
        std::tm when{};
        const bool is_one = strptime(time.c_str(), "%Y-%m-%dT%H:%M:%SZ", &when);
        if (!is_one || timegm(&when) < 0)
            refuse(place + ": test_time is " + time + ", not a time since 1970 as " +
                   "2026-01-31T12:00:00Z is one");
        run.started_unix_seconds = run.ended_unix_seconds = double(timegm(&when));
    }
    auto nanoseconds = read.numbers("samples_ns");
    if (nanoseconds.empty())
        nanoseconds = {read.number("avg_ns")}; // CSV and SQL have the mean alone
    if (!(nanoseconds.front() > 0)) refuse(place + ": there is no time in it");
    for (std::size_t i = 0; i < nanoseconds.size(); ++i) {
        const double seconds = 1e-9 * nanoseconds[i];
        run.samples["step_seconds"].push_back({"step_seconds", int(i), seconds});
        if (generated > 0 && prompt == 0)
            run.samples["decode_seconds"].push_back(
                {"decode_seconds", int(i), seconds / generated});
    }
    run.metrics["tokens_nominal"] = prompt + generated;
    run.weights = WeightsUsed{.loaded = true,
                              .path = run.config.weights,
                              .parameters = read.count<std::int64_t>("model_n_params")};
    for (const auto& [fact, name] :
         {std::pair("cpu", "cpu_info"), std::pair("gpu", "gpu_info"),
          std::pair("commit", "build_commit"), std::pair("threads", "n_threads")})
        if (const auto text = read.text(name); !text.empty()) run.environment[fact] = text;
    for (const auto name : settings)
        if (const auto text = read.text(name); !text.empty())
            run.environment["llama_bench_" + std::string(name)] = text;
    run.texts["imported"] = "llama-bench, " + read.text("model_type");
    return run;
}

} // namespace

std::optional<std::vector<RunRecord>> runs_from_llama_bench(std::string_view text,
                                                            const std::string& where) {
    const auto lines = lines_in(text);
    if (lines.empty()) return {};
    std::vector<Row> rows;
    const char first = lines.front()[lines.front().find_first_not_of(" \t")];
    if (first == '[') {
        for (const auto& object : parse_json(text, where)) rows.push_back(row_of(object));
    } else if (first == '{') {
        for (const auto line : lines) rows.push_back(row_of(parse_json(line, where)));
    } else if (lines.front().starts_with("CREATE TABLE") ||
               lines.front().starts_with("INSERT INTO")) {
        rows = rows_of_sql(lines, where);
    } else if (lines.front().find("model_filename") != std::string_view::npos) {
        rows = rows_of_csv(lines, where);
    }
    if (rows.empty() || !is_row(rows.front())) return {};
    const auto varying = varying_settings(rows);
    std::vector<RunRecord> runs;
    for (std::size_t i = 0; i < rows.size(); ++i)
        runs.push_back(run_of(rows[i], varying, where + ", row " + std::to_string(i + 1)));
    return runs;
}

} // namespace sweetspot

#include "app/experiment/run_json.h"
#include "app/experiment/config_json.h"
#include "app/experiment/lines.h"
#include "app/experiment/metrics.h"
#include <cmath>
#include <ctime>

// The reader of what app/cli/outputs.cpp writes of a run. What is made of other numbers there is
// made of them here again, not read.

namespace sweetspot {

namespace {

[[noreturn]] void refuse(const std::string& sentence) {
    throw Error(Failure::bad_input, sentence);
}

std::string text_of(const Json& row, std::string_view name) {
    const auto* value = row.find(name);
    return value && value->is_string() ? value->get<std::string>() : std::string();
}

double unix_seconds_of(const std::string& utc) {
    std::tm parts{};
    return strptime(utc.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) ? double(timegm(&parts)) : 0;
}

/// Throws unless it is a list, of so many if a number is given.
const Json& list_in(const Json& value, std::optional<std::size_t> size = {}) {
    if (!value.is_array() || (size && value.size() != *size))
        refuse("it is " + described(value) + ", not a list" +
               (size ? " of " + std::to_string(*size) : ""));
    return value;
}

template <class Read>
void read_member(const Json& row, std::string_view name, Read&& read) {
    if (const auto* value = row.find(name); value && !value->is_null())
        within('"' + std::string(name) + '"', [&] { read(*value); });
}

std::map<std::string, std::string> texts_of(const Json& object) {
    std::map<std::string, std::string> texts;
    for (const auto& [name, value] : object.items()) texts[name] = value.get<std::string>();
    return texts;
}

RunConfig config_of(const Json& row) {
    RunConfig config;
    Json fields = Json::object();
    for (const RunField& field : run_fields())
        if (const auto* value = row.find(field.name); value && !value->is_null())
            fields.add(std::string(field.name), *value);
    if (fields.empty()) refuse("it holds no field of a run");
    std::vector<std::string> problems;
    read_config(fields, "the run", config, problems);
    if (!problems.empty()) refuse(problems.front());
    return config;
}

/// Samples that are warm-up or not, each with its round where the file says it.
void read_samples(const Json& row, std::string_view samples, std::string_view rounds, bool warmup,
                  RunRecord& run) {
    const auto* of_rounds = row.find(rounds);
    read_member(row, samples, [&](const Json& by_metric) {
        for (const auto& [metric, values] : by_metric.items()) {
            const auto* places = of_rounds ? of_rounds->find(metric) : nullptr;
            if (places) list_in(*places, list_in(values).size());
            std::size_t i = 0;
            for (const Json& value : list_in(values)) {
                Measured sample{metric, int(i), number_from(value), warmup, 0};
                if (places) sample.round = (*places)[i].get<int>();
                ++i;
                if (const auto wrong = nonsense(sample); !wrong.empty())
                    refuse(metric + ": " + wrong);
                run.samples[metric].push_back(std::move(sample));
            }
        }
    });
}

RunRecord run_of(const Json& row) {
    if (!row.is_object()) refuse("it is " + described(row) + ", not an object");
    RunRecord run;
    run.config = config_of(row);
    run.hash = text_of(row, "hash");
    if (!from_text(text_of(row, "status"), run.status)) refuse("it has no status of a run");
    read_member(row, "run_id", [&](const Json& v) { run.id = v.get<std::int64_t>(); });
    read_member(row, "failure", [&](const Json& v) {
        Failure failure{};
        if (!from_text(v.get<std::string>(), failure)) refuse("there is no such failure");
        run.failure = failure;
    });
    run.reason = text_of(row, "reason");
    run.started_unix_seconds = unix_seconds_of(text_of(row, "started"));
    run.ended_unix_seconds = unix_seconds_of(text_of(row, "ended"));
    read_member(row, "environment", [&](const Json& v) { run.environment = texts_of(v); });
    read_member(row, "texts", [&](const Json& v) { run.texts = texts_of(v); });
    read_member(row, "weights_loaded", [&](const Json& v) {
        run.weights =
            WeightsUsed{.loaded = v.get<bool>(), .sha256 = text_of(row, "weights_sha256")};
        run.weights->seed = run.config.seed;
        read_member(row, "parameters",
                    [&](const Json& n) { run.weights->parameters = n.get<std::int64_t>(); });
    });
    read_member(row, "data_sha256", [&](const Json& v) {
        run.data = DataUsed{.path = run.config.data, .sha256 = v.get<std::string>()};
    });
    read_member(row, "scored", [&](const Json& v) {
        const Line line = from_json_line(dump(v));
        if (!std::holds_alternative<Scored>(line)) refuse("is another record line");
        run.scored = std::get<Scored>(line);
    });
    read_samples(row, "warmup_samples", "warmup_rounds", true, run);
    read_samples(row, "samples", "sample_rounds", false, run);
    read_member(row, "rounds_done_at", [&](const Json& rounds) {
        for (const auto& round : list_in(rounds)) {
            list_in(round, 3);
            run.rounds.push_back(
                {round[0].get<int>(), round[1].get<double>(), round[2].get<double>()});
        }
    });
    read_member(row, "metrics", [&](const Json& metrics) {
        for (const auto& [name, value] : metrics.items()) {
            const Metric metric{name, number_from(value)};
            if (const auto wrong = nonsense(metric); !wrong.empty()) refuse(name + ": " + wrong);
            run.metrics[name] = metric.value;
        }
    });
    for (const Line& line : lines_of(run)) // what no worker would have said
        if (const auto wrong = nonsense(line); !wrong.empty()) refuse(wrong);
    return run;
}

} // namespace

std::vector<Line> lines_of(const RunRecord& run) {
    std::vector<Line> lines{Started{run.hash, run.config, run.started_unix_seconds}};
    if (!run.environment.empty()) lines.emplace_back(Environment{run.environment});
    if (run.weights) lines.emplace_back(*run.weights);
    if (run.data) lines.emplace_back(*run.data);
    if (run.scored) lines.emplace_back(*run.scored);
    if (!run.token_losses.empty()) lines.emplace_back(TokenLosses{run.token_losses});
    lines.insert(lines.end(), run.difference_bins.begin(), run.difference_bins.end());
    lines.insert(lines.end(), run.layer_differences.begin(), run.layer_differences.end());
    lines.insert(lines.end(), run.batch_regions.begin(), run.batch_regions.end());
    lines.insert(lines.end(), run.batch_differences.begin(), run.batch_differences.end());
    lines.insert(lines.end(), run.logit_bins.begin(), run.logit_bins.end());
    for (const auto& [metric, samples] : run.samples)
        lines.insert(lines.end(), samples.begin(), samples.end());
    for (const auto& [name, value] : run.metrics) lines.emplace_back(Metric{name, value});
    for (const auto& [name, text] : run.texts) lines.emplace_back(Text{name, text});
    lines.insert(lines.end(), run.regions.begin(), run.regions.end());
    lines.insert(lines.end(), run.occurrences.begin(), run.occurrences.end());
    lines.insert(lines.end(), run.memory.begin(), run.memory.end());
    lines.insert(lines.end(), run.rounds.begin(), run.rounds.end());
    if (run.status == RunStatus::done) lines.emplace_back(Finished{run.ended_unix_seconds});
    if (run.status == RunStatus::failed)
        lines.emplace_back(
            Failed{run.failure.value_or(Failure::bug), run.reason, run.ended_unix_seconds});
    return lines;
}

std::vector<RunRecord> runs_from_json(std::string_view text, const std::string& where) {
    std::vector<RunRecord> runs;
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) refuse(where + " is empty.");
    if (text[begin] == '[') {
        const Json list = parse_json(text, where);
        for (std::size_t i = 0; i < list.size(); ++i)
            runs.push_back(
                within(where + "[" + std::to_string(i) + "]", [&] { return run_of(list[i]); }));
        return runs;
    }
    for (int line = 1; !text.empty(); ++line) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto one = text.substr(0, end);
        text.remove_prefix(std::min(text.size(), end + 1));
        if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        const auto place = where + ", line " + std::to_string(line);
        const Json row = parse_json(one, place);
        runs.push_back(within(place, [&] { return run_of(row); }));
    }
    return runs;
}

} // namespace sweetspot

#include "app/experiment/record.h"
#include "app/experiment/metrics.h"
#include <algorithm>
#include <cmath>

// The lines of a worker put together to a run, and what none of them can have measured.

namespace sweetspot {

namespace {

void add(const Started& line, RunRecord& record) {
    record.hash = line.hash;
    record.config = line.config;
    record.status = RunStatus::running;
    record.started_unix_seconds = line.unix_seconds;
}
void add(const Environment& line, RunRecord& record) {
    record.environment = line.facts;
}
void add(const WeightsUsed& line, RunRecord& record) {
    record.weights = line;
}
void add(const DataUsed& line, RunRecord& record) {
    record.data = line;
}
void add(const Phase&, RunRecord&) {} // progress is not kept
void add(const Measured& line, RunRecord& record) {
    record.samples[line.metric].push_back(line);
}
void add(const Metric& line, RunRecord& record) {
    record.metrics[line.name] = line.value;
}
void add(const Text& line, RunRecord& record) {
    record.texts[line.name] = line.text;
}
void add(const RegionSum& line, RunRecord& record) {
    record.regions.push_back(line);
}
void add(const RegionOccurrence& line, RunRecord& record) {
    record.occurrences.push_back(line);
}
void add(const BatchRegion& line, RunRecord& record) {
    record.batch_regions.push_back(line);
}
void add(const MemoryPoint& line, RunRecord& record) {
    record.memory.push_back(line);
}
void add(const Scored& line, RunRecord& record) {
    record.scored = line;
}
void add(const TokenLosses& line, RunRecord& record) {
    record.token_losses.insert(record.token_losses.end(), line.nats.begin(), line.nats.end());
}
void add(const DifferenceBin& line, RunRecord& record) {
    record.difference_bins.push_back(line);
}
void add(const LayerDifference& line, RunRecord& record) {
    record.layer_differences.push_back(line);
}
void add(const BatchDifference& line, RunRecord& record) {
    record.batch_differences.push_back(line);
}
void add(const LogitBin& line, RunRecord& record) {
    record.logit_bins.push_back(line);
}
void add(const Round& line, RunRecord& record) {
    record.rounds.push_back(line);
    if (record.status == RunStatus::running) record.status = RunStatus::done;
    record.ended_unix_seconds = std::max(record.ended_unix_seconds, line.ended_unix_seconds);
}
void add(const Finished& line, RunRecord& record) {
    record.status = RunStatus::done;
    record.ended_unix_seconds = line.unix_seconds;
}
void add(const Failed& line, RunRecord& record) {
    record.status = RunStatus::failed;
    record.failure = line.failure;
    record.reason = line.reason;
    record.ended_unix_seconds = line.unix_seconds;
}

/// What is wrong with one number of a line; the first of several counts.
class Sense {
public:
    std::string wrong{};

    void must(bool holds, const std::string& name, double value) {
        if (!holds && wrong.empty()) wrong = '"' + name + "\" cannot be " + to_text(value);
    }
    /// What no clock and no counter gives; not a number stands for what is not known.
    void counted(const std::string& name, double value) {
        must(!(value < 0) && !std::isinf(value), name, value);
    }
    void metric(const std::string& metric, double value) {
        const auto* info = find_metric(metric);
        if (!info || info->unit.empty() || info->unit == "nats") return;
        if (info->unit == "share")
            must(!std::isinf(value), "value", value);
        else
            must(value >= 0 && !std::isinf(value), "value", value);
    }
};

void check(const Started& line, Sense& sense) {
    sense.counted("unix_seconds", line.unix_seconds);
}
void check(const Environment&, Sense&) {}
void check(const WeightsUsed& line, Sense& sense) {
    sense.counted("parameters", double(line.parameters));
}
void check(const DataUsed& line, Sense& sense) {
    sense.counted("sequences", double(line.sequences));
    sense.counted("letters", double(line.letters));
}
void check(const Phase& line, Sense& sense) {
    sense.must(line.fraction >= 0 && line.fraction <= 1, "fraction", line.fraction);
}
void check(const Measured& line, Sense& sense) {
    sense.counted("index", line.index);
    sense.metric(line.metric, line.value);
}
void check(const Metric& line, Sense& sense) {
    sense.metric(line.name, line.value);
}
void check(const Text&, Sense&) {}
void check(const RegionSum& line, Sense& sense) {
    sense.counted("calls", line.calls);
    sense.counted("start_seconds", line.start_seconds);
    sense.counted("seconds", line.seconds);
    sense.counted("flops", line.flops);
    sense.counted("bytes", line.bytes);
}
void check(const RegionOccurrence& line, Sense& sense) {
    sense.counted("occurrence", line.occurrence);
    sense.counted("calls", line.calls);
    sense.counted("seconds", line.seconds);
    sense.counted("flops", line.flops);
    sense.counted("bytes", line.bytes);
}
void check(const BatchRegion& line, Sense& sense) {
    sense.counted("batch", line.batch);
    sense.counted("seconds", line.seconds);
}
void check(const MemoryPoint& line, Sense& sense) {
    sense.counted("seconds", line.seconds);
    sense.counted("bytes", line.bytes);
}
void check(const Scored& line, Sense& sense) {
    sense.counted("vocabulary", double(line.vocabulary));
    sense.counted("window", double(line.window));
    sense.counted("reference_tokens", double(line.reference_tokens));
}
void check(const TokenLosses&, Sense&) {}
void check(const DifferenceBin& line, Sense& sense) {
    sense.must(line.from < line.to, "from", line.from);
    sense.counted("count", double(line.count));
}
void check(const LayerDifference& line, Sense& sense) {
    sense.counted("layer", line.layer);
    sense.must(!(line.relative < 0), "relative", line.relative);
}
void check(const BatchDifference& line, Sense& sense) {
    sense.counted("batch", line.batch);
    sense.must(!(line.largest < 0), "largest", line.largest);
}
void check(const LogitBin& line, Sense& sense) {
    sense.must(line.from < line.to, "from", line.from);
    sense.counted("reference", double(line.reference));
    sense.counted("run", double(line.run));
}
void check(const Round& line, Sense& sense) {
    sense.counted("index", line.index);
    sense.counted("started_unix_seconds", line.started_unix_seconds);
    sense.counted("ended_unix_seconds", line.ended_unix_seconds);
}
void check(const Finished& line, Sense& sense) {
    sense.counted("unix_seconds", line.unix_seconds);
}
void check(const Failed& line, Sense& sense) {
    sense.counted("unix_seconds", line.unix_seconds);
}

} // namespace

std::string nonsense(const Line& line) {
    Sense sense;
    std::visit([&](const auto& v) { check(v, sense); }, line);
    return sense.wrong;
}

void apply(const Line& line, RunRecord& record) {
    std::visit([&](const auto& v) { add(v, record); }, line);
}

} // namespace sweetspot

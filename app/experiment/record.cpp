#include "app/experiment/record.h"

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
void add(const MemoryPoint& line, RunRecord& record) {
    record.memory.push_back(line);
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

} // namespace

void apply(const Line& line, RunRecord& record) {
    std::visit([&](const auto& v) { add(v, record); }, line);
}

} // namespace sweetspot

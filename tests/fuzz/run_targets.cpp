#include "app/experiment/ceilings.h"
#include "app/experiment/lines.h"
#include "app/experiment/llama_bench.h"
#include "app/experiment/run_json.h"
#include "app/experiment/text_scores.h"
#include "app/gui/models/run_filter.h"
#include "engine/config/sha256.h"
#include "kernels/core/machine.h"
#include "profiler/trace/file.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <zlib.h>

// Runs of other programs and machines, what is kept beside them, and what is asked of them.

namespace sweetspot::fuzz {

namespace {

/// What was read can be kept: each of its lines is one that a worker could have said.
void keep(const std::vector<RunRecord>& runs) {
    for (const RunRecord& run : runs)
        for (const Line& line : lines_of(run)) {
            const std::string written = to_json_line(line);
            try {
                expect(to_json_line(from_json_line(written)) == written, written);
            } catch (const Error& error) {
                expect(false, written + ": " + error.what());
            }
        }
}

/// An export as a baseline of `compare`, or imported: -o json or jsonl.
void runs_json(const std::uint8_t* data, std::size_t size) {
    refusable([&] { keep(runs_from_json(text_of(data, size), "the runs")); });
}

/// What llama-bench writes as JSON, JSON Lines, CSV or SQL.
void llama_bench(const std::uint8_t* data, std::size_t size) {
    refusable([&] {
        const auto runs = runs_from_llama_bench(text_of(data, size), "the rows");
        if (!runs) return;
        for (const RunRecord& run : *runs)
            for (const Measured& sample : run.samples.at("step_seconds"))
                expect(sample.value > 0, "a step takes time");
        keep(*runs);
    });
}

/// A recorded trace: its content, or, after a byte that is odd, the whole file. What is read is the
/// same when it is written and read again, and sums can be made of it.
void trace(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return;
    std::string bytes(text_of(data + 1, size - 1));
    if (data[0] % 2 == 0) {
        const std::string content = std::move(bytes), hash = sha256_of_text(content);
        bytes = "SWEETSPOT TRACE ";
        const auto append = [&](std::uint64_t value, int count) {
            for (int byte = 0; byte < count; ++byte) bytes += char(value >> 8 * byte);
        };
        append(trace_file_version, 4);
        for (std::size_t digit = 0; digit < hash.size(); digit += 2)
            append(std::stoul(hash.substr(digit, 2), nullptr, 16), 1);
        append(content.size(), 8);
        std::string packed(compressBound(content.size()), '\0');
        uLongf length = packed.size();
        compress2(reinterpret_cast<Bytef*>(packed.data()), &length,
                  reinterpret_cast<const Bytef*>(content.data()), content.size(), Z_BEST_SPEED);
        bytes.append(packed, 0, length);
    }
    refusable([&] {
        const Trace read = trace_from_bytes(bytes);
        const std::string written = to_bytes(read);
        expect(to_bytes(trace_from_bytes(written)) == written, "the same when written again");
        kernel_sums(read);
        device_times(read);
        const Attribution kernels = attribution(read);
        expect(kernels.in_an_op <= kernels.kernels, "no more are in ops than there are");
    });
}

/// What a device gave at best, as it is kept beside a store.
void ceilings_line(const std::uint8_t* data, std::size_t size) {
    refusable([&] {
        const auto written = to_json_line(ceilings_from_json_line(text_of(data, size)));
        expect(to_json_line(ceilings_from_json_line(written)) == written, written);
    });
}

/// What is typed above a table of runs: words, comparisons, regular expressions.
void filter(const std::uint8_t* data, std::size_t size) {
    static const std::vector<RunRecord> runs = [] {
        RunRecord one, other;
        one.status = RunStatus::done;
        one.metrics["peak_bytes"] = 1e9;
        other.config.batch = 8;
        other.status = RunStatus::failed;
        other.failure = Failure::out_of_memory;
        other.reason = "8 GiB are needed, 2 GiB are there";
        return std::vector{one, other};
    }();
    const auto terms = gui::parseTerms(QString::fromUtf8(text_of(data, size)));
    if (!terms.problem.isEmpty()) return;
    for (const RunRecord& run : runs)
        for (const auto& term : terms.terms)
            expect(!gui::meets(run, terms.terms) || gui::meets(run, {term}),
                   "what meets all meets each");
}

/// Texts that are scored against what was expected, a line each.
void texts_scored(const std::uint8_t* data, std::size_t size) {
    const auto [predicted, expected] = parts_of<2>(text_of(data, size));
    const std::string a(predicted), b(expected);
    for (const auto& [one, other] : {std::pair(a, b), std::pair(a, a)}) {
        const TextScores scores =
            score_texts(std::span(&one, 1), std::span(&other, 1), std::span(&b, 1));
        const auto is_share = [](double v) { return v >= 0 && v <= 1 + 1e-9; };
        expect(std::ranges::all_of(scores.bleu, is_share) && is_share(scores.rouge_l) &&
                   is_share(scores.token_f1) && is_share(scores.exact_match) &&
                   is_share(scores.fuzzy_ratio) && is_share(*scores.sari),
               "scores are shares");
        if (one == other)
            expect(scores.exact_match == 1 && scores.fuzzy_ratio == 1, "a text matches itself");
    }
}

/// What the kernel and a container's runtime say of a machine, as files below a root.
void machine(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    static const bool made = [] {
        for (const char* place : {"proc/self", "sys/devices/system/cpu", "sys/fs/cgroup/a"})
            std::filesystem::create_directories(folder.path(place));
        return true;
    }();
    constexpr const char* files[] = {"proc/self/cgroup",
                                     "proc/self/mountinfo",
                                     "proc/meminfo",
                                     "proc/self/status",
                                     "sys/devices/system/cpu/online",
                                     "sys/fs/cgroup/a/cpu.max",
                                     "sys/fs/cgroup/a/memory.max",
                                     "sys/fs/cgroup/a/memory.current",
                                     "sys/fs/cgroup/a/memory.stat"};
    const auto parts = parts_of<std::size(files)>(text_of(data, size));
    for (std::size_t i = 0; made && i < parts.size(); ++i) folder.write(files[i], parts[i]);
    const Machine read = read_machine(folder.path(""));
    expect(read.cores >= 0 && read.threads >= 0 && (read.cores == 0 || read.threads <= read.cores),
           std::to_string(read.threads) + " of " + std::to_string(read.cores));
    expect(read.memory_bytes >= 0 && std::isfinite(read.memory_bytes) &&
               read.available_bytes >= 0 && std::isfinite(read.available_bytes),
           "bytes of memory");
}

constexpr Target targets[] = {{"runs_json", runs_json}, {"llama_bench", llama_bench},
                              {"trace", trace},         {"ceilings_line", ceilings_line},
                              {"filter", filter},       {"texts_scored", texts_scored},
                              {"machine", machine}};

} // namespace

std::span<const Target> run_targets() {
    return targets;
}

} // namespace sweetspot::fuzz

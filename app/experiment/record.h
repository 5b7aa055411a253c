#pragma once
#include "engine/config/run_config.h"
#include "kernels/core/error.h"
#include "kernels/core/observer.h"
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sweetspot {

/// What became of a run. impossible: the plan gave a reason why it cannot be; it was never started.
enum class RunStatus { planned, running, done, failed, impossible };
constexpr std::array<std::string_view, 5> names_of(RunStatus) {
    return {"planned", "running", "done", "failed", "impossible"};
}

// A worker's answer to one configuration is a list of these, in order: Started, Environment,
// WeightsUsed, DataUsed, then Measured, Metric, RegionSum and MemoryPoint as they come, and at the
// end Finished or Failed. On the wire each is one JSON object on a line of its own,
// `{"line": "sample", …}`; in the store most are rows. What a kind is called, how it is kept and
// what its members are stands here alone: wire format, tables, import and reading loop over it.

/// How the store keeps lines of a kind: in a table of its own, whose columns are the members.
enum class Rows {
    none,  ///< in the run's own row, or not at all
    one,   ///< one row a run: the last line counts
    named, ///< one row a run and value of the first member: likewise
    many   ///< a row a line, in their order
};

struct LineKind {
    std::string_view line; ///< its name on the wire
    std::string_view table = {};
    Rows rows = Rows::none;
    bool detail = false; ///< many rows that few ask for: read on request
};

struct Started {
    static constexpr LineKind kind{"started"};
    std::string hash; ///< the worker's: hash_of(config); the runner's: the point's (identity.h)
    RunConfig config{};
    double unix_seconds = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("hash", v.hash);
        visit("config", v.config);
        visit("unix_seconds", v.unix_seconds);
    }
};

/// Facts of the machine and the build that the numbers depend on: cpu, isa, threads, governor,
/// memory in bytes, kernel, compiler, library versions, commit. Values are text; sizes are plain
/// numbers.
struct Environment {
    static constexpr LineKind kind{"environment"};
    std::map<std::string, std::string> facts{};
    static void each_member(auto& v, auto&& visit) { visit("facts", v.facts); }
};

struct WeightsUsed {
    static constexpr LineKind kind{"weights", "weights", Rows::one};
    bool loaded = false;
    std::string path{}, sha256{}; ///< if loaded
    std::int64_t seed = 0;        ///< if random
    std::int64_t parameters = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("loaded", v.loaded);
        visit("path", v.path);
        visit("sha256", v.sha256);
        visit("seed", v.seed);
        visit("parameters", v.parameters);
    }
};

/// The file that a run's tokens came from. Runs of random tokens have none.
struct DataUsed {
    static constexpr LineKind kind{"data", "data", Rows::one};
    std::string path{};
    std::string sha256{};                    ///< of the file as it lies on disk
    std::int64_t sequences = 0, letters = 0; ///< that were read: no more than the run needs
    static void each_member(auto& v, auto&& visit) {
        visit("path", v.path);
        visit("sha256", v.sha256);
        visit("sequences", v.sequences);
        visit("letters", v.letters);
    }
};

/// What a loss is over, and what the run's answers were held against. Runs whose `tokens_sha256`
/// are equal scored the same tokens after the same ones before them, in this order.
struct Scored {
    static constexpr LineKind kind{"scored", "scored_data", Rows::one};
    std::string data{}, data_sha256{};           ///< the file; "" for random tokens
    std::string tokenizer{};                     ///< its kind, "" for random tokens
    std::int64_t vocabulary = 0;                 ///< the model's
    std::int64_t window = 0;                     ///< most tokens of a sequence
    std::string marks{};                         ///< that begin and end each, a phrase
    std::string tokens_sha256{};                 ///< of ids and targets
    std::string reference{}, reference_sha256{}; ///< "" without one
    std::int64_t reference_tokens = 0;           ///< whose logits were compared: the first ones
    static void each_member(auto& v, auto&& visit) {
        visit("data", v.data);
        visit("data_sha256", v.data_sha256);
        visit("tokenizer", v.tokenizer);
        visit("vocabulary", v.vocabulary);
        visit("window", v.window);
        visit("marks", v.marks);
        visit("tokens_sha256", v.tokens_sha256);
        visit("reference", v.reference);
        visit("reference_sha256", v.reference_sha256);
        visit("reference_tokens", v.reference_tokens);
    }
};

/// Losses of the next scored tokens, in the order of the data, whatever the layout.
struct TokenLosses {
    static constexpr LineKind kind{"losses", "token_losses", Rows::many, true};
    std::vector<float> nats{};
    static void each_member(auto& v, auto&& visit) { visit("nats", v.nats); }
};

/// How many logits differ from the reference's by a size in [10^from, 10^to); from is -infinity for
/// those that are equal.
struct DifferenceBin {
    static constexpr LineKind kind{"difference_bin", "difference_bins", Rows::many, true};
    double from = 0, to = 0;
    std::int64_t count = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("from", v.from);
        visit("to", v.to);
        visit("count", v.count);
    }
};

/// How far a block's output is from the reference's: the norm of the difference over that of the
/// reference, of a few tokens together.
struct LayerDifference {
    static constexpr LineKind kind{"layer_difference", "layer_differences", Rows::many, true};
    int layer = 0;
    BlockPlace place = BlockPlace::attention;
    double relative = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("layer", v.layer);
        visit("place", v.place);
        visit("relative", v.relative);
    }
};

/// The largest difference of a logit to the reference's in one batch of the quality pass.
struct BatchDifference {
    static constexpr LineKind kind{"batch_difference", "batch_differences", Rows::many, true};
    int batch = 0; ///< in the order in which they are computed
    double largest = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("batch", v.batch);
        visit("largest", v.largest);
    }
};

/// How many logits of the reference and of the run lie in [from, to); the first and the last bin
/// hold what is beyond them, too.
struct LogitBin {
    static constexpr LineKind kind{"logit_bin", "logit_bins", Rows::many, true};
    double from = 0, to = 0;
    std::int64_t reference = 0, run = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("from", v.from);
        visit("to", v.to);
        visit("reference", v.reference);
        visit("run", v.run);
    }
};

/// What the worker is doing now, for progress: load, warmup, measure or train, paused (between
/// two steps of a training), trace, quality.
struct Phase {
    static constexpr LineKind kind{"phase"};
    std::string name{};
    double fraction = 0; ///< of this phase, in [0, 1]; 0 where it cannot be known
    static void each_member(auto& v, auto&& visit) {
        visit("name", v.name);
        visit("fraction", v.fraction);
    }
};

/// One measured value of a series, e.g. the seconds of one step. Warm-up samples are kept, marked.
struct Measured {
    static constexpr LineKind kind{"sample", "samples", Rows::many};
    std::string metric{}; ///< a name in metrics.h, e.g. "step_seconds"
    int index = 0;
    double value = 0;
    bool warmup = false;
    int round = 0; ///< the runner's to say: a worker knows of one
    static void each_member(auto& v, auto&& visit) {
        visit("metric", v.metric);
        visit("index", v.index);
        visit("value", v.value);
        visit("warmup", v.warmup);
        visit("round", v.round);
    }
};

/// One value of the whole run, e.g. "peak_bytes".
struct Metric {
    static constexpr LineKind kind{"metric", "metrics", Rows::named};
    std::string name{}; ///< a name in metrics.h
    double value = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("name", v.name);
        visit("value", v.value);
    }
};

/// Some text the run made, e.g. "generated".
struct Text {
    static constexpr LineKind kind{"text", "texts", Rows::named};
    std::string name{}, text{};
    static void each_member(auto& v, auto&& visit) {
        visit("name", v.name);
        visit("text", v.text);
    }
};

/// What one named stretch of the model took in the traced pass, e.g. "layer 3/attention/matmul".
struct RegionSum {
    static constexpr LineKind kind{"region", "regions", Rows::many, true};
    std::string path{}; ///< slash-separated, outermost first
    int calls = 0;
    double start_seconds = 0; ///< of the first call, since the pass began
    double seconds = 0;       ///< of all calls, inclusive of what is inside; on a GPU its own
    double flops = 0, bytes = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("path", v.path);
        visit("calls", v.calls);
        visit("start_seconds", v.start_seconds);
        visit("seconds", v.seconds);
        visit("flops", v.flops);
        visit("bytes", v.bytes);
    }
};

/// Of a stretch that occurs several times within the one around it, as the products of attention
/// do, what its nth ones took.
struct RegionOccurrence {
    static constexpr LineKind kind{"occurrence", "region_occurrences", Rows::many, true};
    std::string path{}; ///< a RegionSum's
    int occurrence = 0; ///< from 0
    int calls = 0;
    double seconds = 0, flops = 0, bytes = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("path", v.path);
        visit("occurrence", v.occurrence);
        visit("calls", v.calls);
        visit("seconds", v.seconds);
        visit("flops", v.flops);
        visit("bytes", v.bytes);
    }
};

/// What all ops of one name took in one batch of the traced pass.
struct BatchRegion {
    static constexpr LineKind kind{"batch_region", "batch_regions", Rows::many, true};
    std::string name{}; ///< the last part of a RegionSum's path
    int batch = 0;      ///< in the order in which they are computed
    double seconds = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("name", v.name);
        visit("batch", v.batch);
        visit("seconds", v.seconds);
    }
};

/// Bytes in use for a purpose, from a moment of the traced pass on; 0 before its first point.
struct MemoryPoint {
    static constexpr LineKind kind{"memory", "memory_points", Rows::many, true};
    double seconds = 0; ///< since the pass began
    Purpose purpose = Purpose::weights;
    double bytes = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("seconds", v.seconds);
        visit("purpose", v.purpose);
        visit("bytes", v.bytes);
    }
};

/// One round of the run is over; the runner says so, and of which round the samples are. The run is
/// done then: further rounds make its numbers surer.
struct Round {
    static constexpr LineKind kind{"round", "rounds", Rows::many};
    int index = 0;
    double started_unix_seconds = 0, ended_unix_seconds = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("index", v.index);
        visit("started_unix_seconds", v.started_unix_seconds);
        visit("ended_unix_seconds", v.ended_unix_seconds);
    }
};

struct Finished {
    static constexpr LineKind kind{"finished"};
    double unix_seconds = 0;
    static void each_member(auto& v, auto&& visit) { visit("unix_seconds", v.unix_seconds); }
};

struct Failed {
    static constexpr LineKind kind{"failed"};
    Failure failure = Failure::bug;
    std::string reason{}; ///< a sentence
    double unix_seconds = 0;
    static void each_member(auto& v, auto&& visit) {
        visit("failure", v.failure);
        visit("reason", v.reason);
        visit("unix_seconds", v.unix_seconds);
    }
};

using Line =
    std::variant<Started, Environment, WeightsUsed, DataUsed, Phase, Measured, Metric, Text,
                 RegionSum, RegionOccurrence, BatchRegion, MemoryPoint, Round, Scored, TokenLosses,
                 DifferenceBin, LayerDifference, BatchDifference, LogitBin, Finished, Failed>;

/// Calls visit.template operator()<Kind>() for each kind of line, in Line's order.
template <class Visit>
void each_kind(Visit&& visit) {
    [&]<std::size_t... at>(std::index_sequence<at...>) {
        (visit.template operator()<std::variant_alternative_t<at, Line>>(), ...);
    }
    (std::make_index_sequence<std::variant_size_v<Line>>());
}

/// Likewise for those that have a table.
template <class Visit>
void each_table(Visit&& visit) {
    each_kind([&]<class Kind>() {
        if constexpr (Kind::kind.rows != Rows::none) visit.template operator()<Kind>();
    });
}

/// Why a line cannot have been measured, e.g. `"value" is -1 s`; "" if it can. What a metric's
/// value may be goes by its unit.
std::string nonsense(const Line&);

/// Whether lines of this kind are kept for those who ask for details.
inline bool is_detail(const Line& line) {
    return std::visit([](const auto& v) { return v.kind.detail; }, line);
}

/// A run as the store keeps it and analysis reads it: the lines, put together.
struct RunRecord {
    std::int64_t id = 0;       ///< the store's; 0 = not stored
    std::int64_t sweep_id = 0; ///< the store's; 0 = none
    std::string hash{};
    RunConfig config{};
    RunStatus status = RunStatus::planned;
    std::optional<Failure> failure{};
    std::string reason{}; ///< why it failed or is impossible
    double started_unix_seconds = 0, ended_unix_seconds = 0;
    std::map<std::string, std::string> environment{};
    bool reused = false; ///< measured earlier, and shown again in place of a new measurement
    std::optional<WeightsUsed> weights{};
    std::int64_t weights_run = 0; ///< the store's: the run that saved these weights; 0 = unknown
    std::int64_t adapter_run = 0; ///< likewise the adapter that it goes on with
    std::optional<DataUsed> data{};
    std::optional<Scored> scored{};
    std::map<std::string, double> metrics{};
    std::map<std::string, std::string> texts{};
    std::map<std::string, std::vector<Measured>> samples{}; ///< by metric, warm-up included
    std::vector<Round> rounds{};                            ///< that are over
    std::vector<RegionSum> regions{};                       ///< loaded on request
    std::vector<RegionOccurrence> occurrences{};            ///< loaded on request
    std::vector<BatchRegion> batch_regions{};               ///< loaded on request
    std::vector<MemoryPoint> memory{};                      ///< loaded on request
    std::vector<float> token_losses{};                      ///< likewise, in nats
    std::vector<DifferenceBin> difference_bins{};           ///< likewise
    std::vector<LayerDifference> layer_differences{};       ///< likewise
    std::vector<BatchDifference> batch_differences{};       ///< likewise
    std::vector<LogitBin> logit_bins{};                     ///< likewise
};

/// Adds one line to a record. Lines come in the worker's order.
void apply(const Line&, RunRecord&);

} // namespace sweetspot

#pragma once
#include <string_view>

namespace sweetspot {

enum class Better { lower, higher, neither };

/// What a recorded number is. Views format by unit; comparisons go by `better`.
struct MetricInfo {
    std::string_view name;  ///< as in records, columns and flags
    std::string_view title; ///< for heads and axes, e.g. "peak memory"
    std::string_view
        unit; ///< "s", "bytes", "tokens", "tokens/s", "FLOP", "FLOP/s", "share", "nats", ""
    Better better = Better::neither;
    std::string_view meaning; ///< one line
};

/// All metrics there are, in the order tables show them.
inline constexpr MetricInfo metric_catalogue[] = {
    {"step_seconds", "step time", "s", Better::lower, "wall time of one step, untraced (median)"},
    {"device_seconds", "device time", "s", Better::lower,
     "the GPU's own clock over one step: less than step time where the host was slower"},
    {"prefill_seconds", "prefill time", "s", Better::lower, "wall time of the prompt"},
    {"decode_seconds", "decode time", "s", Better::lower, "wall time of one generated token"},
    {"tokens_per_second", "throughput", "tokens/s", Better::higher,
     "nominal tokens of a step over its median time: padding does not count"},
    {"tokens_nominal", "nominal tokens", "tokens", Better::neither, "real tokens of a step"},
    {"tokens_padded", "padded tokens", "tokens", Better::lower, "sequences times the longest"},
    {"tokens_computed", "computed tokens", "tokens", Better::lower,
     "rows that the layers computed"},
    {"padding_efficiency", "padding efficiency", "share", Better::higher,
     "nominal over computed tokens"},
    {"peak_bytes", "peak memory", "bytes", Better::lower,
     "most bytes allocated at one moment, exact"},
    {"peak_weights_bytes", "weights", "bytes", Better::lower, "live weights at the peak"},
    {"peak_activations_bytes", "activations", "bytes", Better::lower,
     "live activations at the peak"},
    {"peak_gradients_bytes", "gradients", "bytes", Better::lower, "live gradients at the peak"},
    {"peak_optimizer_bytes", "optimizer", "bytes", Better::lower,
     "live optimizer state at the peak"},
    {"peak_kv_cache_bytes", "kv cache", "bytes", Better::lower, "live kv cache at the peak"},
    {"peak_workspace_bytes", "workspace", "bytes", Better::lower, "live workspace at the peak"},
    {"predicted_peak_bytes", "predicted peak memory", "bytes", Better::lower,
     "the same, from the device plan"},
    {"peak_pinned_bytes", "pinned memory", "bytes", Better::lower,
     "most host memory held for the GPU to read: streamed weights"},
    {"peak_reserved_bytes", "reserved memory", "bytes", Better::lower,
     "most GPU memory taken from the driver: live tensors and what the pool keeps for the next"},
    {"fragmentation", "fragmentation", "share", Better::lower,
     "share of the pool's free bytes outside its largest free block, at the end"},
    {"moved_bytes", "moved weights", "bytes", Better::lower,
     "weights that a step copied to the GPU, or asked it to move ahead of use"},
    {"graphs_recorded", "recorded graphs", "", Better::neither,
     "CUDA graphs that were recorded: one for each shape"},
    {"rss_bytes", "process memory", "bytes", Better::lower, "largest resident set of the worker"},
    {"flops", "work", "FLOP", Better::lower, "floating-point operations of a step"},
    {"bytes_moved", "traffic", "bytes", Better::lower, "bytes read and written by a step's ops"},
    {"flops_per_second", "rate", "FLOP/s", Better::higher, "work over median step time"},
    {"perplexity", "perplexity", "", Better::lower, "exp of the mean loss"},
    {"loss_nats", "loss", "nats", Better::lower, "mean negative log-likelihood of scored tokens"},
    {"scored_tokens", "scored tokens", "tokens", Better::neither, "tokens the loss is over"},
    {"replaced_letters", "replaced letters", "", Better::neither, "letters the alphabet lacked"},
    {"load_seconds", "load time", "s", Better::lower, "from configuration to ready"},
    {"trace_overhead", "tracing overhead", "share", Better::neither,
     "traced over untraced step time, less one"},
};

/// Null if there is no such metric.
constexpr const MetricInfo* find_metric(std::string_view name) {
    for (const auto& metric : metric_catalogue)
        if (metric.name == name) return &metric;
    return nullptr;
}

} // namespace sweetspot

#pragma once
#include "kernels/core/observer.h"
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace sweetspot {

enum class Better { lower, higher, neither };

/// How a change from one run to another is judged.
enum class Judgement {
    timed,   ///< by its samples: what has some is always judged so
    exact,   ///< any change counts
    quality, ///< any change beyond rounding counts
    single   ///< one number that varies from run to run: never better or worse
};

/// What a recorded number is: all that is known of a metric stands in its line of the catalogue.
struct MetricInfo {
    std::string_view name;  ///< as in records, columns and flags
    std::string_view title; ///< for heads and axes, e.g. "peak memory"
    std::string_view
        unit; ///< "s", "J", "bytes", "tokens", "tokens/s", "FLOP", "FLOP/s", "share", "nats", ""
    Better better = Better::neither; ///< the direction that comparisons go by
    std::string_view meaning;        ///< one line
    Judgement judged = Judgement::exact;
    int usual = 0;              ///< place among what people look at first, from 1; 0 = elsewhere
    std::string_view gate = {}; ///< of `compare --fail-on` that watches it
    bool from_zero = true;      ///< a plot's axis begins at 0: half as high is half as much
};

/// "peak_kv_cache_bytes": what was live for a purpose when memory was at its peak.
inline std::string peak_metric(Purpose purpose) {
    return "peak_" + std::string(names_of(purpose)[std::size_t(purpose)]) + "_bytes";
}

/// The texts of the six metrics of peak_metric, made from the purposes' names.
template <std::size_t purpose>
struct PeakTexts {
    static constexpr std::string_view of = names_of(Purpose{})[purpose];
    template <std::size_t size>
    static constexpr auto joined(std::string_view before, std::string_view after) {
        std::array<char, size> text{};
        auto end = std::copy(before.begin(), before.end(), text.begin());
        end = std::copy(of.begin(), of.end(), end);
        std::copy(after.begin(), after.end(), end);
        return text;
    }
    static constexpr auto words(auto text) {
        std::replace(text.begin(), text.end(), '_', ' ');
        return text;
    }
    static constexpr auto name = joined<of.size() + 11>("peak_", "_bytes");
    static constexpr auto title = words(joined<of.size()>("", ""));
    static constexpr auto meaning = words(joined<of.size() + 17>("live ", " at the peak"));

    static constexpr MetricInfo info{.name = {name.data(), name.size()},
                                     .title = {title.data(), title.size()},
                                     .unit = "bytes",
                                     .better = Better::lower,
                                     .meaning = {meaning.data(), meaning.size()}};
};

/// Those that come before and behind the peaks by purpose.
inline constexpr MetricInfo first_metrics[] = {
    {"step_seconds", "step time", "s", Better::lower, "wall time of one step, untraced (median)",
     Judgement::single, 1, "slower"},
    {"device_seconds", "device time", "s", Better::lower,
     "the GPU's own clock over one step: less than step time where the host was slower"},
    {"prefill_seconds", "prefill time", "s", Better::lower, "wall time of the prompt",
     Judgement::single, 2, "slower"},
    {"decode_seconds", "decode time", "s", Better::lower, "wall time of one generated token",
     Judgement::single, 3, "slower"},
    {"features_seconds", "time of features", "s", Better::lower,
     "wall time of a probe's features of all sequences", Judgement::single},
    {"fit_seconds", "time of the head", "s", Better::lower,
     "wall time of fitting a probe's head and asking it, on the CPU", Judgement::single},
    {"tokens_per_second", "throughput", "tokens/s", Better::higher,
     "nominal tokens of a step over its median time: padding does not count", Judgement::single, 4},
    {"kilotoken_seconds", "time per 1,000 tokens", "s", Better::lower,
     "step time over nominal tokens, times 1,000: padding does not count", Judgement::single},
    {"step_joules", "energy of a step", "J", Better::lower,
     "what the processor's packages (RAPL), or the GPU (NVML), took while steps were measured, "
     "other programs' share included, over the steps; of rounds of 20 counts of theirs or more: "
     "20 ms, or 2 s",
     Judgement::single},
    {"kilotoken_joules", "energy per 1,000 tokens", "J", Better::lower,
     "the same over nominal tokens, times 1,000: padding does not count", Judgement::single},
    {"step_p90_seconds", "step time, 90th percentile", "s", Better::lower,
     "what nine steps of ten did not exceed, all rounds together; of 10 steps or more",
     Judgement::single},
    {"step_p95_seconds", "step time, 95th percentile", "s", Better::lower,
     "likewise 19 of 20; of 20 steps or more", Judgement::single},
    {"step_p99_seconds", "step time, 99th percentile", "s", Better::lower,
     "likewise 99 of 100; of 100 steps or more", Judgement::single},
    {"decode_p90_seconds", "decode time, 90th percentile", "s", Better::lower,
     "likewise of generated tokens", Judgement::single},
    {"decode_p95_seconds", "decode time, 95th percentile", "s", Better::lower,
     "likewise of generated tokens", Judgement::single},
    {"decode_p99_seconds", "decode time, 99th percentile", "s", Better::lower,
     "likewise of generated tokens", Judgement::single},
    {"tokens_nominal", "nominal tokens", "tokens", Better::neither, "real tokens of a step"},
    {"tokens_padded", "padded tokens", "tokens", Better::lower, "sequences times the longest"},
    {"tokens_computed", "computed tokens", "tokens", Better::lower,
     "rows that the layers computed"},
    {"padding_efficiency", "padding efficiency", "share", Better::higher,
     "nominal over computed tokens", Judgement::exact, 7},
    {"padding_seconds", "time of padding", "s", Better::lower,
     "the padding's share of the step time, as if each computed token took as long",
     Judgement::single},
    {"padding_bytes", "memory of padding", "bytes", Better::lower,
     "the padding's share of activations at the peak, as if each computed token took as much"},
    {"peak_bytes", "peak memory", "bytes", Better::lower,
     "most bytes allocated at one moment, exact", Judgement::exact, 5, "memory"},
};
inline constexpr MetricInfo last_metrics[] = {
    {"predicted_peak_bytes", "predicted peak memory", "bytes", Better::lower,
     "the same, from the device plan"},
    {"prediction_error_bytes", "predicted less measured memory", "bytes", Better::neither,
     "predicted peak memory less peak memory: 0 where the prediction is exact"},
    {"peak_pinned_bytes", "pinned memory", "bytes", Better::lower,
     "most host memory held for the GPU to read: streamed weights, and what a training offloads"},
    {"peak_reserved_bytes", "reserved memory", "bytes", Better::lower,
     "most GPU memory taken from the driver: live tensors and what the pool keeps for the next"},
    {"fragmentation", "fragmentation", "share", Better::lower,
     "share of the pool's free bytes outside its largest free block, at the end"},
    {"moved_bytes", "moved weights", "bytes", Better::lower,
     "weights that a step copied to the GPU, or asked it to move ahead of use"},
    {"offload_bytes", "offloaded bytes", "bytes", Better::lower,
     "what a step of training moved to pinned memory and from it"},
    {"offload_rate", "offloaded bytes per second", "B/s", Better::higher,
     "the same over the time of a step: of what the bus can do, what was used"},
    {"graphs_recorded", "recorded graphs", "", Better::neither,
     "CUDA graphs that were recorded: one for each shape"},
    {"rss_bytes", "process memory", "bytes", Better::lower, "largest resident set of the worker",
     Judgement::single, 6},
    {"flops", "work", "FLOP", Better::lower, "floating-point operations of a step"},
    {"bytes_moved", "traffic", "bytes", Better::lower, "bytes read and written by a step's ops"},
    {"flops_per_second", "rate", "FLOP/s", Better::higher, "work over median step time",
     Judgement::single},
    {"mfu", "MFU", "share", Better::higher,
     "rate over that of matrix products alone, as `sweetspot ceilings` measured it here",
     Judgement::single},
    {"data_sheet_mfu", "MFU by data sheet", "share", Better::higher,
     "rate over the dense peak that the GPU's maker names", Judgement::single},
    {"bandwidth_use", "bandwidth use", "share", Better::higher,
     "traffic over median step time, over the bandwidth that `sweetspot ceilings` measured here: "
     "more than 1 where caches serve it",
     Judgement::single},
    {"ceiling_flops_per_second", "product rate", "FLOP/s", Better::higher,
     "of matrix products in the run's precision, when it was measured last before the run",
     Judgement::single},
    {"ceiling_bytes_per_second", "bandwidth", "B/s", Better::higher,
     "of main memory, when it was measured last before the run", Judgement::single},
    {"perplexity", "perplexity", "", Better::lower, "exp of the mean loss", Judgement::quality, 8,
     "quality", false},
    {"loss_nats", "loss", "nats", Better::lower, "mean negative log-likelihood of scored tokens",
     Judgement::quality, 0, "quality", false},
    {"mean_exponential", "mean of exponentials", "", Better::lower,
     "mean over batches of exp of each's mean loss: what some studies print as perplexity, and "
     "more "
     "than it"},
    {"quality_peak_bytes", "memory of the quality pass", "bytes", Better::lower,
     "most bytes allocated at one moment of that pass, which peak memory is without"},
    {"logit_difference_max", "largest logit difference", "", Better::lower,
     "of a logit to the reference's", Judgement::quality, 0, "", false},
    {"logit_difference_mean", "mean logit difference", "", Better::lower,
     "mean size of the differences to the reference's logits", Judgement::quality, 0, "", false},
    {"kl_mean", "mean KL", "nats", Better::lower,
     "KL divergence from the reference's distribution of a token to the run's", Judgement::quality,
     0, "", false},
    {"kl_median", "median KL", "nats", Better::lower, "likewise the median of tokens",
     Judgement::quality, 0, "", false},
    {"kl_p99", "99th percentile of KL", "nats", Better::lower, "likewise what 1 % of tokens exceed",
     Judgement::quality, 0, "", false},
    {"top1_agreement", "top-1 agreement", "share", Better::higher,
     "tokens whose likeliest next one is the reference's", Judgement::quality, 0, "", false},
    {"pruned_share", "pruned weights", "share", Better::neither,
     "weights that pruning set to 0 or took out, of those that were up for it"},
    {"prunable_weights", "prunable weights", "", Better::neither,
     "what that is a share of: the blocks' linears, unless a study pruned more"},
    {"bleu_1", "BLEU-1", "", Better::higher, "mean BLEU of texts over words, without smoothing"},
    {"bleu_2", "BLEU-2", "", Better::higher, "likewise over words and pairs"},
    {"bleu_3", "BLEU-3", "", Better::higher, "likewise up to runs of three"},
    {"bleu_4", "BLEU-4", "", Better::higher, "likewise up to runs of four"},
    {"rouge_l", "ROUGE-L", "", Better::higher,
     "mean F1 of texts by their longest common subsequence"},
    {"token_f1", "token F1", "", Better::higher,
     "mean F1 of texts by their words, without case, punctuation and articles"},
    {"exact_match", "exact match", "share", Better::higher,
     "texts that are equal but for case, punctuation and articles"},
    {"fuzzy_ratio", "fuzzy ratio", "", Better::higher,
     "mean over texts: twice the longest common subsequence of letters over the letters of both"},
    {"sari", "SARI", "", Better::higher,
     "mean over texts of how well what they keep, delete and add of their sources was chosen"},
    {"pearson", "Pearson", "", Better::higher, "correlation of predicted and expected numbers"},
    {"spearman", "Spearman", "", Better::higher, "correlation of their ranks"},
    {"rmse", "RMSE", "", Better::lower, "root mean square of their differences"},
    {"accuracy", "accuracy", "share", Better::higher, "classes that were predicted as expected"},
    {"macro_f1", "macro-F1", "", Better::higher, "mean F1 of all classes"},
    {"train_loss", "training loss", "nats", Better::lower,
     "mean loss of a step's scored tokens, before the step", Judgement::single, 0, "", false},
    {"validation_loss", "validation loss", "nats", Better::lower,
     "mean loss of the sequences that are held out", Judgement::single, 0, "", false},
    {"gradient_norm", "gradient norm", "", Better::neither,
     "norm of all gradients of a step together, before it is clipped", Judgement::single},
    {"learning_rate", "learning rate", "", Better::neither, "of a step, by the schedule",
     Judgement::single},
    {"loss_scale", "loss scale", "", Better::neither,
     "what the losses of a step in f16 are multiplied by on their way back", Judgement::single},
    {"skipped_steps", "skipped steps", "steps", Better::lower,
     "of a training in f16, those whose gradients overflowed: nothing was learned from them",
     Judgement::single},
    {"step_peak_bytes", "memory of a step", "bytes", Better::lower,
     "most bytes allocated at one moment of a step of training", Judgement::single},
    {"step_tokens", "tokens of a step", "tokens", Better::neither,
     "real tokens that a step of training reads", Judgement::single},
    {"data_seconds", "waiting for data", "s", Better::lower,
     "time of a step of training until its batches are there: drawn, masked and laid out",
     Judgement::single},
    {"validation_seconds", "time of validation", "s", Better::lower,
     "time of scoring what is held out, behind a step of training and in none", Judgement::single},
    {"checkpoint_seconds", "time of checkpoints", "s", Better::lower,
     "time of writing a checkpoint, or at the end what is saved, behind a step of training and in "
     "none",
     Judgement::single},
    {"trainable_parameters", "trainable parameters", "", Better::neither,
     "numbers that a training changes"},
    {"merge_error", "error of merging", "share", Better::lower,
     "of what adapters added to weights in blocks, what rounding the sums to blocks takes away",
     Judgement::single},
    {"scored_tokens", "scored tokens", "tokens", Better::neither, "tokens the loss is over"},
    {"replaced_letters", "replaced letters", "", Better::neither, "letters the alphabet lacked"},
    {"load_seconds", "load time", "s", Better::lower,
     "from configuration to ready; where a worker kept the model, with what loading it took then",
     Judgement::single},
    {"kept_rounds", "rounds with a kept model", "rounds", Better::neither,
     "rounds in which another point had loaded the model before, in the same worker",
     Judgement::single},
    {"disturbance", "disturbance", "share", Better::neither,
     "share of the measured time in which other programs computed, or the run waited for a core",
     Judgement::single},
    {"trace_overhead", "tracing overhead", "share", Better::neither,
     "traced over untraced step time, less one", Judgement::single},
};

/// All metrics there are, in the order tables show them.
inline constexpr auto metric_catalogue =
    []<std::size_t... purpose>(std::index_sequence<purpose...>) {
    std::array<MetricInfo, std::size(first_metrics) + purpose_count + std::size(last_metrics)>
        all{};
    auto end = std::copy(std::begin(first_metrics), std::end(first_metrics), all.begin());
    ((*end++ = PeakTexts<purpose>::info), ...);
    std::copy(std::begin(last_metrics), std::end(last_metrics), end);
    return all;
}
(std::make_index_sequence<purpose_count>());

/// Null if there is no such metric.
constexpr const MetricInfo* find_metric(std::string_view name) {
    for (const auto& metric : metric_catalogue)
        if (metric.name == name) return &metric;
    return nullptr;
}

/// Whether it says how good a model's answers are: nothing, where the weights are random.
constexpr bool shows_quality(std::string_view name) {
    const auto* metric = find_metric(name);
    return metric && metric->judged == Judgement::quality;
}

/// What people look at first, in that order.
inline constexpr auto usual_metrics = [] {
    constexpr auto is_usual = [](const MetricInfo& metric) { return metric.usual > 0; };
    std::array<std::string_view, std::size_t(std::count_if(metric_catalogue.begin(),
                                                           metric_catalogue.end(), is_usual))>
        names{};
    for (const auto& metric : metric_catalogue)
        if (is_usual(metric)) names.at(std::size_t(metric.usual - 1)) = metric.name;
    return names;
}();

} // namespace sweetspot

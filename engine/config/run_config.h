#pragma once
#include "engine/config/fields.h"
#include "engine/config/variants.h"
#include <cstdint>

namespace sweetspot {

/// All that decides what one run does and how it is measured. Equal configs do equal work.
struct RunConfig {
    std::string model = "esm2-8m";
    std::string weights = "auto";
    std::int64_t seed = 1;
    Task task = Task::forward;
    DeviceKind device = DeviceKind::cpu;
    PlanFor plan_for = PlanFor::cpu;
    int gpu = 0;
    int threads = 0;
    double memory_limit_bytes = 0;
    bool allow_oversubscription = false;
    double dropout = 0;
    AsPublished as_published = AsPublished::none;

    int batch = 1;
    int sequence = 128;
    std::int64_t token_budget = 0;
    int batches = 1;
    std::string lengths = "fixed";
    std::string data = "random";
    std::string column = "sequence";
    std::string tokenizer = "auto";
    UnknownLetters unknown_letters = UnknownLetters::unk;

    AttentionVariant attention = AttentionVariant::flash;
    Layout layout = Layout::padded;
    Precision precision = Precision::f32;
    Fusion fusion = Fusion::epilogues;
    LaunchMode launch = LaunchMode::eager;
    WeightMemory weight_memory = WeightMemory::device;
    double weight_budget_bytes = 0;
    Prefetch prefetch = Prefetch::none;
    int prefetch_depth = 2;
    int prefetch_streams = 2;
    MemoryAdvice memory_advice = MemoryAdvice::none;

    double mask_fraction = 0.15;
    bool pseudo_perplexity = false;
    std::int64_t max_tokens = 0;

    std::string prompt = "";
    int new_tokens = 64;
    double temperature = 0;
    double top_p = 1;

    int rounds = 3;
    int warmup = 2;
    int repeats = 10;
    int max_repeats = 50;
    double noise = 0.01;
    double min_seconds = 0.5;
    double timeout_seconds = 600;
    double load_timeout_seconds = 0;
    bool trace = true;

    bool operator==(const RunConfig&) const = default;
    /// Whether it computes on a GPU, or predicts one.
    bool on_gpu() const {
        return device == DeviceKind::cuda ||
               (device == DeviceKind::plan && plan_for == PlanFor::cuda);
    }
};

/// Calls visit(Field, value) for each field: the one place that lists them.
template <class Visit>
void each_field(RunConfig& c, Visit&& visit) {
    visit(Field{"model", "model", "", "a name from `sweetspot list models`, or a JSON file"},
          c.model);
    visit(Field{"weights", "model", "",
                "auto (the model's own, if its files lie there), random, or a file or folder"},
          c.weights);
    visit(Field{"seed", "model", "", "decides random weights, data, masks and draws", at_least(0)},
          c.seed);
    visit(Field{"task", "model", "", "what is done with the model"}, c.task);
    visit(Field{"device", "model", "", "where it runs"}, c.device);
    visit(Field{"plan_for", "model", "", "which device the device plan predicts"}, c.plan_for);
    visit(Field{"gpu", "model", "", "which GPU of the machine, from 0", between(0, 1023)}, c.gpu);
    visit(Field{"threads", "model", "", "threads of the device cpu, 0 = all it may use",
                between(0, 4096)},
          c.threads);
    visit(Field{"memory_limit_bytes", "model", "bytes",
                "fail as out of memory beyond this, 0 = no limit", at_least(0)},
          c.memory_limit_bytes);
    visit(Field{"allow_oversubscription", "model", "",
                "let managed weights exceed the GPU's free memory, which can hang a machine"},
          c.allow_oversubscription);
    visit(Field{"dropout", "model", "", "share of each branch's output that is zeroed, as training",
                between(0, 0.99)},
          c.dropout);
    visit(Field{"as_published", "model", "",
                "a study's so-called fusion of GPT-2 layers, which changes the function"},
          c.as_published);

    visit(Field{"batch", "data", "sequences", "sequences a step", between(1, 1e6)}, c.batch);
    visit(Field{"sequence", "data", "tokens", "length of a sequence, or where longer ones are cut",
                between(1, 1e7)},
          c.sequence);
    visit(Field{"token_budget", "data", "tokens",
                "fill batches up to this many tokens instead of `batch` sequences, 0 = off",
                between(0, 1e12)},
          c.token_budget);
    visit(Field{"batches", "data", "", "different batches a step runs through", between(1, 1e6)},
          c.batches);
    visit(Field{"lengths", "data", "",
                "fixed, uniform:LOW:HIGH, lognormal:MEDIAN:SIGMA, file:PATH, or esm2-study"},
          c.lengths);
    visit(Field{"data", "data", "", "random tokens, or a FASTA, CSV or text file, plain or .gz"},
          c.data);
    visit(Field{"column", "data", "", "column of a CSV file that holds the sequences"}, c.column);
    visit(Field{"tokenizer", "data", "",
                "auto, esm, bytes, a SentencePiece .model, tok*.bin, or GPT-2's vocab.json folder"},
          c.tokenizer);
    visit(Field{"unknown_letters", "data", "", "what becomes of letters the alphabet lacks"},
          c.unknown_letters);

    visit(Field{"attention", "optimizations", "", "how scores are computed and kept"}, c.attention);
    visit(Field{"layout", "optimizations", "", "what happens to unequal lengths"}, c.layout);
    visit(Field{"precision", "optimizations", "", "type of weights and activations"}, c.precision);
    visit(Field{"fusion", "optimizations", "", "which neighbouring ops become one kernel"},
          c.fusion);
    visit(Field{"launch", "optimizations", "", "ops one by one, or phases as recorded graphs"},
          c.launch);
    visit(Field{"weight_memory", "optimizations", "", "where a GPU's weights lie"},
          c.weight_memory);
    visit(Field{"weight_budget_bytes", "optimizations", "bytes", "GPU memory for streamed weights",
                at_least(0)},
          c.weight_budget_bytes);
    visit(Field{"prefetch", "optimizations", "", "when managed weights are asked for"}, c.prefetch);
    visit(Field{"prefetch_depth", "optimizations", "records", "how far ahead weights are asked for",
                between(1, 1e4)},
          c.prefetch_depth);
    visit(Field{"prefetch_streams", "optimizations", "",
                "streams that move weights, 0 = the one that computes", between(0, 64)},
          c.prefetch_streams);
    visit(Field{"memory_advice", "optimizations", "", "what the driver is told of managed weights"},
          c.memory_advice);

    visit(Field{"mask_fraction", "quality", "", "share of tokens masked for masked perplexity",
                Range{.least = 0, .most = 1, .above = true}},
          c.mask_fraction);
    visit(Field{"pseudo_perplexity", "quality", "", "mask one token at a time: exact, and slow"},
          c.pseudo_perplexity);
    visit(Field{"max_tokens", "quality", "tokens", "score only the first so many tokens, 0 = all",
                at_least(0)},
          c.max_tokens);

    visit(Field{"prompt", "generation", "", "the text to go on from"}, c.prompt);
    visit(Field{"new_tokens", "generation", "tokens", "tokens to generate", between(1, 1e7)},
          c.new_tokens);
    visit(Field{"temperature", "generation", "", "0 takes the likeliest token", at_least(0)},
          c.temperature);
    visit(Field{"top_p", "generation", "", "draw from the likeliest tokens that hold this mass",
                Range{.least = 0, .most = 1, .above = true}},
          c.top_p);

    visit(Field{"rounds", "measurement", "",
                "new workers that share the steps, in turn with those of other points; two at "
                "least for a verdict, six for one on less than a factor of two",
                between(1, 1000)},
          c.rounds);
    visit(Field{"warmup", "measurement", "steps", "steps before the clock counts", between(0, 1e6)},
          c.warmup);
    visit(Field{"repeats", "measurement", "steps", "measured steps at least", between(1, 1e6)},
          c.repeats);
    visit(Field{"max_repeats", "measurement", "steps", "measured steps at most", between(1, 1e6)},
          c.max_repeats);
    visit(Field{"noise", "measurement", "",
                "stop when the median's interval is narrower than this share of it", above(0)},
          c.noise);
    visit(Field{"min_seconds", "measurement", "s", "measure for this long at least", at_least(0)},
          c.min_seconds);
    visit(Field{"timeout_seconds", "measurement", "s",
                "end a run as timed out this long after it has loaded, 0 = never", at_least(0)},
          c.timeout_seconds);
    visit(Field{"load_timeout_seconds", "measurement", "s",
                "end a run as timed out that has not loaded by then, 0 = as timeout_seconds",
                at_least(0)},
          c.load_timeout_seconds);
    visit(Field{"trace", "measurement", "", "one more pass with regions and memory over time"},
          c.trace);
}

} // namespace sweetspot

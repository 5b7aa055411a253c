#pragma once
#include "engine/data/masking.h"
#include "engine/data/shuffled_batches.h"
#include "engine/probe/labels.h"
#include "engine/train/trained_model.h"
#include <functional>

/// What a step of training takes from the data, of ids or, on a plan, of shapes.
namespace sweetspot {

/// Where a batch comes from: what its masks and labels go by.
struct Drawn {
    int epoch;
    std::span<const std::size_t> records; ///< what each row is among the data
};

/// How a model's batches become examples.
class Examples {
public:
    /// `ids` are the data's. With labels, which must outlive it, they are learned, not tokens.
    Examples(const RunConfig& run, const ModelConfig& model, const RunData& data,
             const Labels* labels);

    /// Causal: each token is predicted from those before it. Masked: masks are new in each epoch.
    Example of(const Batch&, const Drawn&) const;
    Example of(const BatchShape&, const Drawn&) const;
    /// A number as it is learned: less the mean of those of train, in their deviations.
    double standardised(double number) const { return (number - mean_) / deviation_; }
    double in_full(double standardised) const { return standardised * deviation_ + mean_; }

private:
    bool says_what_it_sees() const { return run_.as_published == AsPublished::llm_compression; }
    Example example_of_seen(const Batch&) const;
    MaskRule rule(const Drawn&) const;
    SequenceTargets targets_of(const Drawn&, int marks, bool known) const;

    const RunConfig& run_;
    const ModelConfig& model_;
    SpecialIds ids_;
    bool marked_; ///< a mark begins each sequence
    const Labels* labels_;
    double mean_ = 0, deviation_ = 1;
};

struct StepExamples {
    std::vector<Example> examples{};
    TokenCounts tokens{};
    std::int64_t scored = 0;
};

/// Batches without end, and what is held out of them: a share of the rows, or what labels say.
template <class Row>
class Source {
public:
    Source(BatchOf<Row> rows, const RunConfig&, const ModelConfig&, const RunData&, const Labels*);

    using Visit = std::function<void(const Example&)>;

    StepExamples next();
    int epoch() const { return batches_->epoch(); }
    std::int64_t position() const { return std::int64_t(batches_->position()); }
    void seek(int epoch, std::int64_t position) { batches_->seek(epoch, std::size_t(position)); }
    /// What is held out, example by example, masked alike each time.
    void each_held_out(const Visit& visit) const { each_of(held_out_, visit); }
    /// What is only tested on; nothing without labels.
    void each_tested(const Visit& visit) const { each_of(test_, visit); }
    const Examples& examples() const { return examples_; }

private:
    /// Some of the data's rows.
    struct Part {
        BatchOf<Row> rows{};
        std::vector<std::size_t> records{};
    };
    void each_of(const Part&, const Visit&) const;
    Example example_of(const BatchOf<Row>&, const Drawn&) const;

    const RunConfig& run_;
    Examples examples_;
    Part train_{}, held_out_{}, test_{}; ///< rows of train_ are with batches_
    std::optional<ShuffledBatches<Row>> batches_{};
};

} // namespace sweetspot

#pragma once
#include "engine/config/model_config.h"
#include "engine/config/run_config.h"
#include "engine/quality/agreement.h"
#include "engine/tasks/workload.h"
#include <functional>
#include <map>

namespace sweetspot {

/// What a reference is of: all that must be the same in a run that is held against it, and what
/// people want to know of it.
struct ReferenceHead {
    std::string run{};                ///< its name, "run 12"
    std::string model{}, precision{}; ///< for people
    std::string data_sha256{}, tokenizer{}, marks{}, tokens_sha256{};
    std::int64_t window = 0, vocabulary = 0;
    std::int64_t layers = 0, width = 0;     ///< of the blocks' outputs
    std::int64_t tokens = 0;                ///< with logits: the first that are scored
    std::int64_t stride = 1, looked_at = 0; ///< with blocks' outputs: so many, each stride-th

    static void each_member(auto& v, auto&& visit) {
        visit("run", v.run);
        visit("model", v.model);
        visit("precision", v.precision);
        visit("data_sha256", v.data_sha256);
        visit("tokenizer", v.tokenizer);
        visit("marks", v.marks);
        visit("tokens_sha256", v.tokens_sha256);
        visit("window", v.window);
        visit("vocabulary", v.vocabulary);
        visit("layers", v.layers);
        visit("width", v.width);
        visit("tokens", v.tokens);
        visit("stride", v.stride);
        visit("looked_at", v.looked_at);
    }

    /// Where the outputs of a place of a block begin among those of all, for a token that is looked
    /// at: [layers][places][looked_at][width].
    std::size_t block_at(std::int64_t token, int layer, BlockPlace place) const {
        const auto row =
            (std::int64_t(layer) * std::int64_t(names_of(place).size()) + std::int64_t(place)) *
                looked_at +
            token / stride;
        return std::size_t(row * width);
    }
    bool looks_at(std::int64_t token) const {
        return token < tokens && token % stride == 0 && token / stride < looked_at;
    }
};

/// The logits of a run's first scored tokens, and what its blocks gave for a few of them.
struct Reference {
    /// Most that are kept, so that a file stays below 200 MB: of logits, and tokens of blocks.
    static constexpr std::int64_t most_logits_bytes = 128 << 20, most_looked_at = 16;

    ReferenceHead head{};
    std::string sha256{};        ///< of the file's contents, once it was read
    std::vector<float> logits{}; ///< [tokens, vocabulary]
    std::vector<float> blocks{}; ///< as block_at() has it; not a number where a place has no output
};

/// Writes a file with a hash of all that it holds. Throws Error(file).
void write_reference(const Reference&, const std::string& path);
/// Throws Error: file, if it is missing; bad_input with a sentence if it was changed or cut since
/// it was written, or is something else.
Reference read_reference(const std::string& path);

/// Why tokens that are scored are not those of a reference, a sentence; "" if they are.
std::string why_not_held_against(const ReferenceHead&, const ScoredTokens&,
                                 const std::string& data_sha256);

/// Keeps what it sees as a reference.
class ReferenceKeeper : public Witness {
public:
    /// Of a model with these layers and widths; the rest of the head is filled in by whoever knows.
    explicit ReferenceKeeper(const ModelConfig& model);
    void expect(std::int64_t tokens) override;
    bool wants_logits(std::int64_t token) const override { return token < kept.head.tokens; }
    bool wants_blocks(std::int64_t token) const override { return kept.head.looks_at(token); }
    void logits(std::int64_t token, std::span<const float> values) override;
    void block(std::int64_t token, int layer, BlockPlace place,
               std::span<const float> values) override;

    Reference kept{};
};

/// Holds what it sees against a reference, which must outlive it. Blocks are compared where both
/// models have as many, as wide.
class ReferenceComparison : public Witness {
public:
    ReferenceComparison(const Reference& reference, const ModelConfig& model);
    void expect(std::int64_t) override {}
    void begin_batch() override { ++batch_; }
    bool wants_logits(std::int64_t token) const override { return token < reference_.head.tokens; }
    bool wants_blocks(std::int64_t token) const override {
        return !norms_.empty() && reference_.head.looks_at(token);
    }
    void logits(std::int64_t token, std::span<const float> values) override;
    void block(std::int64_t token, int layer, BlockPlace place,
               std::span<const float> values) override;

    const Agreement& agreement() const { return agreement_; }
    const Spread& spread() const { return spread_; }
    /// The largest |difference| of a logit by batch, from 0 on, of those that were compared.
    const std::map<int, double>& largest_of_batches() const { return largest_of_batches_; }
    /// Calls visit(layer, place, relative difference) for each place that both runs had, in the
    /// order in which they are computed.
    void each_place(const std::function<void(int, BlockPlace, double)>& visit) const;

private:
    const Reference& reference_;
    Agreement agreement_{};
    Spread spread_{};
    int batch_ = -1;
    std::map<int, double> largest_of_batches_{};
    struct Place {
        RelativeNorm norm{};
        bool seen = false;
    };
    std::vector<Place> norms_{}; ///< [layers][places]; empty if blocks cannot be compared
};

} // namespace sweetspot

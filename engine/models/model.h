#pragma once
#include "engine/layers/layers.h"
#include "engine/models/input.h"
#include "engine/models/rotary_tables.h"
#include "engine/models/staging.h"
#include <functional>

namespace sweetspot {

/// Host values on the device, as activations.
Tensor upload(Context&, std::span<const std::int32_t>);

/// Keys and values of all layers, for sequences that are being continued.
struct Caches {
    std::vector<Tensor> keys{}, values{}; ///< a layer each: [sequences, kv_heads, capacity, size]
    std::vector<std::int32_t> lengths{};  ///< tokens cached of each sequence, staged ones included
};

/// A transformer with its weights, ready to compute. What the device reads of a batch is staged
/// first; what follows only launches, so that it can be recorded and repeated.
class Model {
public:
    /// Computes as the run asks, for sequences of up to `longest` tokens. The context must outlive
    /// it.
    Model(const ModelConfig&, const RunConfig&, Weights, int longest, Context&);
    Model(const Model&) = delete; // layer_ refers to the members
    Model& operator=(const Model&) = delete;

    /// Takes a batch to the device; a plan may do without its ids. With caches, which must be
    /// empty, its keys and values will be kept in them.
    void stage(const InputRows&, Caches* = nullptr);
    /// Likewise one more token of each sequence in the caches: ids [sequences], on the device.
    void stage_next(In ids, Caches&);
    /// Names a phase's work on what was staged: equal keys are equal work.
    std::string staged_key(std::string_view phase) const;
    /// Embedding and blocks.
    Residual encode_staged();
    /// The same in steps, for who puts blocks in the place of others meanwhile: the embedding, and
    /// one block, after which no branch waits.
    Residual embed_staged();
    void pass_block(int layer, Residual&);
    BlockWeights& block_weights(int layer) { return weights_.blocks.at(std::size_t(layer)); }

    Residual encode(const InputRows& input, Caches* caches = nullptr) {
        stage(input, caches);
        return encode_staged();
    }
    Residual encode_next(In ids, Caches& caches) {
        stage_next(ids, caches);
        return encode_staged();
    }

    /// Shows the stream at each place of each block from now on; empty ends that. What is shown is
    /// on the device, and may still be under way there.
    void look(BlockLook look) { layer_.look = std::move(look); }
    /// Likewise what its linears multiply.
    void look_at_inputs(InputLook look) { layer_.look_at_inputs = std::move(look); }

    /// Only the last real row of each staged sequence: [sequences, width].
    Residual last_rows(const Residual&);

    /// Calls see(first row, logits [count, vocabulary] f32) for all rows in pieces, so that the
    /// logits of all never stand in memory.
    void each_logits(Residual&, const std::function<void(std::int64_t, In)>& see);

    /// Likewise the features of all rows, f32 on the device.
    void each_features(Residual&, const std::function<void(std::int64_t, In)>& see);

    /// Room for `capacity` tokens a sequence, Purpose::kv_cache.
    Caches make_caches(int sequences, int capacity);

    /// Its weights, for another; it computes nothing any more.
    Weights release_weights() { return std::move(weights_); }

    const ModelConfig& config() const { return config_; }
    const WeightAccess& access() const { return *access_; }

private:
    /// A batch as the device finds it; absent where the model or the device does not need it.
    struct Staged {
        Segments segments{};
        std::vector<std::int32_t> starts{}, lengths{}; ///< tokens cached before it, and with it
        In ids{}, scale{}, positions{}, last_rows{}, device_starts{}, device_lengths{};
        Caches* caches = nullptr; ///< not owned
        bool decoding = false;
    };
    void send(HostValues<std::int32_t> ids, HostValues<std::int32_t> positions);
    void compute_block(int layer, Residual&);

    ModelConfig config_;
    Context& context_;
    Weights weights_;
    std::unique_ptr<WeightAccess> access_;
    RotaryTables rotary_;
    LayerContext layer_;
    Staging integers_{}, scales_{};
    Staged staged_{};
};

} // namespace sweetspot

#pragma once
#include "engine/layers/layers.h"
#include "engine/models/input.h"
#include <functional>
#include <span>

namespace sweetspot {

/// Host values on the device, as activations.
Tensor upload(Context&, std::span<const std::int32_t>);
Tensor upload(Context&, std::span<const float>);

/// Keys and values of all layers, for sequences that are being continued.
struct Caches {
    std::vector<Tensor> keys{}, values{}; ///< a layer each: [sequences, kv_heads, capacity, size]
    std::vector<std::int32_t> lengths{};  ///< tokens cached of each sequence
};

/// A transformer with its weights, ready to compute.
class Model {
public:
    /// Computes as the run asks, for sequences of up to `longest` tokens. The context must outlive
    /// it.
    Model(const ModelConfig&, const RunConfig&, Weights, int longest, Context&);
    Model(const Model&) = delete; // layer_ refers to the members
    Model& operator=(const Model&) = delete;

    /// Embedding and blocks. With caches, which must be empty, keys and values are kept in them.
    Residual encode(const InputRows&, Caches* = nullptr);
    /// The same for one more token a sequence: ids [sequences], on the device.
    Residual encode_next(In ids, Caches&);

    /// Only the last real row of each sequence: [sequences, width].
    Residual last_rows(const Residual&, const Segments&);

    /// Calls see(first row, logits [count, vocabulary] f32) for all rows in pieces, so that the
    /// logits of all never stand in memory.
    void each_logits(Residual&, const std::function<void(std::int64_t, In)>& see);

    /// Room for `capacity` tokens a sequence, Purpose::kv_cache.
    Caches make_caches(int sequences, int capacity);

    const ModelConfig& config() const { return config_; }

private:
    Residual embedded(In ids, In scale, const std::vector<std::int32_t>& positions);
    void run_blocks(Residual&, const Segments&, Caches*, bool decoding);

    ModelConfig config_;
    Context& context_;
    Weights weights_;
    Tensor cosine_{}, sine_{};
    LayerContext layer_;
};

} // namespace sweetspot

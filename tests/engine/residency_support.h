#pragma once
#include "engine/weights/residency.h"
#include "engine/weights/weights.h"
#include "tests/engine/played_transfers.h"

namespace sweetspot::check {

using Log = std::vector<std::string>;

/// Memory without gaps, as a pool gives out small blocks.
class PackedAllocator : public Allocator {
public:
    explicit PackedAllocator(MemoryKind kind) : Allocator(kind), memory_(1u << 20) {}

private:
    void* take(std::size_t bytes) override {
        used_ += bytes;
        return used_ <= memory_.size() ? memory_.data() + used_ - bytes : nullptr;
    }
    void give(void*, std::size_t) noexcept override {}

    std::vector<char> memory_;
    std::size_t used_ = 0;
};

constexpr std::size_t vector_bytes = 64, matrix_bytes = 256;
constexpr std::size_t bytes_of_block = 8 * vector_bytes + 4 * matrix_bytes;
constexpr std::size_t others_bytes = 3 * matrix_bytes + 2 * vector_bytes;

/// A model as GPT-2's, tiny: every block has two norms and four linears with biases.
inline Weights make_weights(int blocks, Allocator& of_blocks, Allocator& of_others) {
    const auto vector = [](Allocator& a) { return Tensor(a, {16}, DType::f32, Purpose::weights); };
    const auto matrix = [](Allocator& a) {
        return Tensor(a, {4, 16}, DType::f32, Purpose::weights);
    };
    const auto norm = [&](Allocator& a) { return NormWeights{vector(a), vector(a)}; };
    const auto linear = [&](Allocator& a) { return LinearWeights{matrix(a), vector(a), 16}; };
    Weights y;
    y.tokens = matrix(of_others);
    y.positions = matrix(of_others);
    y.final_norm = norm(of_others);
    y.head.weight = matrix(of_others);
    for (int i = 0; i < blocks; ++i) {
        BlockWeights block;
        block.attention_norm = norm(of_blocks);
        block.query_key_value = linear(of_blocks);
        block.attention_output = linear(of_blocks);
        block.mlp_norm = norm(of_blocks);
        block.up = linear(of_blocks);
        block.down = linear(of_blocks);
        y.blocks.push_back(std::move(block));
    }
    return y;
}

/// A device with its weights on the host, or managed.
struct Bench {
    explicit Bench(int blocks, int streams = 1, MemoryKind kind = MemoryKind::pinned)
        : host(kind),
          weights(make_weights(blocks, host, kind == MemoryKind::pinned ? device : host)),
          transfers(streams) {
        context.transfers = &transfers;
        for (std::size_t i = 0; i < weights.blocks.size(); ++i) {
            int part = 0;
            each_tensor(weights.blocks[i], [&](const Tensor& tensor) {
                const float value = value_of(int(i), part++);
                for (int n = 0; n < tensor.shape().count(); ++n) tensor.as<float>()[n] = value;
            });
            name(weights.blocks[i], std::to_string(i));
        }
        transfers.names[weights.tokens.in().data] = "tokens";
        transfers.names[weights.positions.in().data] = "positions";
        transfers.names[weights.final_norm.gain.in().data] = "final gain";
        transfers.names[weights.head.weight.in().data] = "head";
    }
    void name(const BlockWeights& block, const std::string& suffix) {
        transfers.names[block.attention_norm.gain.in().data] = "block " + suffix;
        transfers.names[block.query_key_value.weight.in().data] = "qkv " + suffix;
        transfers.names[block.attention_output.weight.in().data] = "output " + suffix;
        transfers.names[block.mlp_norm.gain.in().data] = "mlp norm " + suffix;
        transfers.names[block.up.weight.in().data] = "up " + suffix;
        transfers.names[block.down.weight.in().data] = "down " + suffix;
    }
    static float value_of(int block, int part) { return float(100 * block + part); }
    /// As a model uses its weights in one step; a shorter log has only what is named.
    void step(WeightAccess& access) {
        access.use(weights.tokens);
        access.use(weights.positions);
        for (int i = 0; i < int(weights.blocks.size()); ++i) {
            const BlockWeights& block = access.block(i);
            access.use(block.attention_norm.gain);
            access.use(block.query_key_value.weight);
            access.use(block.attention_output.weight);
            access.use(block.mlp_norm.gain);
            access.use(block.up.weight);
            access.use(block.down.weight);
            access.done(i);
        }
        access.use(weights.final_norm.gain);
        access.use(weights.head.weight);
    }
    Log take_log() {
        Log named;
        for (const auto& line : std::exchange(transfers.log, {}))
            if (line.find('?') == std::string::npos) named.push_back(line);
        return named;
    }

    PackedAllocator device{MemoryKind::device}, host;
    Weights weights;
    PlayedTransfers transfers;
    Context context{CpuStream{}, device, host, host};
};

} // namespace sweetspot::check

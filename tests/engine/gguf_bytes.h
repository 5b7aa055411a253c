#pragma once
#include <cstdint>
#include <string>

namespace sweetspot {

/// A GGUF file, written piece by piece; each piece may be wrong.
class GgufBytes {
public:
    std::uint32_t magic = 0x46554747, version = 3;
    std::uint64_t tensors = 0, entries = 0; ///< as counted
    std::size_t alignment = 32;

    GgufBytes& text(const std::string& key, const std::string& value) {
        return entry(key, 8, of(std::uint64_t(value.size())) + value);
    }
    GgufBytes& integer(const std::string& key, std::uint32_t value) {
        return entry(key, 4, of(value));
    }
    GgufBytes& real(const std::string& key, float value) { return entry(key, 6, of(value)); }
    GgufBytes& entry(const std::string& key, std::uint32_t kind, const std::string& value) {
        ++entries;
        metadata_ += of(std::uint64_t(key.size())) + key + of(kind) + value;
        return *this;
    }
    /// Zeros, at the next aligned place and `moved` bytes behind.
    GgufBytes& tensor(const std::string& name, const std::string& shape, std::uint32_t type,
                      std::size_t bytes, std::size_t moved = 0) {
        ++tensors;
        data_.resize((data_.size() + alignment - 1) / alignment * alignment + moved);
        table_ += of(std::uint64_t(name.size())) + name + shape + of(type) +
                  of(std::uint64_t(data_.size()));
        data_.resize(data_.size() + bytes);
        return *this;
    }
    /// A rank and sizes, fastest-moving first.
    template <class... Sizes>
    static std::string shape(Sizes... sizes) {
        return of(std::uint32_t(sizeof...(sizes))) + (of(std::uint64_t(sizes)) + ...);
    }
    template <class T>
    static std::string of(T value) {
        return {reinterpret_cast<const char*>(&value), sizeof value};
    }

    std::string bytes() const {
        std::string y = of(magic) + of(version) + of(tensors) + of(entries) + metadata_ + table_;
        y.resize((y.size() + alignment - 1) / alignment * alignment);
        return y + data_;
    }

private:
    std::string metadata_{}, table_{}, data_{};
};

/// A whole model: one layer, width 32, MLP in blocks of Q4_0, the rest in f32.
inline GgufBytes small_gguf() {
    GgufBytes y;
    y.text("general.architecture", "llama");
    y.integer("llama.block_count", 1).integer("llama.embedding_length", 32);
    y.integer("llama.attention.head_count", 1).integer("llama.feed_forward_length", 32);
    y.integer("llama.context_length", 8);
    y.real("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    const std::string row = GgufBytes::shape(32), square = GgufBytes::shape(32, 32);
    y.tensor("token_embd.weight", GgufBytes::shape(32, 3), 0, 4 * 32 * 3);
    for (const char* norm : {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"})
        y.tensor(norm + std::string(".weight"), row, 0, 4 * 32);
    for (const char* part : {"q", "k", "v", "output"})
        y.tensor("blk.0.attn_" + std::string(part) + ".weight", square, 0, 4 * 32 * 32);
    for (const char* part : {"gate", "up", "down"})
        y.tensor("blk.0.ffn_" + std::string(part) + ".weight", square, 2, 18 * 32);
    return y;
}

} // namespace sweetspot

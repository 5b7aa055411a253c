#pragma once
#include "engine/config/mapped_file.h"
#include "engine/config/packed_weights.h"
#include "kernels/core/tensor.h"
#include "kernels/core/weight_format.h"
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace sweetspot {

/// A tensor as it lies in a file.
struct StoredTensor {
    std::string type{}; ///< as the file calls it: F32, BF16, F16, Q8_0, …
    WeightFormat format = WeightFormat::dense;
    std::vector<std::int64_t> shape{}; ///< slowest-moving first
    std::span<const std::byte> bytes{};
    const MappedFile* file = nullptr; ///< not owned
};

/// "[33, 64]".
std::string shape_text(const std::vector<std::int64_t>& shape);

/// The named tensors of one checkpoint, mapped and not yet read.
struct StoredTensors {
    std::string path;                                 ///< what was asked for
    std::vector<std::unique_ptr<MappedFile>> files{}; ///< in the index's order
    std::map<std::string, StoredTensor> tensors{};
    std::optional<PackedWeights> packed{}; ///< how GPTQ or AWQ packed linears, if some are
    bool interleaved_rotary = false; ///< pairs that turn together are neighbours, as in llama2.c
                                     ///< and GGUF

    /// Throws Error(file): a sentence with the file, the tensor and what is wrong.
    void add_safetensors(const std::string& file);
    void add_llama2c(const std::string& file);
    void add_gguf(const std::string& file);
};

/// Opens a .safetensors file, an index of several (…index.json), a folder that holds either,
/// llama.cpp's .gguf or llama2.c's .bin of version 0, whose tensors get Hugging Face's names. Reads
/// headers only, and where tensors are packed the config.json beside them, or what their tool wrote
/// in its place (quantize_config.json, quant_config.json), for how.
/// Throws Error: bad_input for a path that is none of these, file as above, unsupported as
/// packed_weights().
StoredTensors open_weights(const std::string& path);

} // namespace sweetspot

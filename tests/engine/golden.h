#pragma once
#include "engine/config/catalogue.h"
#include "engine/models/model.h"
#include "engine/weights/open_model.h"
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace sweetspot::golden {

inline std::string folder(const std::string& model) {
    return SWEETSPOT_SOURCE_DIR "/tests/golden/" + model;
}

/// What PyTorch made of a model: see tests/golden/README.md.
class Outputs {
public:
    explicit Outputs(const std::string& model)
        : stored_(open_weights(folder(model) + "/golden.safetensors")) {}

    bool has(const std::string& name) const { return stored_.tensors.contains(name); }
    std::vector<float> floats(const std::string& name) const { return values<float>(name); }
    Tokens ids(const std::string& name) const { return values<std::int32_t>(name); }

    /// Sequences ids_0, ids_1, …
    Batch sequences() const {
        Batch batch;
        for (int i = 0; has("ids_" + std::to_string(i)); ++i)
            batch.rows.push_back(ids("ids_" + std::to_string(i)));
        return batch;
    }

private:
    template <class T>
    std::vector<T> values(const std::string& name) const {
        const auto& bytes = stored_.tensors.at(name).bytes;
        std::vector<T> y(bytes.size() / sizeof(T));
        std::memcpy(y.data(), bytes.data(), bytes.size());
        return y;
    }

    StoredTensors stored_;
};

/// Logits of the real tokens of all sequences, one sequence after the other.
inline std::vector<std::vector<float>> logits(const RunConfig& config, const Batch& batch,
                                              Context& context) {
    const ModelConfig model_config = load_model_config(config.model);
    auto loaded = weights_for(config, model_config, context);
    Model model(model_config, config, std::move(loaded.weights), int(batch.longest()), context);
    const InputRows input = lay_out(batch, config.layout, 32); // ESM-2's <mask>
    Residual stream = model.encode(input);
    std::vector<float> all;
    model.each_logits(stream, [&](std::int64_t, In y) {
        all.insert(all.end(), y.as<float>(), y.as<float>() + y.shape.count());
    });
    std::vector<std::vector<float>> y;
    const auto width = std::size_t(model_config.vocabulary);
    for (int s = 0; s < input.segments.count(); ++s) {
        const auto first = all.begin() + std::ptrdiff_t(input.segments.offsets[s] * width);
        y.emplace_back(first, first + std::ptrdiff_t(input.segments.lengths[s] * width));
    }
    return y;
}

/// The same, all in one, by two threads.
inline std::vector<float> all_logits(const RunConfig& config, const Batch& batch) {
    HostAllocator allocator;
    Context context(CpuStream{.threads = 2}, allocator);
    std::vector<float> all;
    for (const auto& row : logits(config, batch, context))
        all.insert(all.end(), row.begin(), row.end());
    return all;
}

/// The largest difference in a sequence, absolute or as a share of the largest true value; and that
/// of all values together: norm by norm.
struct Difference {
    double absolute = 0, relative = 0, of_norms = 0;
};
inline Difference difference(const std::vector<float>& found, const std::vector<float>& expected) {
    if (found.size() != expected.size()) return {INFINITY, INFINITY, INFINITY};
    double largest = 0, off = 0, squares = 0, all = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        largest = std::max(largest, std::abs(double(expected[i])));
        const double d = std::abs(double(found[i]) - double(expected[i]));
        off = d <= off ? off : d; // NaN counts
        squares += d * d, all += double(expected[i]) * double(expected[i]);
    }
    return {off, off / largest, std::sqrt(squares / all)};
}

} // namespace sweetspot::golden

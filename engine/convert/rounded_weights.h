#pragma once
#include "engine/convert/convert.h"
#include "engine/prune/calibration.h"
#include <array>

namespace sweetspot {

/// The weights of a model as a conversion has them: blocks of its linears, and numbers of the rest.
/// Blocks of a model must come in order where a text is looked at.
class RoundedWeights : public WeightSource {
public:
    using Tell = std::function<void(const LinearError&)>;

    /// All must outlive it.
    RoundedWeights(WeightSource& dense, const ModelConfig&, const RunConfig&, bool gptq, Context&,
                   Tell);

    /// Of a part or its bias: rows in f32, those of q and k in halves, and what they are in blocks.
    struct Numbers {
        WeightFormat format = WeightFormat::dense;
        std::vector<float> values{};        ///< what blocks stand for, if there are any
        std::vector<std::uint8_t> blocks{}; ///< empty if dense
    };
    Numbers numbers_of(const ModelPart&, bool bias);

    std::vector<In> find(const Parameter&) override;
    bool transposed(Part part) const override {
        return !is_rounded(part) && dense_.transposed(part);
    }

private:
    bool is_rounded(Part) const;
    Numbers rounded(const ModelPart&, LinearInputs*);
    void round_block(int layer);

    WeightSource& dense_;
    const ModelConfig& model_;
    const RunConfig& run_;
    Context& context_;
    Tell tell_;
    std::optional<Calibration> calibration_{};
    int block_ = -1; ///< whose linears are held
    std::array<Numbers, block_linears.size()> linears_{};
};

} // namespace sweetspot

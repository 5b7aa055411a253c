#include "engine/models/rotary_tables.h"
#include "engine/config/rotary.h"
#include "kernels/ops/rotary.h"
#include "kernels/ops/transfer.h"

namespace sweetspot {

RotaryTables rotary_tables(const ModelConfig& model, const Weights& weights, int longest,
                           Context& context) {
    if (model.position != PositionStyle::rotary) return {};
    if (model.rotary_scaling == RotaryScaling::dynamic && longest > model.positions)
        throw Error(Failure::unsupported,
                    model.name + " scales rotary positions dynamically beyond its " +
                        std::to_string(model.positions) + " positions, which is not computed; " +
                        std::to_string(longest) + " were asked for");
    const Shape shape{longest, model.head_size / 2};
    RotaryTables y{Tensor(context.allocator, shape, DType::f32, Purpose::weights),
                   Tensor(context.allocator, shape, DType::f32, Purpose::weights)};
    const std::vector<float> divisors = rotary_slower(model);
    Tensor slower;
    if (!divisors.empty()) {
        slower = Tensor(context.allocator, {shape[1]}, DType::f32, Purpose::workspace);
        run(Upload{.x = {divisors.data(), slower.shape(), DType::f32}, .y = slower}, context);
    }
    run(RotaryTable{.cosine = y.cosine,
                    .sine = y.sine,
                    .slower = slower.present() ? slower.in() : weights.rotary.gain.in(),
                    .base = float(model.rotary_base),
                    .magnitude = float(model.rotary_magnitude)},
        context);
    return y;
}

} // namespace sweetspot

#include "engine/train/unpack.h"
#include "engine/weights/weights.h"
#include "kernels/core/float_types.h"
#include "kernels/ops/transfer.h"
#include "kernels/ops/weight_row.h"
#include <cstring>

namespace sweetspot {

namespace {

template <class T>
float element(const char* at) {
    T x;
    std::memcpy(static_cast<void*>(&x), at, sizeof x);
    return to_float(x);
}

float element(DType dtype, const char* at) {
    switch (dtype) {
    case DType::bf16: return element<BFloat16>(at);
    case DType::f16: return element<Float16>(at);
    default: return element<float>(at);
    }
}

} // namespace

void unpack(const PackWeight& from, Out to, Context& context) {
    Tensor on_host;
    if (context.on_gpu())
        on_host = Tensor(context.host_allocator, to.shape, DType::f32, Purpose::workspace);
    if (!context.plans()) {
        float* at = on_host.present() ? on_host.as<float>() : to.as<float>();
        for (std::int64_t n = 0; n < to.shape[0]; ++n) {
            const WeightRow row = find_weight_row(from, n);
            for (std::int64_t k = 0; k < to.shape[1]; ++k)
                *at++ = element(row.dtype, row.first + std::size_t(k) * row.step_bytes);
        }
    }
    if (on_host.present()) run(Upload{.x = on_host, .y = to}, context);
}

std::vector<float> dense_numbers(const ModelConfig& model, const ModelPart& part, bool bias,
                                 WeightSource& source, Context& context) {
    const Parameter& weight = part.weight;
    if (!bias && weight.columns) {
        std::vector<float> y(std::size_t(weight.count()));
        unpack(packing_of(model, part, source),
               {y.data(), {weight.total_rows(), weight.columns}, DType::f32}, context);
        return y;
    }
    std::vector<float> y(std::size_t(weight.total_rows()));
    std::int64_t at = 0;
    Parameter vector{.part = weight.part, .layer = weight.layer, .bias = bias, .rows = weight.rows};
    for (const In& x : source.find(vector)) {
        run(Upload{.x = x, .y = {y.data() + at, x.shape, DType::f32}}, context);
        at += x.shape[0];
    }
    return y;
}

} // namespace sweetspot

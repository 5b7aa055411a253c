#include "engine/tasks/witnessed.h"
#include "kernels/core/float_types.h"
#include "kernels/ops/transfer.h"
#include <cstring>

namespace sweetspot {

namespace {

template <class Narrow>
std::vector<float> widened(const std::vector<std::byte>& bytes) {
    std::vector<float> values(bytes.size() / sizeof(Narrow));
    for (std::size_t i = 0; i < values.size(); ++i) {
        Narrow value;
        std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
        values[i] = to_float(value);
    }
    return values;
}

} // namespace

Witnessed::Witnessed(Witness& witness, Model& model, Context& context)
    : witness_(witness), context_(context) {
    model.look([this](BlockPlace place, const Residual& residual) { see_block(place, residual); });
}

std::vector<float> Witnessed::row_of(In matrix, std::int64_t row) {
    const In one = rows(matrix, row, 1);
    std::vector<std::byte> bytes(one.bytes());
    run(Download{.x = one, .y = {bytes.data(), one.shape, one.dtype}}, context_);
    context_.synchronize();
    switch (one.dtype) {
    case DType::bf16: return widened<BFloat16>(bytes);
    case DType::f16: return widened<Float16>(bytes);
    default: return widened<float>(bytes);
    }
}

void Witnessed::see_logits(std::int64_t first, In logits) {
    for (const auto& [row, token] : rows_)
        if (row >= first && row < first + logits.shape[0] && witness_.wants_logits(token))
            witness_.logits(token, row_of(logits, row - first));
}

void Witnessed::see_block(BlockPlace place, const Residual& residual) {
    for (const auto& [row, token] : rows_) {
        if (!witness_.wants_blocks(token)) continue;
        const bool whole = place == BlockPlace::residual;
        std::vector<float> values = row_of(whole ? residual.x : residual.branch, row);
        if (whole && residual.waiting) {
            const std::vector<float> branch = row_of(residual.branch, row);
            for (std::size_t i = 0; i < values.size(); ++i) values[i] += branch[i];
        }
        witness_.block(token, layer_, place, values);
    }
    if (place == BlockPlace::residual) ++layer_;
}

} // namespace sweetspot

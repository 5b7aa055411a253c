#include "kernels/ops/dropout.h"

namespace sweetspot {

void Drop::check() const {
    require(x.shape.rank == 2 && x.dense() && is_computed(x.dtype), Failure::bad_shape,
            "x is [rows, width], f32, bf16 or f16, dense");
    require(dropout.probability >= 0 && dropout.probability < 1, Failure::bad_shape,
            "dropout's probability is in [0, 1)");
}

Cost Drop::cost() const {
    return {.flops = double(x.shape.count()), .bytes = 2 * double(x.bytes())};
}

} // namespace sweetspot

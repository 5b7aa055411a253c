#include "kernels/ops/transfer.h"

namespace sweetspot {

void Upload::check() const {
    require(x.shape == y.shape && x.dense() && y.dense(), Failure::bad_shape,
            "y has x's shape, both dense");
    require((x.dtype == DType::i32) == (y.dtype == DType::i32), Failure::bad_shape,
            "both are numbers, or both integers");
}

Cost Upload::cost() const {
    return {.bytes = double(x.bytes()) + double(In(y).bytes())};
}

void Download::check() const {
    require(x.shape == y.shape && x.dense() && y.dense() && x.dtype == y.dtype, Failure::bad_shape,
            "y has x's shape and type, both dense");
}

Cost Download::cost() const {
    return {.bytes = 2 * double(x.bytes())};
}

} // namespace sweetspot

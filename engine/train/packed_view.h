#pragma once
#include "engine/layers/layers.h"
#include "kernels/ops/elementwise.h"

namespace sweetspot {

/// Columns of a matrix as products of gradients read them: packed row by row, in a copy if they lie
/// apart. Good while it and x are.
class PackedView {
public:
    PackedView(const LayerContext& layer, In x) : view_(x) {
        if (x.dense()) return;
        own_ = layer.activations(x.shape[0], x.shape[1], x.dtype);
        run(Scale{.x = x, .y = own_}, layer.context);
        view_ = own_;
    }
    operator In() const { return view_; }

private:
    Tensor own_{};
    In view_;
};

} // namespace sweetspot

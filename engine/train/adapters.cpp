#include "engine/train/adapters.h"
#include "engine/train/packed_view.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/matmul_backward.h"

namespace sweetspot {

namespace {

Dropout dropout_of(const LayerContext& layer, const Adapter& adapter) {
    Dropout y = dropout_of(layer, adapter.number);
    y.probability = layer.adapter_dropout;
    return y;
}

/// What an adapter reads of x: all, or what dropout leaves of it.
class Read {
public:
    Read(const LayerContext& layer, const Adapter& adapter, In x) : view_(x) {
        if (layer.adapter_dropout == 0) return;
        own_ = layer.activations(x.shape[0], x.shape[1], x.dtype);
        run(Convert{.x = x, .y = own_}, layer.context);
        run(Drop{.x = own_, .dropout = dropout_of(layer, adapter)}, layer.context);
        view_ = own_;
    }
    operator In() const { return view_; }

private:
    Tensor own_{};
    In view_;
};

void scale(const LayerContext& layer, const Tensor& x, float factor) {
    if (factor != 1) run(Scale{.x = x, .y = x, .factor = factor}, layer.context);
}

} // namespace

Adapters& ModelAdapters::at(Part part, int layer) {
    if (part == Part::head_dense) return head_dense;
    BlockAdapters& block = blocks.at(std::size_t(layer));
    switch (part) {
    case Part::query_key_value: return block.query_key_value;
    case Part::attention_output: return block.attention_output;
    case Part::up: return block.up;
    case Part::down: return block.down;
    default: throw Error(Failure::bug, "this part has no adapters");
    }
}

void adapt(const LayerContext& layer, const Adapters& adapters, In x, Out y, SavedAdapters& saved) {
    saved.clear();
    for (const Adapter& adapter : adapters) {
        const Tensor& inner =
            saved.emplace_back(layer.activations(x.shape[0], adapter.a.n, layer.dtype));
        run(MatMul{.a = Read(layer, adapter, x),
                   .weight = adapter.a.packed(),
                   .c = inner,
                   .tf32 = layer.tf32},
            layer.context);
        scale(layer, inner, adapter.scale);
        run(MatMul{.a = inner,
                   .weight = adapter.b.packed(),
                   .c = columns(y, adapter.first, adapter.b.n),
                   .accumulate = true,
                   .tf32 = layer.tf32},
            layer.context);
    }
}

void adapt_backward(const LayerContext& layer, Adapters& adapters, In x, In dy, Out dx,
                    const SavedAdapters& saved) {
    for (std::size_t i = 0; i < adapters.size(); ++i) {
        Adapter& adapter = adapters[i];
        Tensor d_inner = layer.activations(x.shape[0], adapter.a.n, layer.dtype);
        {
            const PackedView own(layer, columns(dy, adapter.first, adapter.b.n));
            run(WeightGradient{.dy = own,
                               .x = saved[i],
                               .dw = adapter.b_gradient,
                               .accumulate = true,
                               .tf32 = layer.tf32},
                layer.context);
            run(
                MatMulBackward{
                    .dy = own, .weight = adapter.b.packed(), .dx = d_inner, .tf32 = layer.tf32},
                layer.context);
        }
        scale(layer, d_inner, adapter.scale);
        run(WeightGradient{.dy = d_inner,
                           .x = Read(layer, adapter, x),
                           .dw = adapter.a_gradient,
                           .accumulate = true,
                           .tf32 = layer.tf32},
            layer.context);
        if (!dx.present()) continue;
        const bool drops = layer.adapter_dropout > 0;
        Tensor d_read;
        if (drops) d_read = layer.activations(x.shape[0], x.shape[1], DType::f32);
        run(MatMulBackward{.dy = d_inner,
                           .weight = adapter.a.packed(),
                           .dx = drops ? d_read.out() : dx,
                           .accumulate = !drops,
                           .tf32 = layer.tf32},
            layer.context);
        if (!drops) continue;
        run(Drop{.x = d_read, .dropout = dropout_of(layer, adapter)}, layer.context);
        run(Add{.x = dx, .delta = d_read}, layer.context);
    }
}

} // namespace sweetspot

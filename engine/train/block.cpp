#include "engine/train/block.h"
#include "engine/train/linear.h"
#include "kernels/ops/attention_backward.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/loss.h"
#include <cmath>

// Forward and backward of one block and of the head, side by side: each backward function undoes
// the forward function above it, in the opposite order.

namespace sweetspot {

namespace {

NormKind norm_kind(const LayerContext& layer) {
    return layer.model.norm == NormStyle::rms ? NormKind::rms : NormKind::layer;
}

Activation activation_of(const LayerContext& layer) {
    return layer.model.mlp == MlpStyle::gelu ? Activation::gelu : Activation::gelu_tanh;
}

bool is_gated(const LayerContext& layer) {
    return layer.model.mlp == MlpStyle::swiglu;
}

Tensor vector(const LayerContext& layer, std::int64_t rows) {
    return Tensor(layer.context.allocator, {rows}, DType::f32);
}

/// The norm's output anew, from the input that was kept.
void normalise_again(const LayerContext& layer, const NormWeights& weights, SavedNorm& saved) {
    if (saved.y.present()) return;
    Tensor x = std::move(saved.x);
    saved = norm_forward(layer, weights, x, {});
    saved.x = std::move(x);
}

/// A branch's output, or the gradient by it: some of it zeroed.
void drop(const LayerContext& layer, Out branch, int number) {
    if (layer.dropout.probability > 0)
        run(Drop{.x = branch, .dropout = dropout_of(layer, number)}, layer.context);
}

/// Likewise, unless the norm behind it does so. Of the last branch the head's norm sees some rows
/// only, and a number's place decides.
void drop_ahead(const LayerContext& layer, Out branch, int number) {
    const bool last = number + 1 == 2 * layer.model.layers;
    if (last || !drops_in_norm(layer)) drop(layer, branch, number);
}

/// The gradient by a branch, from that by the stream which it was added to.
class BranchGradient {
public:
    BranchGradient(const LayerContext& layer, In d_stream, int number) : view_(d_stream) {
        if (layer.dtype == DType::f32 && layer.dropout.probability == 0) return;
        own_ = layer.activations(d_stream.shape[0], d_stream.shape[1], layer.dtype);
        run(Convert{.x = d_stream, .y = own_}, layer.context);
        drop(layer, own_, number);
        view_ = own_;
    }
    operator In() const { return view_; }

private:
    Tensor own_{};
    In view_;
};

/// q, k and v side by side, or their gradients.
template <class View>
struct Split {
    View q, k, v;
    Split(const LayerContext& layer, View all)
        : q(columns(all, 0, std::int64_t(layer.model.heads) * layer.model.head_size)),
          k(columns(all, q.shape[1], std::int64_t(layer.model.kv_heads) * layer.model.head_size)),
          v(columns(all, q.shape[1] + k.shape[1], k.shape[1])) {}
};

/// What attention reads of their products: where the model normalises queries and keys by head, a
/// copy of these in `room`. The products are what is kept.
Split<In> attended(const LayerContext& layer, const BlockWeights& weights, In products,
                   Tensor& room) {
    Split<In> x(layer, products);
    if (!layer.model.qk_norm) return x;
    const std::int64_t queries = x.q.shape[1], keys = x.k.shape[1];
    room = layer.activations(products.shape[0], queries + keys, layer.dtype);
    run(Scale{.x = columns(products, 0, queries + keys), .y = room}, layer.context);
    const auto normalise = [&](const NormWeights& norm, Out head) {
        run(HeadNorm{.x = head, .weight = norm.gain, .epsilon = float(layer.model.norm_epsilon)},
            layer.context);
        return head;
    };
    x.q = normalise(weights.query_norm, columns(room.out(), 0, queries));
    x.k = normalise(weights.key_norm, columns(room.out(), queries, keys));
    return x;
}

/// Gradients by what attention read become those by the products.
void attended_backward(const LayerContext& layer, const BlockWeights& weights, In products,
                       Out gradient, BlockWeights& gradients) {
    if (!layer.model.qk_norm) return;
    const Split<In> x(layer, products);
    const Split<Out> dx(layer, gradient);
    const auto turn_back = [&](const NormWeights& norm, In before, Out d, NormWeights& learned) {
        run(HeadNormBackward{.x = before,
                             .weight = norm.gain,
                             .dx = d,
                             .dweight = learned.gain,
                             .epsilon = float(layer.model.norm_epsilon)},
            layer.context);
    };
    turn_back(weights.query_norm, x.q, dx.q, gradients.query_norm);
    turn_back(weights.key_norm, x.k, dx.k, gradients.key_norm);
}

float attention_scale(const LayerContext& layer) {
    return float(1 / std::sqrt(double(layer.model.head_size)));
}

/// Room for the scores of each sequence and head.
Tensor scores_of(const LayerContext& layer, const Segments& segments) {
    return Tensor(layer.context.allocator, {score_count(segments, layer.model.heads)}, DType::f32);
}

/// Attention and its projection: the branch.
Tensor attention_forward(const LayerContext& layer, const BlockWeights& weights,
                         BlockAdapters& adapters, const Segments& segments, SavedBlock& saved,
                         int number) {
    const Region region(layer.context, "attention");
    const std::int64_t rows = segments.rows();
    const ModelConfig& model = layer.model;
    saved.query_key_value = layer.activations(rows, weights.query_key_value.n, layer.dtype);
    linear_forward(
        layer, Adapted{weights.query_key_value, adapters.query_key_value, saved.of_query_key_value},
        saved.attention_in.y, saved.query_key_value);
    Tensor room;
    const Split x = attended(layer, weights, saved.query_key_value, room);
    saved.heads = layer.activations(rows, x.q.shape[1], layer.dtype);
    if (layer.attention == AttentionVariant::naive)
        saved.scores = scores_of(layer, segments);
    else
        saved.log_sum_exp = layer.activations(model.heads, rows, DType::f32);
    run(Attention{.q = x.q,
                  .k = x.k,
                  .v = x.v,
                  .cosine = layer.cosine,
                  .sine = layer.sine,
                  .scores = saved.scores,
                  .y = saved.heads,
                  .log_sum_exp = saved.log_sum_exp,
                  .segments = &segments,
                  .heads = model.heads,
                  .kv_heads = model.kv_heads,
                  .causal = model.causal,
                  .window = layer.window,
                  .scale = attention_scale(layer),
                  .kind = kind_of(layer.attention)},
        layer.context);
    room = {};
    Tensor branch = layer.activations(rows, model.width, layer.dtype);
    linear_forward(
        layer,
        Adapted{weights.attention_output, adapters.attention_output, saved.of_attention_output},
        head_mlp_forward(layer, weights.head_mlp, saved.heads, saved.head_mlp), branch);
    drop_ahead(layer, branch, number);
    return branch;
}

void attention_backward(const LayerContext& layer, const BlockWeights& weights,
                        BlockAdapters& adapters, const Segments& segments, SavedBlock& saved,
                        int number, Out d_stream, BlockWeights& gradients, bool below) {
    const Region region(layer.context, "attention backward");
    const ModelConfig& model = layer.model;
    const bool by_heads = below || !adapters.query_key_value.empty();
    Tensor d_heads;
    if (by_heads) d_heads = layer.activations(segments.rows(), saved.heads.shape()[1], layer.dtype);
    linear_backward(
        layer,
        Adapted{weights.attention_output, adapters.attention_output, saved.of_attention_output},
        head_mlp_forward(layer, weights.head_mlp, saved.heads, saved.head_mlp),
        BranchGradient(layer, d_stream, number), d_heads, gradients.attention_output);
    if (!by_heads) return;
    Tensor room;
    const Split x = attended(layer, weights, saved.query_key_value, room);
    head_mlp_backward(layer, weights.head_mlp, saved.heads, saved.head_mlp, d_heads,
                      gradients.head_mlp);
    Tensor d_all = layer.activations(segments.rows(), weights.query_key_value.n, layer.dtype);
    const Split dx(layer, d_all.out());
    const bool naive = layer.attention == AttentionVariant::naive;
    Tensor d_scores;
    if (naive) d_scores = scores_of(layer, segments);
    run(AttentionBackward{.q = x.q,
                          .k = x.k,
                          .v = x.v,
                          .cosine = layer.cosine,
                          .sine = layer.sine,
                          .y = naive ? In{} : saved.heads.in(),
                          .log_sum_exp = saved.log_sum_exp,
                          .weights = saved.scores,
                          .d_weights = d_scores,
                          .dy = d_heads,
                          .dq = dx.q,
                          .dk = dx.k,
                          .dv = dx.v,
                          .segments = &segments,
                          .heads = model.heads,
                          .kv_heads = model.kv_heads,
                          .causal = model.causal,
                          .window = layer.window,
                          .scale = attention_scale(layer),
                          .kind = kind_of(layer.attention)},
        layer.context);
    d_heads = {}, d_scores = {}, saved.scores = {}, room = {};
    attended_backward(layer, weights, saved.query_key_value, d_all, gradients);
    normalise_again(layer, weights.attention_norm, saved.attention_in);
    Tensor dy;
    if (below) dy = layer.activations(segments.rows(), model.width, layer.dtype);
    linear_backward(
        layer, Adapted{weights.query_key_value, adapters.query_key_value, saved.of_query_key_value},
        saved.attention_in.y, d_all, dy, gradients.query_key_value);
    if (below)
        norm_backward(layer, weights.attention_norm, saved.attention_in, dy, d_stream, true,
                      gradients.attention_norm);
}

/// inner = activation(before), anew.
void activate(const LayerContext& layer, SavedBlock& saved) {
    const std::int64_t rows = saved.before.shape()[0], width = layer.model.mlp_width;
    saved.inner = layer.activations(rows, width, layer.dtype);
    if (is_gated(layer)) {
        run(SwiGlu{.gate = columns(saved.before.in(), 0, width),
                   .up = columns(saved.before.in(), width, width),
                   .y = saved.inner},
            layer.context);
        return;
    }
    activated(layer, saved.before, saved.inner, activation_of(layer));
}

Tensor mlp_forward(const LayerContext& layer, const BlockWeights& weights, BlockAdapters& adapters,
                   SavedBlock& saved, int number) {
    const Region region(layer.context, "mlp");
    const std::int64_t rows = saved.mlp_in.x.shape()[0];
    saved.before = layer.activations(rows, weights.up.n, layer.dtype);
    if (is_gated(layer)) {
        linear_forward(layer, Adapted{weights.up, adapters.up, saved.of_up}, saved.mlp_in.y,
                       saved.before);
        activate(layer, saved);
    } else {
        saved.inner = layer.activations(rows, weights.up.n, layer.dtype);
        linear_forward(layer, Adapted{weights.up, adapters.up, saved.of_up}, saved.mlp_in.y,
                       saved.inner, saved.before, activation_of(layer));
    }
    Tensor branch = layer.activations(rows, layer.model.width, layer.dtype);
    linear_forward(layer, Adapted{weights.down, adapters.down, saved.of_down}, saved.inner, branch);
    drop_ahead(layer, branch, number);
    return branch;
}

void mlp_backward(const LayerContext& layer, const BlockWeights& weights, BlockAdapters& adapters,
                  SavedBlock& saved, int number, Out d_stream, BlockWeights& gradients,
                  bool below) {
    const Region region(layer.context, "mlp backward");
    const std::int64_t rows = saved.mlp_in.x.shape()[0], width = layer.model.mlp_width;
    const bool by_inner = below || !adapters.up.empty();
    if (!saved.inner.present()) activate(layer, saved);
    Tensor d_inner;
    if (by_inner) d_inner = layer.activations(rows, width, layer.dtype);
    linear_backward(layer, Adapted{weights.down, adapters.down, saved.of_down}, saved.inner,
                    BranchGradient(layer, d_stream, number), d_inner, gradients.down);
    saved.inner = {};
    if (!by_inner) return;
    Tensor d_before;
    if (is_gated(layer)) {
        d_before = layer.activations(rows, 2 * width, layer.dtype);
        run(SwiGluBackward{.gate = columns(saved.before.in(), 0, width),
                           .up = columns(saved.before.in(), width, width),
                           .dy = d_inner,
                           .dgate = columns(d_before.out(), 0, width),
                           .dup = columns(d_before.out(), width, width)},
            layer.context);
    } else {
        run(ActivateBackward{.x = saved.before,
                             .dy = d_inner,
                             .dx = d_inner,
                             .activation = activation_of(layer)},
            layer.context);
        d_before = std::move(d_inner);
    }
    d_inner = {};
    normalise_again(layer, weights.mlp_norm, saved.mlp_in);
    Tensor dy;
    if (below) dy = layer.activations(rows, layer.model.width, layer.dtype);
    linear_backward(layer, Adapted{weights.up, adapters.up, saved.of_up}, saved.mlp_in.y, d_before,
                    dy, gradients.up);
    if (below)
        norm_backward(layer, weights.mlp_norm, saved.mlp_in, dy, d_stream, true,
                      gradients.mlp_norm);
}

/// The head's products of some rows, with what the backward pass will read.
struct SavedHead {
    SavedNorm in;
    Tensor before, dense; ///< of a masked head, f32
    SavedNorm dense_norm; ///< likewise; without x, which is `dense`
    SavedAdapters of_dense;
    Tensor logits;

    const Tensor& features() const { return dense_norm.y.present() ? dense_norm.y : in.y; }
};

SavedHead head_products(const LayerContext& layer, const Weights& weights, ModelAdapters& adapters,
                        const HeadRows& rows) {
    SavedHead saved;
    const std::int64_t count = rows.x.shape[0], width = layer.model.width;
    saved.in = norm_forward(layer, weights.final_norm, rows.x, rows.branch);
    if (layer.model.head == HeadStyle::masked) {
        saved.before = layer.activations(count, width, DType::f32);
        saved.dense = layer.activations(count, width, DType::f32);
        linear_forward(layer, Adapted{weights.head_dense, adapters.head_dense, saved.of_dense},
                       saved.in.y, saved.dense, saved.before, Activation::gelu);
        saved.dense_norm = norm_forward(layer, weights.head_norm, saved.dense, {});
    }
    saved.logits = layer.activations(count, layer.model.vocabulary, DType::f32);
    linear_forward(layer, weights.head, saved.features(), saved.logits);
    return saved;
}

/// By the final norm's output, from that by the masked head's.
Tensor dense_backward(const LayerContext& layer, const Weights& weights, ModelAdapters& adapters,
                      SavedHead& saved, const Tensor& d_features, Weights& gradients) {
    const std::int64_t count = d_features.shape()[0], width = layer.model.width;
    const Tensor d_dense = layer.activations(count, width, DType::f32);
    saved.dense_norm.x = std::move(saved.dense);
    norm_backward(layer, weights.head_norm, saved.dense_norm, d_features, d_dense, false,
                  gradients.head_norm);
    run(ActivateBackward{.x = saved.before, .dy = d_dense, .dx = d_dense}, layer.context);
    Tensor converted;
    if (layer.dtype != DType::f32) {
        converted = layer.activations(count, width, layer.dtype);
        run(Convert{.x = d_dense, .y = converted}, layer.context);
    }
    Tensor dy = layer.activations(count, width, layer.dtype);
    linear_backward(layer, Adapted{weights.head_dense, adapters.head_dense, saved.of_dense},
                    saved.in.y, converted.present() ? converted.in() : d_dense.in(), dy,
                    gradients.head_dense);
    return dy;
}

} // namespace

void norm_backward(const LayerContext& layer, const NormWeights& weights, const SavedNorm& saved,
                   In dy, Out dx, bool accumulate, NormWeights& gradients) {
    NormWeights unread; // of a norm that is not learned: the op has no other way
    if (!gradients.gain.present()) {
        unread.gain = vector(layer, dx.shape[1]);
        run(Zero{.x = unread.gain}, layer.context);
    }
    const NormWeights& added = gradients.gain.present() ? gradients : unread;
    run(NormBackward{.x = saved.x,
                     .weight = weights.gain,
                     .mean = saved.mean,
                     .rstd = saved.rstd,
                     .dy = dy,
                     .dx = dx,
                     .dweight = added.gain,
                     .dbias = added.bias,
                     .kind = norm_kind(layer),
                     .accumulate = accumulate},
        layer.context);
}

SavedNorm norm_forward(const LayerContext& layer, const NormWeights& weights, In x, In delta,
                       int branch) {
    const std::int64_t rows = x.shape[0], width = x.shape[1];
    SavedNorm saved;
    if (delta.present()) saved.x = layer.activations(rows, width, DType::f32);
    if (delta.present() && !layer.fused()) {
        run(Convert{.x = x, .y = saved.x}, layer.context);
        run(Add{.x = saved.x, .delta = delta}, layer.context);
        x = saved.x, delta = {};
    }
    saved.y = layer.activations(rows, width, layer.dtype);
    if (layer.model.norm == NormStyle::layer) saved.mean = vector(layer, rows);
    saved.rstd = vector(layer, rows);
    run(Norm{.x = x,
             .delta = delta,
             .weight = weights.gain,
             .bias = weights.bias,
             .sum = delta.present() ? saved.x.out() : Out{},
             .y = saved.y,
             .mean = saved.mean,
             .rstd = saved.rstd,
             .kind = norm_kind(layer),
             .epsilon = float(layer.model.norm_epsilon),
             .dropout = branch != no_branch && drops_in_norm(layer) ? dropout_of(layer, branch)
                                                                    : Dropout{}},
        layer.context);
    return saved;
}

Tensor block_forward(const LayerContext& layer, const BlockWeights& weights,
                     BlockAdapters& adapters, const Segments& segments, SavedBlock& saved,
                     int number) {
    const Tensor branch = attention_forward(layer, weights, adapters, segments, saved, 2 * number);
    saved.mlp_in = norm_forward(layer, weights.mlp_norm, saved.attention_in.x, branch, 2 * number);
    return mlp_forward(layer, weights, adapters, saved, 2 * number + 1);
}

void forget(SavedBlock& saved, Recompute recompute) {
    if (recompute == Recompute::none) return;
    saved.attention_in.y = {};
    saved.head_mlp.y.clear();
    saved.mlp_in.y = {};
    saved.inner = {};
    if (recompute == Recompute::selective) return;
    Tensor x = std::move(saved.attention_in.x);
    saved = {};
    saved.attention_in.x = std::move(x);
}

void block_backward(const LayerContext& layer, const BlockWeights& weights, BlockAdapters& adapters,
                    const Segments& segments, SavedBlock& saved, int number, Out d_stream,
                    BlockWeights& gradients, bool below) {
    const bool by_stream =
        below || !adapters.query_key_value.empty() || !adapters.attention_output.empty();
    if (!saved.query_key_value.present()) {
        normalise_again(layer, weights.attention_norm, saved.attention_in);
        block_forward(layer, weights, adapters, segments, saved, number);
    }
    mlp_backward(layer, weights, adapters, saved, 2 * number + 1, d_stream, gradients, by_stream);
    saved.before = {};
    saved.mlp_in = {};
    if (by_stream)
        attention_backward(layer, weights, adapters, segments, saved, 2 * number, d_stream,
                           gradients, below);
    saved = {};
}

void head_forward_backward(const LayerContext& layer, const Weights& weights,
                           ModelAdapters& adapters, const HeadRows& rows, float scale,
                           In device_scale, Weights& gradients) {
    SavedHead saved = head_products(layer, weights, adapters, rows);
    const std::int64_t count = rows.x.shape[0], width = layer.model.width;
    const In logits = saved.logits;
    Tensor d_logits; // in f32 where the logits were
    if (layer.dtype != DType::f32)
        d_logits = layer.activations(count, layer.model.vocabulary, layer.dtype);
    else
        d_logits = std::move(saved.logits);
    run(CrossEntropyGradient{.logits = logits,
                             .targets = rows.targets,
                             .losses = rows.losses,
                             .dlogits = d_logits,
                             .scale = scale,
                             .device_scale = device_scale},
        layer.context);
    saved.logits = {};
    Tensor d_features = layer.activations(count, width, layer.dtype);
    linear_backward(layer, weights.head, saved.features(), d_logits, d_features, gradients.head);
    d_logits = {};
    if (layer.model.head == HeadStyle::masked)
        d_features = dense_backward(layer, weights, adapters, saved, d_features, gradients);
    norm_backward(layer, weights.final_norm, saved.in, d_features, rows.dx, false,
                  gradients.final_norm);
}

void head_forward(const LayerContext& layer, const Weights& weights, ModelAdapters& adapters,
                  const HeadRows& rows) {
    const SavedHead saved = head_products(layer, weights, adapters, rows);
    run(CrossEntropy{.logits = saved.logits, .targets = rows.targets, .losses = rows.losses},
        layer.context);
}

} // namespace sweetspot

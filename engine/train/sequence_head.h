#pragma once
#include "engine/train/block.h"

namespace sweetspot {

/// A linear head on the mean of a sequence's last outputs, behind the final norm: what kind of
/// sequence it is, or a number.
struct SequenceHead {
    LinearWeights linear{}; ///< [outputs, width], f32
    Tensor weight_gradient{}, bias_gradient{};
    int outputs = 1;      ///< classes
    bool numbers = false; ///< or one number, whose loss is half the square of what it is off
};

/// A batch of sequences on their way through it. All f32, but for classes.
struct SequenceRows {
    In x, branch;  ///< [rows, width]: the stream, and what is still to be added, of its own type
    In shares;     ///< [rows, sequences]: of a row in the mean of a sequence
    In classes{};  ///< [sequences] i32, or absent
    In numbers{};  ///< [sequences, 1], or absent
    Out losses{};  ///< [sequences]: of classes, as the head's gradient leaves them
    Out answers{}; ///< [sequences, outputs]: logits, or numbers
};

void sequence_head_forward(const LayerContext&, const Weights&, const SequenceHead&,
                           const SequenceRows&);
/// With the gradient of `scale` (on a GPU, of classes, `device_scale`) times the losses' sum by the
/// stream, and, added to what is present, by the head and the final norm.
Tensor sequence_head_backward(const LayerContext&, const Weights&, const SequenceHead&,
                              const SequenceRows&, float scale, In device_scale,
                              Weights& gradients);

} // namespace sweetspot

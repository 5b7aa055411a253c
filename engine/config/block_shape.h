#pragma once
#include "engine/config/parameters.h"

namespace sweetspot {

/// What a transformer's block is made of, and in which order. The layers and the loader go by it.
struct BlockShape {
    /// What attention reads of the residual.
    enum class Input {
        normalised, ///< by a norm whose gain and bias were learned
        plain_norm, ///< by one of gain 1 and bias 0, made anew each time
        unchanged,
    };
    Input attention_input = Input::normalised;
    bool attention_output = true; ///< the projection after attention
    /// false: attention, then the MLP, each added to the residual. true: x = MLP(norm(x)) +
    /// attention(x), side by side and without residual.
    bool parallel = false;

    /// Whether it has a use for what is learned at a part.
    bool uses(Part part) const {
        if (part == Part::attention_norm) return attention_input == Input::normalised;
        return part != Part::attention_output || attention_output;
    }
};

} // namespace sweetspot

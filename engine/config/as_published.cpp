#include "engine/config/as_published.h"

namespace sweetspot {

BlockShape block_shape(AsPublished study) {
    using Input = BlockShape::Input;
    switch (study) {
    case AsPublished::none: return {};
    case AsPublished::dropout_norm: return {}; // nothing is fused, so it is the model itself
    case AsPublished::attention_norm: return {.attention_input = Input::plain_norm};
    case AsPublished::mlp_norm: return {.attention_input = Input::unchanged, .parallel = true};
    case AsPublished::attention_projection: return {.attention_output = false};
    case AsPublished::masked_pruning: return {};
    case AsPublished::llm_compression: return {};
    }
    return {};
}

std::string caveat_of(AsPublished study) {
    switch (study) {
    case AsPublished::none: return {};
    case AsPublished::dropout_norm:
        return "as_published dropout_norm is the model itself: nothing is fused";
    case AsPublished::attention_norm:
        return "as_published attention_norm changes the function: each block's first norm is made "
               "anew in every step, with gain 1 and bias 0";
    case AsPublished::mlp_norm:
        return "as_published mlp_norm changes the function: a block is MLP(LN(x)) + Attention(x), "
               "without its first norm and its residual";
    case AsPublished::attention_projection:
        return "as_published attention_projection changes the function: the output projection is "
               "left out";
    case AsPublished::masked_pruning:
        return "as_published masked_pruning is not pruning as it is meant: zeros are stored and "
               "computed, unstructured ones also in tables and gains of norms, and a tied head is "
               "untied";
    case AsPublished::llm_compression:
        return "as_published llm_compression is no language model: it learns to say the token that "
               "it sees, scores padding, and draws gains of norms around 0";
    }
    return {};
}

} // namespace sweetspot

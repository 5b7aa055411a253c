#pragma once
#include "engine/config/model_config.h"
#include <optional>
#include <span>

namespace sweetspot {

/// What some files hold a second time. It must agree with the first: where it does not, the file
/// and its config.json say different things.
enum class Copy {
    tokens,             ///< the embedding table, as a tied head's
    head_bias,          ///< of a masked head
    rotary_frequencies, ///< what follows from rotary_base
};

/// A tensor that a family's files may hold beside what its models are made of.
struct ForeignTensor {
    Family family;
    std::string_view ending;  ///< of its name
    std::optional<Copy> copy; ///< which is checked; nothing: it is ignored
    std::string_view meaning; ///< what it holds, or why nothing depends on it
};
std::span<const ForeignTensor> foreign_tensors();

} // namespace sweetspot

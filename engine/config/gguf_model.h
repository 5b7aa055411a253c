#pragma once
#include "engine/config/gguf.h"
#include "engine/config/model_config.h"

namespace sweetspot {

/// A model from the metadata of a GGUF file of an architecture that known_families() has. Throws
/// Error that names the key: file for what is missing or malformed, unsupported for another
/// architecture, for what the engine cannot compute and for a key of the architecture that it does
/// not know.
ModelConfig model_from_gguf(const Gguf&);
ModelConfig model_from_gguf(const std::string& path);

} // namespace sweetspot

#pragma once
#include <cstdint>
#include <string>

namespace sweetspot {

/// Where a model's weights came from. Random weights say nothing about quality.
struct Provenance {
    bool loaded = false;
    std::string path{};    ///< file or folder, if loaded
    std::string sha256{};  ///< of the file; of several, of their hashes in the index's order
    std::int64_t seed = 0; ///< if random
    std::string note{};    ///< what became of weights that GPTQ or AWQ packed
};

} // namespace sweetspot

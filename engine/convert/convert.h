#pragma once
#include "engine/config/parameters.h"
#include "engine/config/run_config.h"
#include "kernels/core/context.h"
#include <functional>
#include <optional>
#include <string>

namespace sweetspot {

/// What becomes of a run's model: its weights in the run's weight_format, the rest in its
/// precision.
struct Conversion {
    std::string to{};      ///< a file that ends in .gguf, or a folder for model.safetensors
    bool gptq = false;     ///< rounds as GPTQ does, on prune_data, not to nearest
    bool tokenizer = true; ///< goes along
};

/// How far the numbers of one linear are from those it had: roots of mean squares, as shares of
/// those of the numbers themselves.
struct LinearError {
    Part part = Part::up;
    int layer = 0;
    WeightFormat format = WeightFormat::dense;
    double weights = 0;
    std::optional<double> products{}; ///< of what it gives for the text's inputs, if there is one
};

/// What was written.
struct Converted {
    std::uint64_t bytes = 0; ///< of the file of weights
    std::string note{};      ///< which weights have which format, and what was left out
};

/// Writes the model, on the CPU: as GGUF, blocks as they are, if it is of one of LLaMA's kinds and
/// its tokenizer is one that GGUF has; as safetensors the numbers that blocks stand for, in f32. Of
/// a GGUF file what is in the format already is taken as it is. `tell` hears of each linear that is
/// rounded. Throws Error: unsupported, by name, for what a file of the kind cannot hold; bad_input;
/// file.
Converted convert(const RunConfig&, const Conversion&, Context&,
                  const std::function<void(const LinearError&)>& tell);

} // namespace sweetspot

#pragma once
#include "engine/config/model_config.h"
#include "engine/config/run_config.h"
#include "engine/data/batches.h"
#include "kernels/core/memory.h"

namespace sweetspot {

/// What memory_model asks for in place of the ledger.
struct PublishedMemory {
    MemoryUse use{};      ///< peak_total, and by purpose what of it is known
    std::string caveat{}; ///< whose number it is
};

/// Peak memory of the ESM-2 study's program in inference: weights in f32 and the copies in f16 that
/// autocast keeps of them; of each token and channel the residual stream, a layer's input, a norm's
/// output, and the temporaries of a GELU in passes (flash attention) or of attention (naive), whose
/// scores are kept at 8 bytes each. Of the batch that needs most.
PublishedMemory published_memory(const RunConfig&, const ModelConfig&, std::span<const BatchShape>);

/// What the study's first two figures show for this run (resources/data/hpml-memory.csv). Throws
/// Error(bad_input) where they show nothing.
PublishedMemory plotted_memory(const RunConfig&);

/// Either, as the run asks.
PublishedMemory memory_by_study(const RunConfig&);

} // namespace sweetspot

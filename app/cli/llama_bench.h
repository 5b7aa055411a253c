#pragma once
#include "app/experiment/record.h"
#include <iosfwd>
#include <span>

namespace sweetspot {

/// The finished runs as llama-bench's JSON has them: forward steps as prompts, generations.
void write_llama_bench(std::ostream&, std::span<const RunRecord>);

} // namespace sweetspot

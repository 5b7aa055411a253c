#pragma once
#include "app/experiment/record.h"
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

/// Runs of llama.cpp's llama-bench, as it writes them with -o json, jsonl, csv or sql: a prompt of
/// n tokens is a forward step of one sequence, n generated tokens a generation. Each says that it
/// is imported; settings that the rows differ in and that no field of ours has stand behind the
/// model's name. Nothing if the text is of another kind; throws Error(bad_input) with the place if
/// it is of this kind and cannot be read.
std::optional<std::vector<RunRecord>> runs_from_llama_bench(std::string_view text,
                                                            const std::string& where);

} // namespace sweetspot

#pragma once
#include <string_view>

namespace sweetspot {

/// What a file is that begins so, if it is of a kind that people take for weights: a clause such as
/// "is a GGUF file of llama.cpp's". "" for all others.
std::string_view foreign_format(std::string_view first_bytes);

} // namespace sweetspot

#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sweetspot {

/// Bytes as text of one line, as RFC 4648 has it, with padding.
std::string to_base64(std::span<const std::byte>);
/// Nothing for what to_base64() does not write.
std::optional<std::string> from_base64(std::string_view);

} // namespace sweetspot

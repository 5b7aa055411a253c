#pragma once
#include <string_view>

namespace sweetspot {

/// The release, e.g. "0.1.0".
std::string_view version();
/// The commit this was built from, with "+" if the tree had changes; "unknown" outside a checkout.
std::string_view commit();
/// Compiler, build type and sanitizers, e.g. "g++ 12.2.0, RelWithDebInfo".
std::string_view build_description();

} // namespace sweetspot

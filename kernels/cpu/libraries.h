#pragma once
#include <string>

namespace sweetspot {

/// The version of oneDNN that matrix products use, e.g. "2.6.3".
std::string onednn_version();

} // namespace sweetspot

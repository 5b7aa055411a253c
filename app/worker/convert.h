#pragma once
#include "engine/convert/convert.h"

namespace sweetspot {

/// Does a conversion and gives a line of JSON for each linear that was rounded (layer, part,
/// format, weight_error, product_error or null), then one for the file (bytes, note). Throws as
/// convert().
void write_converted(const RunConfig&, const Conversion&,
                     const std::function<void(const std::string&)>& give);

} // namespace sweetspot

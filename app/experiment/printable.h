#pragma once
#include <string>
#include <string_view>

namespace sweetspot {

/// Text from elsewhere (names, reasons, a worker's last words, another's database) as a person may
/// see it on a terminal: valid UTF-8, without control characters. Those of ASCII become their
/// pictures (U+2400 and on: ESC is ␛), but for line break and tab, which stay; those of
/// U+0080 to U+009F, and bytes that are no UTF-8, become U+FFFD.
std::string printable(std::string_view);

/// JSON as a terminal may have it: control characters that its strings may hold as they are (DEL
/// and U+0080 to U+009F) become \u escapes, which mean the same.
std::string printable_json(std::string_view);

/// Whether it is UTF-8 throughout, as JSON and SQL want their texts.
bool is_utf8(std::string_view);

} // namespace sweetspot

#pragma once
#include "engine/config/run_config.h"
#include <map>
#include <string>
#include <string_view>

namespace sweetspot {

/// By field: what stands in a key for a value that names a file, e.g. {"data", "sha256:…"}.
using Contents = std::map<std::string, std::string, std::less<>>;

/// The configuration's part of a run's identity, as text: `name=LENGTH:value` and a line break for
/// each field of canonical(config) that differs from RunConfig{}, in the order of names. Neither a
/// new field nor another order of fields changes it for a configuration that does not use them; a
/// default, once there, stays (tests/app/key_test.cpp holds them). A field that has contents
/// and applies is always named, with these in place of its value.
std::string point_text(const RunConfig&, const Contents& contents = {});

/// 16 hexadecimal digits that stand for point_text(config, contents): equal for configurations that
/// do the same work, on every machine and in every version.
std::string hash_of(const RunConfig&, const Contents& contents = {});

/// Likewise for any text, e.g. a spec's.
std::string hash_of_text(std::string_view);

} // namespace sweetspot

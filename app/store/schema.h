#pragma once
#include "app/store/database.h"
#include <span>

namespace sweetspot {

/// What tells our databases from those of others: "SwSp".
constexpr std::int64_t application_id = 0x53775370;

/// The steps from an empty database to the newest schema. Step i leads from version i to i + 1; a
/// step that was released never changes, a new one is put at the end.
std::span<const char* const> migrations();

/// Takes the steps that a database lacks, all or none. Throws Error(file) if it is of a newer
/// version than there are steps, or of another program.
void migrate(const Database&, std::span<const char* const> steps);

/// Throws Error(file) unless the database is ours and not of a newer version. Gives its version.
std::int64_t check_schema(const Database&, std::size_t newest);

} // namespace sweetspot

#pragma once
#include "engine/data/batches.h"

namespace sweetspot {

/// What was done to the data so that the model could read them, for people, e.g. "3 letters
/// replaced (2 J, 1 *), 51 made upper case, 2 stops dropped"; "" if they are as they were.
std::string data_note(const ReadCounts& read, const LetterCounts& replaced);

/// Letters of all kinds together.
std::int64_t total(const LetterCounts& letters);

} // namespace sweetspot

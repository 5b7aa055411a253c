#pragma once
#include "engine/data/sequences.h"
#include "engine/data/text_reader.h"

namespace sweetspot {

/// How the file that `text` begins is read: by what it contains, then by its name's ending.
/// `residues` says that its letters must be such, which settles what a leading '>' means.
SequenceFormat format_of(TextReader& text, const ReadOptions& options, bool residues);

/// The separator of the table that begins here: the one by which its header has the column, else
/// the commonest of the header.
char separator_of(TextReader& text, const std::string& column, SequenceFormat format);

} // namespace sweetspot

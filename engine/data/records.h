#pragma once
#include "engine/data/sequences.h"
#include "engine/data/text_reader.h"

namespace sweetspot {

/// Reads the records of one format, empty ones included.
class RecordReader {
public:
    virtual ~RecordReader() = default;
    /// The next record; false at the end of the file. Throws Error(file) that names the line.
    virtual bool next(Sequence& record) = 0;
    /// Whether no two records can have one name: they have numbers, or there is one.
    virtual bool numbers() const { return false; }
    /// Null where there are none.
    virtual const std::vector<std::string>* columns() const { return nullptr; }
};

/// Opens a file. `letters` must outlive it.
std::unique_ptr<RecordReader> open_records(std::unique_ptr<TextReader> text, SequenceFormat format,
                                           const ReadOptions& options, Letters& letters);

} // namespace sweetspot

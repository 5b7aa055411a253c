#pragma once
#include "kernels/core/error.h"
#include <filesystem>

namespace sweetspot {

/// Thrown where another process has the right to write.
class BeingWritten : public Error {
public:
    using Error::Error;
};

/// The right to write to a database, held by one process at a time as long as this lives. It is a
/// lock on a file beside the database, which the system lifts when its holder ends however it ends.
class WriterLock {
public:
    /// Throws BeingWritten that names the process which holds it, or Error(file) that says why it
    /// cannot be taken.
    explicit WriterLock(const std::filesystem::path& database);
    ~WriterLock();
    WriterLock(const WriterLock&) = delete;
    WriterLock& operator=(const WriterLock&) = delete;

private:
    int file_ = -1;
};

} // namespace sweetspot

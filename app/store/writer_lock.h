#pragma once
#include <filesystem>

namespace sweetspot {

/// The right to write to a database, held by one process at a time as long as this lives. It is a
/// lock on a file beside the database, which the system lifts when its holder ends however it ends.
class WriterLock {
public:
    /// Throws Error(file) that names the process which holds it, or why it cannot be taken.
    explicit WriterLock(const std::filesystem::path& database);
    ~WriterLock();
    WriterLock(const WriterLock&) = delete;
    WriterLock& operator=(const WriterLock&) = delete;

private:
    int file_ = -1;
};

} // namespace sweetspot

#include "app/store/writer_lock.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sweetspot {

namespace {

/// The lock's path: however the database is reached, it has one, as SQLite's own files do.
std::string lock_path(const std::filesystem::path& database) {
    std::error_code error;
    const auto real = std::filesystem::canonical(database, error);
    return (error ? database : real).string() + "-writer";
}

/// A lock in a folder where others may write may have been put there by them: as a link it would
/// have another file overwritten.
bool is_plain_file(int file) {
    struct stat about {};
    return fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_nlink <= 1;
}

} // namespace

WriterLock::WriterLock(const std::filesystem::path& database) {
    const auto path = lock_path(database);
    file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    const int error = file_ < 0 ? errno : 0;
    if (error == ELOOP || (file_ >= 0 && !is_plain_file(file_))) {
        if (file_ >= 0) close(file_);
        throw Error(Failure::file, database.string() + " cannot be written: " + path +
                                       " is a link or no file; what lies there is not ours, and "
                                       "must go first");
    }
    if (file_ < 0)
        throw Error(Failure::file, database.string() + " cannot be written: " + path + ": " +
                                       std::strerror(error));
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        char holder[32] = {};
        const bool known = pread(file_, holder, sizeof holder - 1, 0) > 0;
        close(file_);
        if (error != EWOULDBLOCK)
            throw Error(Failure::file, path + " cannot be locked: " + std::strerror(error));
        throw BeingWritten(Failure::file,
                           database.string() + " is being written by another Sweetspot" +
                               (known ? " (process " + std::string(holder) + ")" : "") +
                               "; one at a time may write, all may read");
    }
    const auto self = std::to_string(getpid());
    // Who it is helps people only: a full disk must not keep anyone out.
    if (ftruncate(file_, 0) == 0) [[maybe_unused]]
        const auto written = pwrite(file_, self.data(), self.size(), 0);
}

WriterLock::~WriterLock() {
    close(file_);
}

} // namespace sweetspot

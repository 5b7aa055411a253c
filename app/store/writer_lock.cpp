#include "app/store/writer_lock.h"
#include "kernels/core/error.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <unistd.h>

namespace sweetspot {

WriterLock::WriterLock(const std::filesystem::path& database) {
    const auto path = database.string() + "-writer";
    file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0)
        throw Error(Failure::file, database.string() + " cannot be written: " + path + ": " +
                                       std::strerror(errno));
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        char holder[32] = {};
        const bool known = pread(file_, holder, sizeof holder - 1, 0) > 0;
        close(file_);
        if (error != EWOULDBLOCK)
            throw Error(Failure::file, path + " cannot be locked: " + std::strerror(error));
        throw Error(Failure::file, database.string() + " is being written by another Sweetspot" +
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

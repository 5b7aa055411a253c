#include "app/experiment/file_stamp.h"
#include "engine/config/fields.h"
#include "kernels/core/error.h"
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/stat.h>

namespace sweetspot {

FileStamp stamp_of(const std::filesystem::path& path) {
    struct stat file {};
    if (stat(path.c_str(), &file) != 0)
        throw Error(Failure::file, path.string() + ": cannot be opened: " + std::strerror(errno));
    if (!S_ISREG(file.st_mode)) throw Error(Failure::file, path.string() + ": is no regular file");
    FileStamp stamp{.changed_unix_seconds = double(file.st_ctim.tv_sec)};
    for (const auto part :
         {std::int64_t(file.st_size), std::int64_t(file.st_mtim.tv_sec),
          std::int64_t(file.st_mtim.tv_nsec), std::int64_t(file.st_ctim.tv_sec),
          std::int64_t(file.st_ctim.tv_nsec), std::int64_t(file.st_ino), std::int64_t(file.st_dev)})
        stamp.text += to_text(part) + " ";
    return stamp;
}

} // namespace sweetspot

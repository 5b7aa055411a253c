#include "engine/weights/mapped_file.h"
#include "kernels/core/error.h"
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sweetspot {

MappedFile::MappedFile(const std::string& path) : path_(path) {
    const auto fail = [&](const std::string& what) {
        throw Error(Failure::file, path + ": " + what + ": " + std::strerror(errno));
    };
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail("cannot be opened");
    struct stat facts;
    const bool regular = fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
    const auto size = regular ? std::size_t(facts.st_size) : 0;
    void* memory = size ? mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0) : nullptr;
    close(file);
    if (!regular) throw Error(Failure::file, path + ": not a regular file");
    if (memory == MAP_FAILED) fail("cannot be mapped");
    bytes_ = {static_cast<const std::byte*>(memory), size};
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

void MappedFile::forget(std::span<const std::byte> part) const {
    // Only whole pages can go; the neighbours of the part stay.
    const auto page = std::size_t(sysconf(_SC_PAGESIZE));
    const auto first = (std::size_t(part.data()) + page - 1) / page * page;
    const auto last = (std::size_t(part.data()) + part.size()) / page * page;
    if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

} // namespace sweetspot

#include "engine/config/mapped_file.h"
#include "engine/config/regular_file.h"
#include "kernels/core/error.h"
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace sweetspot {

MappedFile::MappedFile(const std::string& path) : path_(path) {
    const RegularFile file(path);
    if (!file.size()) return;
    void* memory = mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
    if (memory == MAP_FAILED)
        throw Error(Failure::file, path + ": cannot be mapped: " + std::strerror(errno));
    bytes_ = {static_cast<const std::byte*>(memory), file.size()};
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

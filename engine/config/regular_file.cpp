#include "engine/config/regular_file.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

// The one place where files that people name are opened, so that none of them can hang or exhaust a
// program.

namespace sweetspot {

bool is_there(const std::filesystem::path& path) {
    std::error_code unknown;
    return std::filesystem::status(path, unknown).type() != std::filesystem::file_type::not_found;
}

bool is_folder(const std::filesystem::path& path) {
    std::error_code unknown;
    return std::filesystem::is_directory(path, unknown);
}

RegularFile::RegularFile(const std::string& path) : path_(path) {
    // Without O_NONBLOCK the opening of a pipe waits for someone who writes.
    descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor_ < 0 && (errno == ENOENT || errno == ENOTDIR)) refuse("there is no such file");
    if (descriptor_ < 0) refuse(std::string("cannot be opened: ") + std::strerror(errno));
    struct stat facts {};
    const bool known = fstat(descriptor_, &facts) == 0;
    if (known && S_ISREG(facts.st_mode)) {
        size_ = std::size_t(facts.st_size);
        refuse_pointer();
        return;
    }
    close(descriptor_); // the destructor does not run
    refuse(known && S_ISDIR(facts.st_mode)
               ? "this is a folder; a file is needed"
               : "this is a pipe or a device, which may never end; a regular file is needed");
}

void RegularFile::refuse_pointer() const {
    constexpr std::string_view pointer = "version https://git-lfs.github.com/spec/";
    char first[pointer.size()];
    if (pread(descriptor_, first, sizeof first, 0) < ssize_t(sizeof first) ||
        std::string_view(first, sizeof first) != pointer)
        return;
    close(descriptor_);
    refuse("this is a pointer of Git LFS in place of the file; `git lfs pull` fetches it");
}

RegularFile::~RegularFile() {
    close(descriptor_);
}

void RegularFile::refuse(const std::string& why) const {
    throw Error(Failure::file, path_ + ": " + why);
}

std::size_t RegularFile::read(std::span<char> to) {
    std::size_t filled = 0;
    while (filled < to.size()) {
        const auto got = ::read(descriptor_, to.data() + filled, to.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) refuse(std::string("cannot be read: ") + std::strerror(errno));
        if (got == 0) break;
        filled += std::size_t(got);
    }
    return filled;
}

std::string RegularFile::tail(std::size_t bytes) const {
    std::string text(std::min(bytes, size_), '\0');
    const auto got =
        pread(descriptor_, text.data(), text.size(), off_t(size_) - off_t(text.size()));
    text.resize(got > 0 ? std::size_t(got) : 0);
    return text;
}

std::string read_regular_file(const std::string& path, std::size_t most_bytes) {
    RegularFile file(path);
    std::string text;
    // Files of the kernel's own say a size of 0; others may grow while they are read.
    for (std::size_t filled = 0;;) {
        if (std::max(filled, file.size()) > most_bytes)
            file.refuse("is larger than " + (most_bytes >> 20
                                                 ? std::to_string(most_bytes >> 20) + " MiB"
                                                 : std::to_string(most_bytes) + " bytes"));
        const std::size_t rest = file.size() + 1 - std::min(filled, file.size());
        const std::size_t room =
            std::min(filled < file.size() ? rest : filled / 4 + 4096, most_bytes - filled + 1);
        text.resize(filled + room);
        const auto got = file.read({text.data() + filled, room});
        text.resize(filled += got);
        if (got < room) return text;
    }
}

} // namespace sweetspot

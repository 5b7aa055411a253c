#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace sweetspot {

/// A file's bytes, read-only and read from disk only where they are looked at. Move-only.
class MappedFile {
public:
    /// Throws Error(file) with a sentence that begins with the path.
    explicit MappedFile(const std::string& path);
    ~MappedFile();
    MappedFile(MappedFile&&) noexcept;
    MappedFile& operator=(MappedFile&&) = delete;

    const std::string& path() const { return path_; }
    std::span<const std::byte> bytes() const { return bytes_; }
    /// Takes the part out of this process's memory; it is read again if it is looked at again.
    void forget(std::span<const std::byte> part) const;

private:
    std::string path_;
    std::span<const std::byte> bytes_;
};

} // namespace sweetspot
